"""Value and certificate of a leader in a game too large to tabulate, estimated from plays.

Followers respond in play, the leader answering on demand. Then, with followers frozen:

- the value is the mean payoff of `REWARD_PLAYS` plays per response sample; where there are no more values of nature
  than that, each is played equally often and weighted by its probability. Its standard error is taken over response
  samples, so it covers both sources of chance.
- deviation gains compare plays that differ in one follower's action only: same types, same chance, same draws of the
  others (common random numbers). The (sample, row, action) whose gain on one half of the plays is largest, less its
  standard error, is looked for, and its gain on the other half reported: the largest of many noisy numbers would be too
  large. Response samples with the same play are pooled. Rows met less than `FEWEST_PLAYS` times in a half are not
  judged.

Where what followers play is certain (argmax play does not draw) and few values of nature are possible, each is played
once, and nothing is estimated but what comes of chance in the response.

Cost: (`REWARD_PLAYS` + (1 + sum_i |A_i|) `DEVIATION_PLAYS`) plays per response sample, and as many updates as are asked
for; nothing is exponential in the number of followers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.comparisons import NEGLIGIBLE, standard_error, typical_spread
from rllib_stackelberg.evaluation.certificates import Certificate, learning_certificate
from rllib_stackelberg.leader.answered import ConsultedOnce
from rllib_stackelberg.leader.foreseen import Consulted, Foreseen
from rllib_stackelberg.plays.compiled_plays import make_plays
from rllib_stackelberg.plays.outcomes import Policies
from rllib_stackelberg.plays.plays import Leader, play_out
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import draws
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams

REWARD_PLAYS = 1000
DEVIATION_PLAYS = 256
FEWER_DEVIATION_PLAYS = 64
"""Where one play alone is valued: while a leader is chosen, not when it is reported."""
FEWEST_PLAYS = 8


@dataclass(frozen=True, eq=False)
class Estimate:
    """What plays against a frozen response say.

    Attributes:
        response: the followers after their response.
        values: per play `[samples, agents]`, mean payoffs.
        errors: per play `[agents]`, standard errors of the mean over samples.
        certificate: see certificates.py.
    """

    response: Response
    values: dict[Play, NDArray[np.float64]]
    errors: dict[Play, NDArray[np.float64]]
    certificate: Certificate


@dataclass(frozen=True, eq=False)
class Draws:
    """What plays are made of, the same for every action that is tried in them.

    Attributes:
        nature: types and chance `[samples, plays, width]`; uniforms: of followers `[samples, plays, learned turns]`.
        weights: of plays in a mean, `[plays]`.
    """

    nature: Index
    uniforms: NDArray[np.float64]
    weights: NDArray[np.float64]

    def part(self, plays: slice) -> Draws:
        """Some of the plays of each sample."""
        return Draws(self.nature[:, plays], self.uniforms[:, plays], self.weights[plays])


def estimate(
    game: StackelbergGame,
    leader: Leader,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Estimate:
    """Let followers respond to a leader in play, and estimate what that is worth.

    Args:
        game: of any size; leader: answers what is asked; settings: the response.
        streams: of the response and of the plays that value it; samples: independent responses.
        plays: which are valued, the reported one (`settings.reward_play`) among them. "average" is every follower's
            own average strategy, the others' independent of it.

    Raises:
        InvalidFieldError: settings that the game is too large for.
    """
    response = consult(game, leader, settings, streams, samples).response
    drawn = sampled_draws(game, streams, samples)
    rewards = enumerated(game, drawn) if game.nature.size <= REWARD_PLAYS else drawn
    nobody = np.full((1, len(game.learned_turns)), -1)
    values, errors = {}, {}
    tried = DEVIATION_PLAYS if len(plays) > 1 else min(FEWER_DEVIATION_PLAYS, DEVIATION_PLAYS)
    certain = {play: _certain(response.policies(play)) and game.nature.size <= tried for play in plays}
    for play in plays:
        own = rewards.part(slice(game.nature.size)) if certain[play] else rewards
        own = replace(own, weights=own.weights / own.weights.sum())
        paid, information = _played(game, response, leader, own, nobody, play)
        values[play] = np.einsum("spa,p->sa", paid[:, :, 0], own.weights)
        errors[play] = error_of(values[play], paid[:, :, 0])
        if play == settings.reward_play:
            reach, judged = _reach(game, information[:, :, 0], own.weights), own
    known = certain[settings.reward_play]
    judged = judged if known else drawn.part(slice(tried))
    gain, error = _deviation_gain(game, response, leader, judged, settings.reward_play, known)
    certificate = Certificate(
        play=settings.reward_play,
        ties=settings.ties,
        deviation_gain=max(gain, 0.0),
        deviation_error=error,
        deviation_plays=0 if known else tried,
        updates=settings.response_updates,
        response_samples=samples,
        exact_expectation=False,
        **learning_certificate(response, reach),
    )
    return Estimate(response, values, errors, certificate)


def _certain(policies: Policies) -> bool:
    """Whether no follower draws what it plays."""
    return all(bool(((policy == 0) | (policy == 1)).all()) for policy in policies)


def consult(
    game: StackelbergGame, leader: Leader, settings: LeaderSettings, streams: Streams, samples: int
) -> Foreseen:
    """Responses of fresh followers, played against a leader that answers at once."""
    changes: dict[str, Any] = {"elicitation": "in_play", "reward_plays": 1}
    # Here followers only respond: what the leader is rewarded for comes after.
    changes |= {"deviation_margin": 0.0, "deviation_penalty": 0.0}
    if not settings.split_ties:
        changes["ties"] = "lowest"
    kind = Consulted if game.compiled is None else ConsultedOnce
    phase = kind(game, settings.model_copy(update=changes).fitted(game), streams, samples, leader)
    phase.restart(np.arange(samples))
    return phase


def sampled_draws(game: StackelbergGame, streams: Streams, samples: int) -> Draws:
    """`REWARD_PLAYS` plays of each sample, as they come."""
    episodes = [(sample, 0) for sample in range(samples)]
    cells, uniforms = draws(game, streams, Stream.REWARD, REWARD_PLAYS, episodes)
    return Draws(game.nature.values(cells), uniforms, np.full(REWARD_PLAYS, 1 / REWARD_PLAYS))


def enumerated(game: StackelbergGame, drawn: Draws) -> Draws:
    """All values of nature, as often as fits, in place of the drawn ones."""
    support, probabilities = game.nature.support()
    times = REWARD_PLAYS // len(support)
    nature = np.broadcast_to(np.tile(support, (times, 1)), (len(drawn.nature), times * len(support), support.shape[1]))
    return Draws(nature, drawn.uniforms[:, : times * len(support)], np.tile(probabilities / times, times))


def _played(
    game: StackelbergGame, response: Response, leader: Leader, drawn: Draws, forced: Index, play: Play
) -> tuple[NDArray[np.float64], Index]:
    """Play every draw under every line of `forced` (`[K, learned turns]`, -1: as drawn).

    Returns:
        payoffs `[samples, plays, K, agents]`; rows at which followers moved `[samples, plays, K, learned turns]`.
    """
    samples, count = drawn.nature.shape[:2]
    chunk = max(1, game.plays_at_once // (samples * len(forced)))
    parts = [
        _played_together(game, response, leader, drawn.part(slice(start, start + chunk)), forced, play)
        for start in range(0, count, chunk)
    ]
    return np.concatenate([paid for paid, _ in parts], axis=1), np.concatenate([rows for _, rows in parts], axis=1)


def _played_together(
    game: StackelbergGame, response: Response, leader: Leader, drawn: Draws, forced: Index, play: Play
) -> tuple[NDArray[np.float64], Index]:
    shape = (*drawn.nature.shape[:2], len(forced))
    sample, number, line = (axis.ravel() for axis in np.indices(shape))
    uniforms = drawn.uniforms[sample, number]

    def choose(slots: Index, turn: int, information: Index) -> Index:
        """The action that is tried, or the one that was learned."""
        actions = forced[line[slots], turn]
        free = np.flatnonzero(actions < 0)
        own = slots[free]
        actions[free] = response.draw(sample[own], turn, information[free], uniforms[own, turn], play)
        return actions

    plays = make_plays(game, len(sample))
    plays.begin(np.arange(len(sample)), drawn.nature[sample, number], choose)
    play_out(plays, leader, choose)
    return plays.payoffs.reshape(*shape, -1), plays.information.reshape(*shape, -1)


def error_of(means: NDArray[np.float64], paid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over samples; of a single one, over its plays. `[agents]`."""
    of = means if len(means) > 1 else paid[0]
    return standard_error(of)


