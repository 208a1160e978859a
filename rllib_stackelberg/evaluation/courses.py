"""Value and certificate of a leader against followers whose courses of play are too many for a table, from plays.

As in estimates.py, in games of several moves or with a memory. Followers respond in play; then, with followers frozen:

- the value is the mean over plays. In a game with memory these go on from where the response ended, as many as a
  reward phase has.
- deviation gains are of another action at one of a follower's moves, everything else as before: types, chance, draws
  and what the follower does at its other moves. Which one looks best is judged on other plays than it was found on.
  In a game with memory a change is one of the strategy, at one row for good, followed over `CHAINED_PLAYS` plays and
  discounted as the learner does. A gain that takes changes at several rows at once is not looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.comparisons import NEGLIGIBLE, beyond_rounding, typical_spread
from rllib_stackelberg.evaluation.estimates import (
    DEVIATION_PLAYS,
    REWARD_PLAYS,
    Draws,
    Tried,
    alike_samples,
    best_tried,
    enumerated,
    error_of,
    sampled_draws,
)
from rllib_stackelberg.evaluation.frozen_plays import NEVER, Changes, FrozenFollowers
from rllib_stackelberg.leader.courses_in_play import ConsultedExperience
from rllib_stackelberg.leader.sampled_courses import ConsultedCourses
from rllib_stackelberg.plays.plays import Leader
from rllib_stackelberg.response.kinds import Kind, followers_for
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import draws
from rllib_stackelberg.response.played_trajectories import PlayedTrajectories
from rllib_stackelberg.response.sampled_moves import SampledMoves
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.trajectories import DEVIATION_PLAYS as CHAINED_PLAYS
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams

CHAINS = 16
"""Sequences of plays over which a change of strategy is followed, where anything is drawn."""

MOST_TRIED = 4096
"""Changes of strategy that are followed at a time."""

PlayedFollowers = PlayedTrajectories | SampledMoves

CONSULTED: dict[Kind, type[ConsultedExperience] | type[ConsultedCourses]] = {
    PlayedTrajectories: ConsultedExperience,
    SampledMoves: ConsultedCourses,
}
"""By kind of followers, their response to a leader that answers at once."""


@dataclass(frozen=True, eq=False)
class Valued:
    """Responses of fresh followers against one leader, to be valued.

    Attributes:
        response: the followers; leader: which they responded to.
        streams: of the plays that value them; reward_plays: of a reward phase, in a game with memory.
    """

    response: PlayedFollowers
    leader: Leader
    streams: Streams
    reward_plays: int

    @property
    def game(self) -> StackelbergGame:
        """The game."""
        return self.response.game

    @property
    def samples(self) -> int:
        """Responses."""
        return len(self.response.numbers)

    @property
    def _experienced(self) -> PlayedTrajectories:
        """The followers, in a game with memory: nobody else plays those."""
        assert isinstance(self.response, PlayedTrajectories)
        return self.response

    @property
    def _carried(self) -> Index:
        return self._experienced.carried

    def frozen(self, play: Play) -> FrozenFollowers:
        """The followers, as they play."""
        return FrozenFollowers(self.game, self.leader, self.response.policies(play))

    def value(self, play: Play) -> tuple[NDArray[np.float64], float]:
        """Mean payoffs `[samples, agents]`, and the standard error of the leader's mean."""
        if self.game.memory > 1:
            samples = np.arange(self.samples)
            drawn = self._chain(Stream.REWARD, self.reward_plays, [(int(sample), 0) for sample in samples])
            paid = chained(self.frozen(play), self._carried, samples, drawn, Changes.none(len(samples)))
            return paid.mean(axis=1), float(error_of(paid.mean(axis=1), paid)[0])
        drawn = sampled_draws(self.game, self.streams, self.samples)
        if self.game.nature.size <= REWARD_PLAYS:
            drawn = enumerated(self.game, drawn)
        paid = side_by_side(self.frozen(play), drawn, Changes.none(1))[0][:, :, 0]
        alike = np.ptp(drawn.weights) == 0  # a plain mean has less rounding
        means = paid.mean(axis=1) if alike else np.einsum("spa,p->sa", paid, drawn.weights)
        return means, float(error_of(means, paid)[0])

    def deviation(self, play: Play) -> tuple[float, float]:
        """Gain of the other action that looks best, and its standard error."""
        return self._changed_strategy(play) if self.game.memory > 1 else self._another_move(play)

    def _another_move(self, play: Play) -> tuple[float, float]:
        turns, frozen = self.game.learned_turns, self.frozen(play)
        tries = [
            (m, nth, action)
            for m, turn in enumerate(turns)
            for nth in range(turn.times)
            for action in range(turn.choices)
        ]
        if not tries:
            return 0.0, 0.0
        turn, nth, action = np.array([(NEVER, NEVER, NEVER), *tries]).T
        drawn = sampled_draws(self.game, self.streams, self.samples).part(slice(DEVIATION_PLAYS))
        paid, rows = side_by_side(frozen, drawn, Changes(turn, nth, np.full(len(turn), NEVER), action))

        def tried() -> Iterator[Tried]:
            """What each move that was tried would gain."""
            for line, (m, move, _) in enumerate(tries):
                gains = self._gains(paid[:, :, 1 + line], paid[:, :, 0], turns[m].agent)
                yield Tried(gains, rows[:, :, 0, m, move], turns[m].keys)

        return best_tried(tried(), alike_samples(frozen.policies))

    @staticmethod
    def _gains(changed: Numbers, before: Numbers, agent: int) -> Numbers:
        gains = changed[..., agent] - before[..., agent]
        return np.where(np.abs(gains) <= NEGLIGIBLE * typical_spread(before[..., agent]), 0.0, gains)

    def _chain(self, stream: Stream, plays: int, episodes: list[tuple[int, int]]) -> Draws:
        cells, uniforms = draws(self.game, self.streams, stream, plays, episodes)
        return Draws(self.game.nature.values(cells), uniforms, np.full(plays, 1 / plays))

    def _changed_strategy(self, play: Play) -> tuple[float, float]:
        frozen = self.frozen(play)
        chains = 1 if frozen.certain else CHAINS
        best = (-np.inf, 0.0, 0.0)
        for sample in range(self.samples):
            drawn = self._chain(Stream.DEVIATION, CHAINED_PLAYS, [(sample, chain) for chain in range(chains)])
            best = max(best, self._best_of_sample(frozen, sample, drawn))
        return best[1:]

    def _best_of_sample(self, frozen: FrozenFollowers, sample: int, drawn: Draws) -> tuple[float, float, float]:
        """How good the change that looks best looks, what it gains on other plays, and the standard error of that."""
        chains = np.full(len(drawn.nature), sample)
        carried, found = self._carried, (-np.inf, 0.0, 0.0)
        base, met = chained_with_rows(frozen, carried, chains, drawn, Changes.none(len(chains)))
        for m, turn in enumerate(self.game.learned_turns):
            tries = [(row, action) for row in met[m] for action in range(turn.choices)]
            weights = self._experienced.learners[m].patience ** np.arange(drawn.nature.shape[1])
            for start in range(0, len(tries), MOST_TRIED // len(chains)):
                row, action = np.array(tries[start : start + MOST_TRIED // len(chains)]).T.repeat(len(chains), axis=1)
                lines = len(row) // len(chains)
                changes = Changes(np.full(len(row), m), np.full(len(row), NEVER), row, action)
                again = (lines, 1, 1)
                every = Draws(np.tile(drawn.nature, again), np.tile(drawn.uniforms, again), drawn.weights)
                paid = chained(frozen, carried, np.tile(chains, lines), every, changes)
                gains = paid[..., turn.agent].reshape(lines, *base.shape[:2]) - base[..., turn.agent]
                gained = gains @ weights / weights.sum()
                sizes = np.abs(base[..., turn.agent]).mean() + 0 * gained
                found = max(found, _best_line(beyond_or_below(gained, sizes, base[..., turn.agent])))
        return found


def beyond_or_below(gained: Numbers, sizes: Numbers, paid: Numbers) -> Numbers:
    """Gains and losses, 0 where rounding explains them."""
    slack = NEGLIGIBLE * typical_spread(paid)
    return beyond_rounding(gained, sizes, slack) - beyond_rounding(-gained, sizes, slack)


def _best_line(gained: Numbers) -> tuple[float, float, float]:
    """Of gains `[tries, chains]`: how good the best one looks on even chains, its gain on odd ones, and its error."""
    if gained.shape[1] == 1:
        most = float(gained.max())
        return most, most, 0.0
    looked, judged = gained[:, ::2], gained[:, 1::2]
    promise = looked.mean(axis=1) - looked.std(axis=1, ddof=1) / np.sqrt(looked.shape[1])
    at = int(promise.argmax())
    return float(promise[at]), float(judged[at].mean()), float(judged[at].std(ddof=1) / np.sqrt(judged.shape[1]))


def side_by_side(frozen: FrozenFollowers, drawn: Draws, changes: Changes) -> tuple[Numbers, Index]:
    """Every draw `[samples, plays]` under every line of changes `[K]`.

    Returns:
        Payoffs `[samples, plays, K, agents]`; rows of moves `[samples, plays, K, learned turns, moves]`.
    """
    samples, count = drawn.nature.shape[:2]
    lines = len(changes.turn)
    chunk = max(1, frozen.game.plays_at_once // (samples * lines))
    paid, rows = [], []
    for start in range(0, count, chunk):
        part = drawn.part(slice(start, start + chunk))
        shape = (*part.nature.shape[:2], lines)
        sample, number, line = (axis.ravel() for axis in np.indices(shape))
        own = Changes(*(column[line] for column in changes))
        given = (part.nature[sample, number], part.uniforms[sample, number], own, np.zeros(len(sample), dtype=np.int64))
        played = frozen.play(sample, *given)
        paid.append(played.payoffs.reshape(*shape, -1))
        rows.append(played.rows.reshape(*shape, *played.rows.shape[1:]))
    return np.concatenate(paid, axis=1), np.concatenate(rows, axis=1)


def chained(frozen: FrozenFollowers, carried: Index, samples: Index, drawn: Draws, changes: Changes) -> Numbers:
    """Payoffs `[N, plays, agents]` of plays that go on from each other, from where followers ended `[samples]`."""
    return chained_with_rows(frozen, carried, samples, drawn, changes)[0]


def chained_with_rows(
    frozen: FrozenFollowers, carried: Index, samples: Index, drawn: Draws, changes: Changes
) -> tuple[Numbers, list[list[int]]]:
    """As `chained`; also per learned turn the rows that were met."""
    state, paid = carried[samples], []
    met: list[set[int]] = [set() for _ in frozen.policies]
    for number in range(drawn.nature.shape[1]):
        played = frozen.play(samples, drawn.nature[:, number], drawn.uniforms[:, number], changes, state)
        state = played.carried
        paid.append(played.payoffs)
        for m, own in enumerate(met):
            own.update(np.unique(played.rows[:, m]).tolist())
    return np.stack(paid, axis=1), [sorted(own - {NEVER}) for own in met]


def consult_courses(
    game: StackelbergGame, leader: Leader, settings: LeaderSettings, streams: Streams, samples: int
) -> PlayedFollowers:
    """Fresh followers after their response, played against a leader that answers at once."""
    changes: dict[str, Any] = {"reward_plays": 1}
    kind = CONSULTED[followers_for(game, settings)]
    episodes = kind(game, settings.model_copy(update=changes).fitted(game), streams, samples)
    episodes.leader = leader
    episodes.restart(np.arange(samples))
    return episodes.response


def values_of(valued: Valued, plays: Sequence[Play]) -> tuple[dict[Play, Numbers], dict[Play, float]]:
    """Per play the payoffs `[samples, agents]`, and the standard error of the leader's mean."""
    found = {play: valued.value(play) for play in plays}
    return {play: own[0] for play, own in found.items()}, {play: own[1] for play, own in found.items()}
