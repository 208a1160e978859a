"""Counterfactual regret minimisation: utility learners in games in which followers move several times in a play.

At every information set of a follower a learner of its own is told, for each action, the counterfactual payoff: the sum
over all courses of play that lead there of the probability with which nature and the others steer towards it, times
what the follower expects from then on if it takes the action there and plays as now later. Not weighted by its own
probability of coming there. A follower that forgets nothing has then regret of at most the sum of its rows' positive
regrets, so learners without regret at every row make one without regret in the whole game; what converges is the
average strategy, weighted by the follower's own probability of coming to the row.

Zinkevich, Johanson, Bowling & Piccione 2007 (with regret matching at the rows); with multiplicative weights there, CFR
with Hedge (Brown, Kroer & Sandholm 2017). Followers that forget have no such promise: Lanctot, Gibson, Burch,
Zinkevich & Bowling 2012. An update costs the number of all paths times their length.

Learners see a row's payoffs divided by the most that nature and the others can bring there (`row_mass`), which does
not change over updates: a rate means the same at every row, and where everybody moves once, unseen, this is the
expected update of response.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import LearnerState, UtilityLearner
from rllib_stackelberg.followers.ties import argmax_policy, equally_good
from rllib_stackelberg.plays.paths import Paths, PathTable, paths_against
from rllib_stackelberg.plays.plays import Leader
from rllib_stackelberg.response.counterfactual_engine import Movers, Sums, count_update, side_by_side, weigh_paths
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.fit import check_paths, check_several_moves
from rllib_stackelberg.response.followers import Followers, Settings
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.path_ties import Settling, settled_paths
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.ties import Ties, broken


class CounterfactualResponse(Followers[PathTable, UtilityLearner]):
    """Followers that move several times in a play, with a learner at each of their rows.

    Attributes:
        states: per learned turn what its rows keep, `[episode, row, width]`.
        movers: the followers as arrays.
        sums: running sums, for certificates.
        updates: `[episode]`, how many they are of.
    """

    learns = UtilityLearner
    table = PathTable

    def __init__(self, game: StackelbergGame, learners: Sequence[UtilityLearner], episodes: int, split: bool = False):
        """See `Followers`."""
        super().__init__(game, learners, episodes, split)
        turns = game.learned_turns
        self.movers = Movers(
            np.array([rows.start for rows in self.rows], dtype=np.int64),
            np.array([turn.choices for turn in turns], dtype=np.int64),
            np.array([turn.agent for turn in turns], dtype=np.int64),
        )
        pairs = list(zip(self.learners, turns, strict=True))
        fresh = [learner.begin((turn.keys,), turn.choices).numbers for learner, turn in pairs]
        self._fresh = {f"numbers {m}": numbers for m, numbers in enumerate(fresh)}
        self.states = [learner.begin((episodes, turn.keys), turn.choices) for learner, turn in pairs]
        rows, actions = self.rows[-1].stop, int(self.movers.actions.max())
        paths = (game.nature.size, actions**game.moves)
        shapes = [(rows, actions), (rows,), (rows, actions), (rows,), (rows, 2), (len(turns) + 1, *paths)]
        self.sums = Sums(*(np.zeros((episodes, *shape)) for shape in shapes))
        self.updates = np.zeros(episodes, dtype=np.int64)

    @classmethod
    def fit(cls, settings: Settings, game: StackelbergGame) -> Settings:
        """See `Followers`."""
        check_several_moves(settings, game)
        cls._refuse_along_paths(settings)
        check_paths(game)
        exact = {"update_mode": "expected", "reward_plays": "exact", "deviation_penalty": 0.0}
        return settings.model_copy(update=exact)

    @staticmethod
    def _refuse_along_paths(settings: ResponseFields) -> None:
        """Refuse what only followers with one move in a play can do."""
        for field, fine, allowed in (
            ("leader_queries", settings.leader_queries == "once", "once"),
            ("elicitation", settings.elicitation != "in_play", "closure, or update_mode=sampled"),
            ("reward_plays", settings.reward_plays in (None, "exact"), "exact, or update_mode=sampled"),
            (settings.steering, not (settings.deviation_penalty or settings.deviation_margin), "0"),
        ):
            if not fine:
                problem = f"{getattr(settings, field)} is not for followers with several moves in a play"
                raise InvalidFieldError(field, problem, allowed)

    @classmethod
    def tabulate(cls, game: StackelbergGame, leader: Leader) -> PathTable:
        """See `Followers`."""
        return paths_against(game, leader)

    @classmethod
    def exact_updates(cls, settings: ResponseFields) -> bool:
        """See `Followers`."""
        return True

    @classmethod
    def update_lookups(cls, settings: ResponseFields, game: StackelbergGame) -> int:
        """See `Followers`."""
        return Paths.count(game)

    def arrays(self) -> dict[str, NDArray]:
        """See `Followers`."""
        states: dict[str, NDArray] = {f"numbers {m}": state.numbers for m, state in enumerate(self.states)}
        return states | self.sums._asdict() | {"updates": self.updates}

    def respond(self, table: PathTable, phase: Phase) -> None:
        """See `Followers`."""
        self.learn(table, phase.rows, phase.settings.response_updates)

    def learn(self, table: PathTable, episodes: Index, updates: int) -> None:
        """The response phase of the given episodes, each against its own entry of the table, or the only one."""
        states = [replace(state, numbers=state.numbers[episodes]) for state in self.states]
        units = 1 / (self.game.utility_scale * self._mass(table, len(episodes)))
        rows, actions = self.sums.fixed.shape[1:]
        utilities, reach = np.zeros((len(episodes), rows, actions)), np.zeros((len(episodes), rows))
        for _ in range(updates):
            policies = self.together(
                [learner.policy(state) for learner, state in zip(self.learners, states, strict=True)]
            )
            count_update(
                table, self._entries(table, len(episodes)), episodes, self.movers, policies, self.sums, utilities, reach
            )
            states = self._told(states, utilities * units[..., None], reach > 0)
        for whole, state in zip(self.states, states, strict=True):
            whole.numbers[episodes] = state.numbers
        self.updates[episodes] += updates

    def _told(self, states: list[LearnerState], utilities: Numbers, reached: NDArray[np.bool_]) -> list[LearnerState]:
        """The learners after utilities `[E, R, K]`; rows that the others keep a follower from stay as they are."""
        found = []
        for learner, state, rows in zip(self.learners, states, self.rows, strict=True):
            after = learner.update(state, utilities[:, rows, : state.actions])
            kept = reached[:, rows, None]
            found.append(replace(after, numbers=np.where(kept, after.numbers, state.numbers)))
        return found

    def visits(self, turn: int) -> Numbers:
        """See `Followers`: updates in which nature and the others could bring it there."""
        return np.asarray(self.sums.visits[:, self.rows[turn]].sum(axis=0))

    def tied(self) -> list[NDArray[np.bool_]]:
        """Per learned turn which actions they have learned to be equally good, and best, `[episode, row, action]`."""
        pairs = zip(self.learners, self.states, strict=True)
        return [equally_good(learner.judged(state)) for learner, state in pairs]

    def _policy(self, turn: int, play: Play) -> Numbers:
        """A row that the follower itself never came to is as it is now in time-average play."""
        state = self.states[turn]
        policy = self.learners[turn].policy(state)
        if play == "argmax":
            return broken(self.tied()[turn], policy, "uniform") if self.split else argmax_policy(policy)
        if play == "average":
            total = self.sums.policy[:, self.rows[turn], : state.actions]
            came = total.sum(axis=-1, keepdims=True)
            return np.where(came > 0, total / np.where(came > 0, came, 1), policy)
        return policy

    def reported(self, table: PathTable, rows: Index, play: Play, ties: Ties) -> list[Numbers]:
        """See `Followers`."""
        policies = super().reported(table, rows, play, ties)
        if play != "argmax" or ties == "lowest" or ties == "uniform":
            return policies
        tied = [own[rows] for own in self.tied()]
        return settled_paths(table, Settling(self.movers, self.rows, ties), tied, policies)

    def values(self, table: PathTable, phase: Phase, policies: Sequence[Numbers], play: Play) -> Numbers:
        """See `Followers`: exactly."""
        return self.worth(table, policies)

    def worth(self, table: PathTable, policies: Sequence[Numbers]) -> Numbers:
        """Expected payoffs `[N, agents]` of strategies `[N, rows, actions]` that followers play independently.

        Each has an entry of the table, or all have the only one.
        """
        entries = self._entries(table, len(policies[0]))
        weights = np.zeros(self.sums.weights.shape[1:])
        found = np.zeros((len(entries), len(self.game.agents)))
        for n, policy in enumerate(self.together(policies)):
            weigh_paths(table, entries[n], self.movers, policy, weights)
            found[n] = paid_along(table, int(entries[n]), weights[-1])
        return found

    def recorded(self, table: PathTable, episodes: Index) -> Numbers:
        """Mean payoffs `[N, agents]` over the updates: of the time-average joint play."""
        entries, totals = self._entries(table, len(episodes)), self.sums.weights[episodes, -1]
        means = totals / np.maximum(self.updates[episodes], 1)[:, None, None]
        return np.stack([paid_along(table, int(entry), mean) for entry, mean in zip(entries, means, strict=True)])

    def regrets(self) -> Numbers:
        """Positive counterfactual regret of every row: `[episode, R]`, payoff units, summed over updates."""
        most = np.concatenate(
            [self.sums.fixed[:, self.rows[m], : state.actions].max(axis=-1) for m, state in enumerate(self.states)],
            axis=1,
        )
        return np.maximum(most - self.sums.mixed, 0)

    def average_regret(self) -> Numbers:
        """Largest average counterfactual regret over followers and rows, payoff units: `[episode]`."""
        return self.regrets().max(axis=1) / np.maximum(self.updates, 1)

    def together(self, policies: Sequence[Numbers]) -> Numbers:
        """Strategies of all followers in one array `[E, R, K]`."""
        return side_by_side(policies, self.rows)

    def _mass(self, table: PathTable, episodes: int) -> Numbers:
        mass = row_mass(table, self.movers, self.sums.fixed.shape[1])
        return np.broadcast_to(np.where(mass > 0, mass, 1.0), (episodes, mass.shape[1]))

    @staticmethod
    def _entries(table: PathTable, episodes: int) -> Index:
        return np.arange(episodes) if len(table.after) > 1 else np.zeros(episodes, dtype=np.int64)


def paid_along(table: PathTable, entry: int, weights: Numbers) -> Numbers:
    """Expected payoffs `[agents]` of paths with probabilities `[T, A]`."""
    return np.einsum("ta,tai->i", weights, table.paid[entry, 0, :, :, -1])


def row_mass(table: PathTable, who: Movers, rows: int) -> Numbers:
    """Most that nature and the others can bring a follower to each row with, `[B, rows]`; 0 where it never comes.

    The probability of those types and chance moves with which it can come there, once for each way in which it can act
    itself up to there.
    """
    mover, row = table.mover[:, 0], table.row[:, 0]
    natures, paths, moves = mover.shape[1:]
    choices = paths // int(table.strides[0])
    action = np.minimum(np.arange(paths)[:, None] // table.strides % choices, who.actions[mover] - 1)
    course = np.zeros(mover.shape, dtype=np.int64)  # the mover's own actions before, as a number
    for j in range(moves):
        for i in range(j):
            own = mover[..., i] == mover[..., j]
            course[..., j] = np.where(own, course[..., j] * (choices + 1) + action[..., i] + 1, course[..., j])
    before = np.arange(len(mover) * natures).reshape(-1, natures, 1, 1)
    key = before * rows + who.first[mover] + row
    ways = np.unique(np.stack([key[mover >= 0], course[mover >= 0]]), axis=1)[0]
    mass = np.zeros((len(mover), rows))
    np.add.at(mass, (ways // rows // natures, ways % rows), table.probabilities[ways // rows % natures])
    return mass
