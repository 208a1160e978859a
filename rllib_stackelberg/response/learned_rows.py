"""What followers keep who learn at each of their information sets, and how they play with it.

In one array lie the numbers of all learners' rows, in another the running sums that certificates are made of. How they
learn says a subclass: from outcomes that are looked up or played (response.py), or from expected payoffs that the rules
know a short way to (interim.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import LearnerState, UtilityLearner
from rllib_stackelberg.followers.ties import argmax_policy, equally_good
from rllib_stackelberg.plays.payoff_matrices import observed_matrices
from rllib_stackelberg.response import engine
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.followers import Followers, Table
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.ties import broken


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


class LearnedRows(Followers[Table, UtilityLearner]):
    """Followers that learn without regret at each of their information sets.

    Attributes:
        kernels: of the learners.
        numbers: what they keep, `[episode, row, width]`.
    """

    learns = UtilityLearner

    def __init__(self, game: StackelbergGame, learners: Sequence[UtilityLearner], episodes: int, split: bool = False):
        """See `Followers`."""
        turns = game.learned_turns
        if len(learners) not in (1, len(turns)):
            raise InvalidFieldError(
                "followers", f"{len(learners)} learners", f"one for all, or one for each of {len(turns)}"
            )
        super().__init__(game, learners, episodes, split)
        kernels, who = engine.follower_arrays(self.learners, turns, game.utility_scale, learners)
        kinds = dict.fromkeys(learner.kernels for learner in (self.learners or learners))
        self.kernels = kernels._replace(steps=engine.mixed_steps(tuple(kinds)))
        self._who = who = self._placed(who)
        self.rows = [slice(int(one), int(one + own)) for one, own in zip(who.first, who.rows, strict=True)]
        widest = int(who.actions.max(initial=0))
        fresh = engine.fresh_rows(self.learners, turns, who)
        for m, learner in enumerate(self.learners):
            if learner.traits.commits:
                self._commit(m, fresh)
        self._fresh = {"numbers": fresh}
        self.numbers = np.tile(fresh, (episodes, 1, 1))
        self._sums = np.zeros((episodes, len(fresh), 2 * widest + 3))

    @classmethod
    def refuse(cls, settings: ResponseFields) -> None:
        """See `Followers`: bandits, where updates are exact."""
        bandits = [learner.traits.name for learner in settings.followers if learner.traits.feedback == "bandit"]
        if not (settings.expected and bandits):
            return
        if settings.needs_expected:
            problem = f"{bandits[0]} learns from the action it drew, another needs exact utilities"
            raise InvalidFieldError("followers", problem, "one kind")
        raise InvalidFieldError("update_mode", f"{bandits[0]} learns from the action it drew", "sampled")

    def _placed(self, who: engine.FollowerArrays) -> engine.FollowerArrays:
        """Where followers' rows lie: one follower after the other, unless a subclass knows better."""
        return who

    def _commit(self, turn: int, fresh: NDArray[np.float64]) -> None:
        """Begin with the responses that a follower has committed to, instead of with nothing learned."""
        matrices = observed_matrices(self.game)
        rows = self._who.first[turn] + matrices.rows
        fresh[rows] = self.learners[turn].committed(matrices.leader, matrices.follower)

    def arrays(self) -> dict[str, NDArray]:
        """See `Followers`."""
        return {"numbers": self.numbers, "sums": self._sums}

    def record(self, turn: int) -> Record:
        """Running sums of one follower."""
        return Record(self._sums[:, self.rows[turn]], int(self._who.actions[turn]))

    def visits(self, turn: int) -> NDArray[np.float64]:
        """See `Followers`: updates."""
        return np.asarray(self.record(turn).visits.sum(axis=0))

    def tied(self, episodes: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
        """Per learned turn which actions they have learned to be equally good, and best, `[episode, row, action]`."""
        return [
            equally_good(learner.judged(self._state(m, self.numbers[episodes, self.rows[m]])))
            for m, learner in enumerate(self.learners)
        ]

    def _state(self, turn: int, numbers: NDArray[np.float64]) -> LearnerState:
        return LearnerState(numbers[..., : self._who.widths[turn]], int(self._who.actions[turn]))

    def _policy(self, turn: int, play: Play) -> NDArray[np.float64]:
        return self._strategies(turn, self.numbers[:, self.rows[turn]], self._sums[:, self.rows[turn]], play)

    def _strategies(
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
