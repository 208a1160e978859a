"""How `steadiness_smfrl.py` looks at a government of `taxation` after an epoch: what it is worth, how far it has moved,
and how wrong its critic is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rllib_stackelberg.envs.taxation_v0 import Taxation

from rllib_stackelberg.populations.play import PopulationPlays, logged, told
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy
from rllib_stackelberg.streams import Purpose, Streams
from rllib_stackelberg.training.populations.learner import SMFRLLearner
from rllib_stackelberg.training.populations.modules import LEADER, MEMBERS
from rllib_stackelberg.training.populations.smfrl import SMFRL

PLAYS = 8
EARLY = 30

Epoch = dict[str, float]


@dataclass(frozen=True, eq=False)
class Pass:
    """Greedy plays of a policy, by year T and play P; NaN where a play had ended.

    Attributes:
        seen: what the government saw `[T, P, 6]`; mean: households' mean state, as told `[T, P, 2]`; actions: of the
            government `[T, P, 5]`; answers: households' mean action, in the unit box `[T, P, 2]`; paid: the government
            `[T, P]`; enjoyed: households, their mean `[T, P]`.
    """

    seen: NDArray[np.float64]
    mean: NDArray[np.float64]
    actions: NDArray[np.float64]
    answers: NDArray[np.float64]
    paid: NDArray[np.float64]
    enjoyed: NDArray[np.float64]

    @classmethod
    def of(cls, game: Taxation, policy: PopulationPolicy, seed: int) -> Pass:
        """Play on the selection streams of a seed."""
        plays = PopulationPlays(game, Streams(seed, Purpose.SELECTION), range(PLAYS))
        which = logged(game.member_space)
        years: list[list[NDArray]] = []
        while len(rows := plays.running):
            state = plays.state.take(rows)
            leader, members = policy.play(game, state)
            mean = told(game.observe_members(state), which).mean(axis=1)
            told_of = (game.observe_leader(state), mean, leader, policy.members.unit(members).mean(axis=1))
            paid, enjoyed = plays.step(leader, members, rows)
            years.append([_spread(values, rows) for values in (*told_of, paid, enjoyed.mean(axis=1))])
        return cls(*(np.stack(column) for column in zip(*years, strict=True)))

    @property
    def value(self) -> float:
        """The government's payoff of a play."""
        return float(np.nansum(self.paid, axis=0).mean())

    @property
    def welfare(self) -> float:
        """Households' payoff of a play, their mean."""
        return float(np.nansum(self.enjoyed, axis=0).mean())

    @property
    def lasted(self) -> float:
        """Years, mean over plays."""
        return float(np.isfinite(self.paid).sum(axis=0).mean())

    def discounted(self, gamma: float) -> NDArray[np.float64]:
        """What follows each year, that year included `[T, P]`; nothing is paid after the end."""
        paid, after = np.nan_to_num(self.paid), np.zeros(self.paid.shape[1])
        sums = np.empty_like(paid)
        for year in range(len(paid) - 1, -1, -1):
            sums[year] = after = paid[year] + gamma * after
        return sums


def _spread(values: NDArray, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values of some plays `[R, ...]` at their places among all, NaN elsewhere."""
    found = np.full((PLAYS, *values.shape[1:]), np.nan)
    found[rows] = values
    return found


def rms(values: NDArray) -> float:
    """Root mean square of what is a number; NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")


def moved(game: Taxation, one: BoxActor, before: BoxActor, played: Pass) -> Epoch:
    """How far the government's actions in the states of a pass are from those of another actor."""
    other = before.act(before.features(played.seen))
    caps = game.caps
    matter = (np.minimum(played.actions, caps) - np.minimum(other, caps)) / (caps - one.low)
    return {
        "moved": rms(one.unit(played.actions) - one.unit(other)),
        "that matter": rms(matter[:EARLY]),
        "late": rms(matter[EARLY:]),
    }


@torch.no_grad()
def said(learner: SMFRLLearner, played: Pass, unit: BoxActor, which: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The government's critic on what was seen and done `[T, P]`, in its units."""
    leader, members = (learner.module[side].unwrapped() for side in (LEADER, MEMBERS))
    seen, mean, action, answer = (
        torch.from_numpy(values.astype(np.float32))
        for values in (told(played.seen, which), played.mean, unit.unit(played.actions), played.answers)
    )
    rows = [values.flatten(0, 1) for values in (seen, mean, action, answer)]
    own = torch.cat([leader.normaliser(rows[0]), rows[2]], dim=-1)
    return leader.qf(own, members.normaliser(rows[1]), rows[3]).reshape(played.paid.shape).numpy().astype(np.float64)


def true(learner: SMFRLLearner, played: Pass) -> NDArray[np.float64]:
    """What the critic should say `[T, P]`: discounted payoffs that follow, in its units, from its origin."""
    gamma, scale = learner.settings.gamma, learner.module[LEADER].unwrapped().reward_scale
    sums = played.discounted(gamma) - float(scale.origin) / (1 - gamma)
    return learner.reward_factor * sums / float(scale.unit)


def relative(learner: SMFRLLearner, error: float, played: Pass) -> float:
    """An error in the critic's units as a share of discounted payoffs, counted from nothing, in the first years."""
    unit = float(learner.module[LEADER].unwrapped().reward_scale.unit) / learner.reward_factor
    return unit * error / rms(played.discounted(learner.settings.gamma)[:EARLY])


def looked(algo: SMFRL, game: Taxation, policy: PopulationPolicy, before: PopulationPolicy, seed: int) -> Epoch:
    """All that is measured after an epoch."""
    played = Pass.of(game, policy, seed)
    led = PopulationPolicy(policy.leader, before.members, policy.sees_leader)
    learner = algo.learner_group._learner
    sums, which = true(learner, played), logged(game.leader_space)
    error = (said(learner, played, policy.leader, which) - sums)[:EARLY]
    ages = algo.env_runner_group.local_env_runner.env.state.period
    mean = np.nanmean(error) if np.isfinite(error).any() else 0.0
    return {
        "value": played.value,
        "value to old answers": Pass.of(game, led, seed).value,
        "welfare": played.welfare,
        "lasted": played.lasted,
        "discounted": float(sums[0].mean()),
        "critic error": rms(error),
        "shape": rms(error - mean),
        "error, of value": relative(learner, rms(error), played),
        "unit": float(learner.module[LEADER].unwrapped().reward_scale.unit),
        "youngest": float(ages.min()),
        "oldest": float(ages.max()),
        **moved(game, policy.leader, before.leader, played),
    }