def _reach(game: StackelbergGame, rows: Index, weights: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Per learned turn the estimated probability of each row, from plays `[samples, plays, learned turns]`."""
    found = []
    for k, turn in enumerate(game.learned_turns):
        own = rows[..., k]
        weight = np.where(own >= 0, weights / len(rows), 0.0)
        sums = np.bincount(np.maximum(own, 0).ravel(), weights=weight.ravel(), minlength=turn.keys)
        found.append(sums.astype(np.float64))
    return found


def _deviation_gain(
    game: StackelbergGame, response: Response, leader: Leader, drawn: Draws, play: Play, certain: bool
) -> tuple[float, float]:
    """The gain of the deviation that looks best, and its standard error (see the head of this file).

    Args:
        game, response, leader, play: what is played; drawn: how often, and with which weights.
        certain: whether these are all plays there are.
    """
    turns = game.learned_turns
    as_drawn = np.full((1, len(turns)), -1)
    tries = [(k, action) for k, turn in enumerate(turns) for action in range(turn.choices)]
    if not tries:
        return 0.0, 0.0
    forced = np.repeat(as_drawn, len(tries), axis=0)
    forced[np.arange(len(tries)), [k for k, _ in tries]] = [action for _, action in tries]
    paid, rows = _played(game, response, leader, drawn, np.concatenate([as_drawn, forced]), play)

    def tried() -> Iterator[Tried]:
        """What each action that was tried would gain; rounding is no gain."""
        for line, (k, _) in enumerate(tries):
            agent = turns[k].agent
            gains = paid[:, :, 1 + line, agent] - paid[:, :, 0, agent]
            gains[np.abs(gains) <= NEGLIGIBLE * typical_spread(paid[..., agent])] = 0.0
            yield Tried(gains, rows[:, :, 0, k], turns[k].keys)

    if certain:
        return _largest_gain(tried(), drawn.weights), 0.0
    return best_tried(tried(), alike_samples(response.policies(play)))


class Tried(NamedTuple):
    """Another action in every play: gains `[samples, plays]`, rows where it was taken (-1: not), how many there are."""

    gains: NDArray[np.float64]
    rows: Index
    number: int


def _largest_gain(tries: Iterable[Tried], weights: NDArray[np.float64]) -> float:
    """The most that is expected of another action at a row of a sample, of all plays with their weights."""
    best = -np.inf
    for gains, rows, number in tries:
        sample, play = np.nonzero(rows >= 0)
        bins, size = sample * number + rows[sample, play], len(rows) * number
        reach = np.bincount(bins, weights=weights[play], minlength=size)
        gained = np.bincount(bins, weights=weights[play] * gains[sample, play], minlength=size)
        best = max(best, float((gained[reach > 0] / reach[reach > 0]).max(initial=-np.inf)))
    return best if np.isfinite(best) else 0.0


def alike_samples(policies: Policies) -> Index:
    """Samples `[S]` by number, equal where followers play the same strategies `[S, rows, actions]`."""
    flat = np.concatenate([policy.reshape(len(policy), -1) for policy in policies], axis=1)
    return np.unique(flat, axis=0, return_inverse=True)[1].reshape(-1)


def best_tried(tries: Iterable[Tried], alike: Index) -> tuple[float, float]:
    """Gain of what looks best in half of the plays, in the other half, and its standard error.

    Args:
        tries: what was tried.
        alike: numbers of samples, equal where followers play the same: `[samples]`.
    """
    best = (-np.inf, 0.0, 0.0)
    for gains, rows, number in tries:
        looked, judged = (
            _row_means(gains[:, half], rows[:, half], alike, number)
            for half in (slice(None, None, 2), slice(1, None, 2))
        )
        promise = np.where(np.isnan(judged[0]), -np.inf, np.nan_to_num(looked[0] - looked[1], nan=-np.inf))
        at = int(promise.argmax())
        best = max(best, (float(promise[at]), float(judged[0][at]), float(judged[1][at])))
    return (best[1], best[2]) if np.isfinite(best[0]) else (0.0, 0.0)


def _row_means(
    gains: NDArray[np.float64], rows: Index, alike: Index, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean gain and its standard error per (kind of sample, row), flat; NaN where met too rarely.

    Args:
        gains, rows: `[samples, plays]`; alike: number of the sample's kind `[samples]`; count: of rows.
    """
    met = rows >= 0
    bins = (alike[:, None] * count + rows)[met]
    size = (int(alike.max()) + 1) * count
    number = np.bincount(bins, minlength=size)
    enough = np.where(number >= FEWEST_PLAYS, number, np.nan)
    mean = np.bincount(bins, weights=gains[met], minlength=size) / enough
    spread = np.bincount(bins, weights=(gains[met] - mean[bins]) ** 2, minlength=size)
    return mean, np.sqrt(spread / (enough - 1) / enough)
