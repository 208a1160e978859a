"""The response phase: followers learn against the leader's fixed answers.

One update (Brero et al. 2022, section on policy-interactive response): nature draws types and chance; every
follower draws a reference action from its current strategy; each follower's row in play is updated with the
payoff of all its own actions against the others' reference actions. With `expected` updates every row is
updated with its expected payoffs, exact over types and the others' strategies.

Nothing here knows how the leader is asked: utilities come from an `OutcomeTable` (looked up) or from plays
(in_play.py), and both give the same bits. The loops are in engine.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import LearnerState, UtilityLearner, draw_play
from rllib_stackelberg.followers.ties import argmax_policy, equally_good
from rllib_stackelberg.plays.outcomes import OutcomeTable
from rllib_stackelberg.plays.payoff_matrices import observed_matrices
from rllib_stackelberg.response import engine, sampled_engine
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.ties import broken

Play = Literal["argmax", "last", "average"]
"""Which strategy a follower plays after it has learned."""

NOTHING = np.zeros((0, 0, 0))


@dataclass
class Record:
    """Running sums of one follower; enough for every certificate.

    All arrays are `[episode, row(, action)]`: payoff of every fixed action (`fixed`), of the mixed strategy
    (`mixed`), of the drawn action (`drawn`; of the mixed strategy where none is drawn), sum of strategies
    (`policy`), number of updates (`visits`).
    """

    sums: NDArray[np.float64]
    actions: int

    @property
    def fixed(self) -> NDArray[np.float64]:
        """Sum of counterfactual payoffs of each own action."""
        return self.sums[..., : self.actions]

    @property
    def policy(self) -> NDArray[np.float64]:
        """Sum of mixed strategies."""
        widest = (self.sums.shape[-1] - 3) // 2
        return self.sums[..., widest : widest + self.actions]

    @property
    def mixed(self) -> NDArray[np.float64]:
        """Sum of payoffs of the mixed strategy."""
        return self.sums[..., -3]

    @property
    def drawn(self) -> NDArray[np.float64]:
        """Sum of payoffs of the drawn action."""
        return self.sums[..., -2]

    @property
    def visits(self) -> NDArray[np.float64]:
        """Number of updates."""
        return self.sums[..., -1]

    @property
    def regret(self) -> NDArray[np.float64]:
        """Total regret of the mixed strategies."""
        return np.maximum(self.fixed.max(axis=-1) - self.mixed, 0)


class Response:
    """All followers of a number of leader episodes.

    Attributes:
        learners: one per learned turn.
        numbers: what they keep, `[episode, row, width]`, the rows of all followers one after the other.
        split: whether argmax play plays tied actions with the same probability, instead of the lowest of them.
    """

    def __init__(self, game: StackelbergGame, learners: Sequence[UtilityLearner], episodes: int, split: bool = False):
        """Args: game; one learner per learned turn (or one for all); number of episodes; split: see above."""
        self.split = split
        turns = game.learned_turns
        if len(learners) not in (1, len(turns)):
            raise InvalidFieldError(
                "followers", f"{len(learners)} learners", f"one for all, or one for each of {len(turns)}"
            )
        self.game = game
        self.learners = tuple(learners) * len(turns) if len(learners) == 1 else tuple(learners)
        self.kernels, self._who = engine.follower_arrays(self.learners, turns, game.utility_scale, learners)
        rows, widest = int(self._who.rows.sum()), int(self._who.actions.max(initial=0))
        self._fresh = engine.fresh_rows(self.learners, turns, self._who)
        for m, learner in enumerate(self.learners):
            if learner.traits.commits:
                self._commit(m)
        self.numbers = np.tile(self._fresh, (episodes, 1, 1))
        self._sums = np.zeros((episodes, rows, 2 * widest + 3))

    def _commit(self, turn: int) -> None:
        """Begin with the responses that a follower has committed to, instead of with nothing learned."""
        matrices = observed_matrices(self.game)
        rows = self._who.first[turn] + matrices.rows
        self._fresh[rows] = self.learners[turn].committed(matrices.leader, matrices.follower)

    def _rows(self, turn: int) -> slice:
        first = self._who.first[turn]
        return slice(first, first + self._who.rows[turn])

    def restart(self, episodes: NDArray[np.int64]) -> None:
        """Fresh followers in the given episodes."""
        self.numbers[episodes] = self._fresh
        self._sums[episodes] = 0.0

    def arrays(self) -> dict[str, NDArray]:
        """All that changes, by name, `[episode, ...]` each: the arrays themselves, not copies."""
        return {"numbers": self.numbers, "sums": self._sums}

    def record(self, turn: int) -> Record:
        """Running sums of one follower."""
        return Record(self._sums[:, self._rows(turn)], int(self._who.actions[turn]))

    def visits(self, turn: int) -> NDArray[np.float64]:
        """Updates of each row of one follower, of all episodes together: `[row]`."""
        return np.asarray(self.record(turn).visits.sum(axis=0))

    def policies(self, play: Play = "argmax") -> list[NDArray[np.float64]]:
        """Per learned turn the strategies `[episode, row, action]` under the given play."""
        return [
            self._policy(m, self.numbers[:, self._rows(m)], self._sums[:, self._rows(m)], play)
            for m in range(len(self.learners))
        ]

    def tied(self, episodes: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
        """Per learned turn which actions they have learned to be equally good, and best, `[episode, row, action]`."""
        return [
            equally_good(learner.judged(self._state(m, self.numbers[episodes, self._rows(m)])))
            for m, learner in enumerate(self.learners)
        ]

    def _state(self, turn: int, numbers: NDArray[np.float64]) -> LearnerState:
        return LearnerState(numbers[..., : self._who.widths[turn]], int(self._who.actions[turn]))

    def _policy(
        self, turn: int, numbers: NDArray[np.float64], sums: NDArray[np.float64], play: Play
    ) -> NDArray[np.float64]:
        """Strategies of one follower's rows; a row never updated is as at the start in every play."""
        actions = int(self._who.actions[turn])
        learner, state = self.learners[turn], self._state(turn, numbers)
        if play == "argmax" and self.split:
            tied = equally_good(learner.judged(state))
            return broken(tied, np.zeros(tied.shape), "uniform")
        policy = learner.policy(state)
        if play == "argmax":
            return argmax_policy(policy)
        if play == "average":
            record = Record(sums, actions)
            visits = record.visits[..., None]
            return np.where(visits > 0, record.policy / np.maximum(visits, 1), policy)
        return policy

    def average_regret(self) -> NDArray[np.float64]:
        """Largest average regret of the mixed strategies over followers and rows, payoff units: `[episode]`."""
        worst = np.zeros(len(self.numbers))
        for m in range(len(self.learners)):
            record = self.record(m)
            worst = np.maximum(worst, (record.regret / np.maximum(record.visits, 1)).max(axis=1))
        return worst

    def draw(
        self,
        episodes: NDArray[np.int64],
        turn: int,
        information: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        play: Play = "last",
    ) -> NDArray[np.int64]:
        """Actions of one follower at the given information sets, drawn from its strategy: `[N]`."""
        rows = self._who.first[turn] + information
        return draw_play(self._policy(turn, self.numbers[episodes, rows], self._sums[episodes, rows], play), uniforms)

    def learn_sampled(
        self,
        episodes: NDArray[np.int64],
        information: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        utilities: Sequence[NDArray[np.float64]],
    ) -> None:
        """One sampled update from plays.

        Args:
            episodes: `[E]`.
            information: `[E, learned turns]`, -1 for a follower that did not move.
            uniforms: `[E, learned turns]`, the ones the reference actions are drawn with.
            utilities: per learned turn `[E, actions]`.
        """
        payoffs = np.zeros((len(episodes), len(self.learners), int(self._who.actions.max(initial=0))))
        for m, given in enumerate(utilities):
            payoffs[:, m, : given.shape[1]] = given
        sampled_engine.sampled_update(
            self.kernels, self._who, self.numbers, self._sums, episodes, information, uniforms, payoffs
        )

    def learn_expected(
        self,
        table: OutcomeTable,
        episodes: NDArray[np.int64],
        updates: int = 1,
        total: NDArray[np.float64] = NOTHING,
    ) -> None:
        """Expected updates of every row that play can reach.

        Args:
            table: one entry per episode, or one for all.
            episodes: `[E]`; updates: how many.
            total: `[E, nature, joint action]`, to which the play of every update is added; or empty.
        """
        engine.expected_phase(
            self.kernels,
            self._who,
            table.arrays,
            self.numbers,
            self._sums,
            episodes,
            table.entries(len(episodes)),
            updates,
            total,
        )

    def learn_from_table(
        self,
        table: OutcomeTable,
        episodes: NDArray[np.int64],
        nature: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        total: NDArray[np.float64] = NOTHING,
    ) -> None:
        """Many sampled updates by look-up, followers' information not depending on followers' moves.

        Args:
            table: one entry per episode, or one for all.
            episodes: `[E]`.
            nature: `[E, updates]`, rows of the nature support.
            uniforms: `[E, updates, learned turns]`.
            total: `[E, nature, joint action]`, to which the play of every update is added; or empty.
        """
        rows = self.numbers.shape[1]
        sampled_engine.chosen_phase(self.kernels, self._who, uniforms.size)(
            self.kernels,
            self._who,
            table.arrays,
            sampled_engine.look_up(table.arrays),
            self.numbers.reshape(len(self.numbers) * rows, self.numbers.shape[2]),
            self._sums.reshape(len(self.numbers) * rows, self._sums.shape[2]),
            sampled_engine.Batch(episodes * rows, table.entries(len(episodes)), nature, uniforms),
            total,
        )
