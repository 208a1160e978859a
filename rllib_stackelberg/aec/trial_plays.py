"""First plays of somebody else's environment: what it books must be what it tells its agents.

Plays are driven by PettingZoo's own loop (`last()`, `step`), with actions that masks allow. Refused by name:

- rewards that `last()` tells and `rewards` does not hold, or the other way: the game is paid from `rewards`;
- a play that a wrapper ends while the environment it wraps goes on: what was left of it would count as nothing;
- a leader or a learner that never moves: there would be nothing to lead, or to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pettingzoo import AECEnv

from rllib_stackelberg.aec.sessions import MOST_STEPS, all_over, failure, out, paid_to
from rllib_stackelberg.comparisons import NEGLIGIBLE, exceeds
from rllib_stackelberg.errors import InvalidFieldError

TRIAL_PLAYS = 3
MOST_TRIAL_PLAYS = 30
"""Plays in which whoever leads or learns must have had a turn."""

Begin = Callable[[AECEnv, NDArray[np.int64]], None]
Choose = Callable[[AECEnv, str], Any]

BOOKING = (
    "an environment that books what a step pays in `rewards`, and adds it to what last() tells (_accumulate_rewards)"
)


class Trial:
    """One play.

    Attributes:
        booked, told: what each agent got by `rewards`, and by `last()`, `[agents]`.
        actions: in order; moved: who took them; mover: whose turn it was last, "reset" before any.
    """

    def __init__(self, agents: Sequence[str]):
        self.agents = agents
        self.booked, self.told = np.zeros((2, len(agents)))
        self.actions: list[Any] = []
        self.moved: set[str] = set()
        self.mover = "reset"

    def play(self, env: AECEnv, choose: Choose) -> None:
        """From the start to the end, until every agent has been told what it got last."""
        done: set[str] = set()
        while env.agents and not done.issuperset(env.agents) and len(self.actions) < MOST_STEPS:
            agent = self.mover = env.agent_selection
            _, reward, terminated, truncated, _ = env.last()
            if agent in self.agents:
                self.told[self.agents.index(agent)] += float(np.asarray(reward).reshape(()))
            if terminated or truncated:
                was_over = all_over(env)
                done.add(agent)
                env.step(None)
                self.booked += 0 if was_over else paid_to(env, self.agents)
            else:
                action = choose(env, agent)
                env.step(action)
                self.actions.append(action)
                self.moved.add(agent)
                self.booked += paid_to(env, self.agents)

    def check(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        """Refuse an environment that tells its agents something else than it books; payoff ranges `[agents]`."""
        slack = NEGLIGIBLE * (high - low)
        unlike = exceeds(self.booked, self.told, slack=slack) | exceeds(self.told, self.booked, slack=slack)
        for k in np.flatnonzero(unlike).tolist():
            amounts = f"`rewards` add up to {self.booked[k]:g}, and last() tells it {self.told[k]:g}"
            raise InvalidFieldError("make", f"in a trial play, {self.agents[k]}'s {amounts}", BOOKING)


def try_plays(
    make: Callable[[], AECEnv],
    begin: Begin,
    natures: Callable[[], NDArray[np.int64]],
    agents: Sequence[str],
    choose: Choose,
    payoff_range: NDArray[np.float64],
    asked: Sequence[str],
) -> None:
    """Play an environment a few times, and refuse one that cannot be led.

    Args:
        make: a new environment; begin: starts a play in it; natures: what the next play is begun with.
        agents: whose payoffs are collected; choose: what an agent does; payoff_range: declared, `[agents, 2]`.
        asked: who leads and who learns: these must move.

    Raises:
        InvalidFieldError: naming the fault.
    """
    env, plays = make(), 0
    moved: set[str] = set()
    while plays < TRIAL_PLAYS or (not moved.issuperset(asked) and 0 < plays < MOST_TRIAL_PLAYS):
        nature, trial = natures(), Trial(agents)
        try:
            begin(env, nature)
            trial.play(env, choose)
        except Exception as error:
            _refuse_cut(make, begin, nature, trial.actions)  # a cut environment may fail when it is told the end
            problem = failure(env, trial.mover, len(trial.actions), error)
            raise InvalidFieldError("make", f"a trial play fails ({problem})", "plays that masks allow") from error
        trial.check(*payoff_range.T)
        _refuse_cut(make, begin, nature, trial.actions)
        moved |= trial.moved
        plays += 1
    for agent in asked if plays else ():
        if agent not in moved:
            role = "roles.leader" if agent == asked[0] else "roles.learners"
            raise InvalidFieldError(role, f"{agent} had no turn in {plays} plays", ", ".join(sorted(moved)))


def _refuse_cut(make: Callable[[], AECEnv], begin: Begin, nature: NDArray[np.int64], actions: list[Any]) -> None:
    """Refuse wrappers that end a play which, without them, goes on."""
    env = make()
    inner = env.unwrapped
    if inner is env or not isinstance(inner, AECEnv):
        return
    try:
        begin(inner, nature)
        for action in actions:
            while not all_over(inner) and out(inner, inner.agent_selection):
                inner.step(None)
            inner.step(action)
        goes_on = not all_over(inner)
    except Exception:
        return  # a wrapper that changes actions or the beginning: nothing is known of the play without it
    if goes_on:
        problem = f"a wrapper ends a play after {len(actions)} steps, and {inner} goes on: what is left pays nothing"
        raise InvalidFieldError(
            "make", problem, "the environment without it; its own limit (such as max_cycles=) counts"
        )
