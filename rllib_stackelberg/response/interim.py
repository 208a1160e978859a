"""Followers that learn from expected payoffs in games of too many outcomes for a table, where rules know a short way.

As the expected updates of response.py: every row of every follower is told, in each update, what each of its actions is
worth on average over nature and the others' present strategies. There that is a sum over all outcomes; here the game
says it (rules/interim.py), and nothing is sampled. Followers whom the rules treat alike and who learn alike do the same
for ever: they are learned for once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.comparisons import NEGLIGIBLE, beyond_rounding, typical_spread
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import UtilityLearner
from rllib_stackelberg.plays.interim_worth import Rules, interim_worth
from rllib_stackelberg.plays.outcomes import TABLE_LIMIT, Policies, Profiles
from rllib_stackelberg.plays.plays import Leader, Plays
from rllib_stackelberg.response.engine import FollowerArrays
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.fit import penalty
from rllib_stackelberg.response.followers import Settings
from rllib_stackelberg.response.interim_engine import Learned, interim_phase
from rllib_stackelberg.response.learned_rows import LearnedRows
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.interim import InterimRules

LONG_RESPONSE = 100_000
"""Numbers that a response changes, from which on it takes longer than all else in a leader episode."""


def interim_of(game: StackelbergGame) -> InterimRules:
    """The expected payoffs that a game knows a short way to.

    Raises:
        InvalidFieldError: it knows none.
    """
    rules = game.interim()
    if rules is None:
        raise InvalidFieldError("game", "knows no short way to expected payoffs", "one with interim()")
    return rules


@dataclass(frozen=True, eq=False)
class InterimTable:
    """What can happen against B answers of the leader, an entry each: expected payoffs alone are known of it.

    Attributes:
        game: the game; rules: its short way; actions: the leader's, in the game's units, `[B, width]`.
    """

    game: StackelbergGame
    rules: InterimRules
    actions: Numbers

    @classmethod
    def against(cls, game: StackelbergGame, leader: Leader) -> InterimTable:
        """One entry: whatever happened before, the leader is asked the same."""
        plays = Plays(game, 1)
        open_any(plays, np.zeros(1, dtype=np.int64))
        return cls(game, interim_of(game), np.array(leader(plays, np.zeros(1, dtype=np.int64)), dtype=np.float64))

    @cached_property
    def first(self) -> Index:
        """Where the rows of each learned turn begin, one turn after the other, `[M]`."""
        rows = np.array([turn.keys for turn in self.game.learned_turns], dtype=np.int64)
        return np.asarray(np.cumsum(rows) - rows)

    def worth(self, policies: Policies) -> tuple[list[Numbers], Numbers]:
        """What play is worth: per learned turn the worth of each action `[S, rows, actions]`; payoffs `[S, agents]`.

        Args:
            policies: per learned turn `[S, rows, actions]`; S strategies, of an entry each or all of the only one.
        """
        turns, samples = self.game.learned_turns, len(policies[0])
        widest = max(turn.choices for turn in turns)
        policy = np.zeros((samples, sum(turn.keys for turn in turns), widest))
        for first, own in zip(self.first, policies, strict=True):
            policy[:, first : first + own.shape[1], : own.shape[2]] = own
        leads = np.arange(len(turns))
        for m in range(len(turns)):  # whoever could change places with another and does the same is looked at once
            alike = int(self.rules.alike[m])
            leads[m] = alike if np.array_equal(policies[m], policies[alike]) else m
        utilities, payoffs = np.zeros_like(policy), np.zeros((samples, len(self.game.agents)))
        actions = np.array(np.broadcast_to(self.actions, (samples, self.actions.shape[1])))
        interim_worth(self.rules.expect, self._rules(leads, self.first), actions, policy, utilities, payoffs)
        found = [
            utilities[:, self.first[lead] : self.first[lead] + turns[lead].keys, : turns[lead].choices]
            for lead in leads
        ]
        return found, payoffs

    def _rules(self, leads: Index, first: Index) -> Rules:
        return Rules(self.rules.facts, np.concatenate(self.rules.reach), leads, first)

    def gains(self, policies: Policies) -> list[Numbers]:
        """Interim gain of the best fixed action over play, per learned turn `[S, rows]`; 0 where rounding explains it.

        Args:
            policies: as of `worth`.
        """
        found = []
        for utilities, policy, reach in zip(self.worth(policies)[0], policies, self.rules.reach, strict=True):
            played = (policy * utilities).sum(axis=-1, keepdims=True)
            sizes = np.maximum(np.abs(utilities), np.abs(played))
            slack = NEGLIGIBLE * typical_spread(utilities)
            best = beyond_rounding(utilities - played, sizes, slack).max(axis=-1)
            found.append(np.where(reach > 0, best, 0.0))
        return found

    def lacking(self, policies: Policies, margin: float) -> Numbers:
        """What followers, in expectation and summed, lack to prefer the action they play by a margin: `[S]`."""
        missing = np.zeros(len(policies[0]))
        for utilities, policy, reach in zip(self.worth(policies)[0], policies, self.rules.reach, strict=True):
            taken = np.arange(policy.shape[-1]) == policy.argmax(axis=-1)[..., None]
            others = np.where(taken, -np.inf, utilities).max(axis=-1)
            missing += (reach * np.maximum(others + margin - (policy * utilities).sum(axis=-1), 0)).sum(axis=1)
        return missing


def open_any(plays: Plays, slots: Index) -> None:
    """Begin plays of any types in which everybody takes its first action: the leader is asked the same in all."""
    nature = plays.game.nature
    values = nature.values(np.zeros((len(slots), len(nature.blocks)), dtype=np.int64))
    plays.begin(slots, values, first_action)


def first_action(slots: Index, turn: int, information: Index) -> Index:
    """See `plays.Choose`."""
    return np.zeros(len(slots), dtype=np.int64)


class InterimResponse(LearnedRows[InterimTable]):
    """See the head of this file.

    Attributes:
        paid: payoffs of all agents, summed over updates, `[episode, agents]`.
    """

    table = InterimTable

    def __init__(self, game: StackelbergGame, learners: Sequence[UtilityLearner], episodes: int, split: bool = False):
        """See `Followers`."""
        self.rules = interim_of(game)
        super().__init__(game, learners, episodes, split)
        self.paid = np.zeros((episodes, len(game.agents)))

    def _placed(self, who: FollowerArrays) -> FollowerArrays:
        """Followers who do the same share their rows."""
        self.leads = np.array(
            [alike if self.learners[m] == self.learners[alike] else m for m, alike in enumerate(self.rules.alike)]
        )
        rows = np.where(self.leads == np.arange(len(self.leads)), who.rows, 0)
        return who._replace(first=(np.cumsum(rows) - rows)[self.leads])

    @classmethod
    def suits(cls, game: StackelbergGame, settings: ResponseFields) -> bool:
        """See `Followers`: games too large for a table of outcomes, unless plays are asked for, or needed."""
        played = settings.update_mode == "sampled" or settings.elicitation == "in_play"
        played |= settings.leader_queries == "every_turn" or isinstance(settings.reward_plays, int)
        bandits = any(learner.traits.feedback != "full" for learner in settings.followers)
        return not played and not bandits and Profiles.count(game) > TABLE_LIMIT and game.interim() is not None

    @classmethod
    def fit(cls, settings: Settings, game: StackelbergGame) -> Settings:
        """See `Followers`."""
        if settings.ties in ("leader", "against"):
            problem = f"{settings.ties} takes a table of all {Profiles.count(game):,} outcomes"
            raise InvalidFieldError("ties", problem, "lowest or uniform")
        exact = {"update_mode": "expected", "reward_plays": "exact", "deviation_penalty": penalty(settings, game)}
        return settings.model_copy(update=exact)

    @classmethod
    def tabulate(cls, game: StackelbergGame, leader: Leader) -> InterimTable:
        """See `Followers`."""
        return InterimTable.against(game, leader)

    @classmethod
    def in_play(cls, settings: ResponseFields, game: StackelbergGame) -> bool:
        """See `Followers`."""
        return False

    @classmethod
    def episode_outcomes(cls, game: StackelbergGame) -> int:
        """See `Followers`: none is listed."""
        return 1

    @classmethod
    def exact_updates(cls, settings: ResponseFields) -> bool:
        """See `Followers`."""
        return True

    @classmethod
    def long_response(cls, settings: ResponseFields, game: StackelbergGame) -> bool:
        """See `Followers`."""
        return settings.response_updates * cls.update_lookups(settings, game) >= LONG_RESPONSE

    @classmethod
    def update_lookups(cls, settings: ResponseFields, game: StackelbergGame) -> int:
        """See `Followers`: numbers of all followers who are not alike."""
        leads = np.unique(interim_of(game).alike)
        return sum(game.learned_turns[lead].keys * game.learned_turns[lead].choices for lead in leads)

    def arrays(self) -> dict[str, NDArray]:
        """See `Followers`."""
        return super().arrays() | {"paid": self.paid}

    def respond(self, table: InterimTable, phase: Phase) -> None:
        """See `Followers`."""
        actions = np.array(np.broadcast_to(table.actions, (len(phase.rows), table.actions.shape[1])))
        rules = Rules(self.rules.facts, self._reach, self.leads, self._who.first)
        learned = Learned(self.numbers, self._sums, self.paid)
        updates = phase.settings.response_updates
        interim_phase(self.kernels, self._who, self.rules.expect, rules, learned, phase.rows, actions, updates)

    @cached_property
    def _reach(self) -> Numbers:
        """Probability of every row that is kept."""
        reach = np.zeros(self.numbers.shape[1])
        for rows, own in zip(self.rows, self.rules.reach, strict=True):
            reach[rows] = own
        return reach

    def values(self, table: InterimTable, phase: Phase, policies: Policies, play: Play) -> Numbers:
        """See `Followers`."""
        return table.worth(policies)[1]
