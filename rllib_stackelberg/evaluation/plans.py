"""Certificates where followers move several times in a play: what they could gain by another plan.

A plan is an action at every row. Against fixed weights of the others' paths the best one is found
- by backward induction over a follower's rows, if it remembers all that matters (`recalls`);
- else by trying all of them, up to `PLANS`;
- else changes at one row at a time stand for them in the deviation gain, and the other figures are unknown.

Figures are those of certificates.py, with the row of a follower's first move in the place of its type: deviation gain
per such row, given that play comes there; BCCE gap of recorded play, likewise but times the row's probability. Regret
is that of the whole plan, beside the sum of its rows' bounds, which bounds it where a follower recalls
(counterfactual.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import NEGLIGIBLE, beyond_rounding, typical_spread
from rllib_stackelberg.evaluation.certificates import Certificate, worst_regret
from rllib_stackelberg.plays.paths import PathTable
from rllib_stackelberg.response.counterfactual import CounterfactualResponse, row_mass
from rllib_stackelberg.response.counterfactual_engine import Movers, walk_back, weigh_paths
from rllib_stackelberg.response.models import Play

PLANS = 4_096
"""Most plans that are tried one by one."""


class Walk(NamedTuple):
    """What a follower gets from its rows on (`counterfactual_engine.walk_back`)."""

    utilities: Numbers
    begun: Numbers


class Past(NamedTuple):
    """One place where a follower moves: nature, path that leads there, move, and the (row, action) it made before."""

    nature: int
    path: int
    move: int
    made: tuple[tuple[int, int], ...]


def pasts(table: PathTable, who: Movers, turn: int) -> dict[int, list[Past]]:
    """By row of a follower all places where it moves there, one entry."""
    mover, row = table.mover[0, 0], table.row[0, 0]
    choices = mover.shape[1] // int(table.strides[0])
    found: dict[int, list[Past]] = {}
    for t, a, j in np.argwhere(mover == turn).tolist():
        actions = a // table.strides % choices
        # One path for all that begin alike, and none that names an action its mover does not have.
        if actions[j:].any() or (actions[:j] >= who.actions[mover[t, a, :j]]).any():
            continue
        made = tuple((int(row[t, a, i]), int(actions[i])) for i in range(j) if mover[t, a, i] == turn)
        found.setdefault(int(row[t, a, j]), []).append(Past(t, a, j, made))
    return found


def recalls(table: PathTable, who: Movers, turn: int) -> bool:
    """Whether a follower remembers all that matters of what it did and knew, against one leader strategy.

    It does if each row tells all of it; or, with no other follower, if whatever it did, what can happen from the row on
    is the same: as in a repeated game where it knows the round and the state.
    """
    alone = len(who.first) == 1
    for places in pasts(table, who, turn).values():
        if len({place.made for place in places}) == 1:
            continue
        if not alone:
            return False
        futures: dict[tuple[tuple[int, int], ...], dict[int, bytes]] = {}
        for place in places:
            futures.setdefault(place.made, {})[place.nature] = _future(table, int(who.agents[turn]), place)
        first, *others = futures.values()
        if any(future != first for future in others):
            return False
    return True


def _future(table: PathTable, agent: int, place: Past) -> bytes:
    """What can happen from a place on; payoffs included, in units of what they typically differ by, rounded."""
    below = _below(table, place)
    rows = table.row[0, 0, place.nature, place.path : place.path + below, place.move :]
    paid = table.paid[0, 0, place.nature, place.path : place.path + below, place.move :, agent]
    differences = (paid - paid[:1, :1]) / (typical_spread(table.paid[0, 0, ..., -1, agent]) or 1.0)
    return rows.tobytes() + (np.round(differences, 9) + 0.0).tobytes()


def _below(table: PathTable, place: Past) -> int:
    """Number of paths that begin as the one to a place."""
    return table.mover.shape[3] // int(table.strides[0]) * int(table.strides[place.move])


class Follower:
    """One follower against one leader strategy, and the plans it may try."""

    def __init__(self, response: CounterfactualResponse, table: PathTable, turn: int):
        self.response, self.table, self.turn = response, table, turn
        self.who, self.rows = response.movers, response.rows[turn]
        self.actions = int(self.who.actions[turn])
        self.places = pasts(table, self.who, turn)
        self.recalls = recalls(table, self.who, turn)
        self.countable = self.recalls or self.actions ** len(self.places) <= PLANS

    def walk(self, policy: Numbers, weights: Numbers) -> Walk:
        """With strategy `[rows, actions]`, this follower's rows only."""
        rows, actions = self.response.sums.fixed.shape[1:]
        together, utilities = np.zeros((rows, actions)), np.zeros((rows, actions))
        together[self.rows, : self.actions] = policy
        begun = np.zeros((rows, 2))
        walk_back(self.table, 0, self.who, self.turn, together, weights, utilities, np.zeros(rows), begun)
        return Walk(utilities[self.rows, : self.actions], begun[self.rows])

    def best(self, weights: Numbers) -> Numbers:
        """Payoffs `[plans, rows]` after the first moves, of plans one of which is best (`countable`)."""
        plans = [self._induced(weights)] if self.recalls else self._all()
        return np.stack([self.walk(plan, weights).begun[:, 0] for plan in plans])

    def _induced(self, weights: Numbers) -> Numbers:
        """Backward induction: the rows furthest in the play first."""
        plan = np.tile(np.eye(self.actions)[0], (self.rows.stop - self.rows.start, 1))
        depth = {row: max(len(place.made) for place in places) for row, places in self.places.items()}
        for level in sorted(set(depth.values()), reverse=True):
            utilities = self.walk(plan, weights).utilities
            for row in [row for row, own in depth.items() if own == level]:
                plan[row] = np.eye(self.actions)[utilities[row].argmax()]
        return plan

    def _all(self) -> Iterable[Numbers]:
        plan = np.tile(np.eye(self.actions)[0], (self.rows.stop - self.rows.start, 1))
        for actions in product(range(self.actions), repeat=len(self.places)):
            plan[list(self.places)] = np.eye(self.actions)[list(actions)]
            yield plan

    def changed(self, policy: Numbers, weights: Numbers) -> Numbers:
        """As `best`, of strategies that differ from the given one at one row."""
        found = [self.walk(policy, weights).begun[:, 0]]
        for row, action in product(self.places, range(self.actions)):
            other = policy.copy()
            other[row] = np.eye(self.actions)[action]
            found.append(self.walk(other, weights).begun[:, 0])
        return np.stack(found)

    def gain(self, play: Play, policies: Sequence[Numbers]) -> float:
        """Deviation gain of a play, with strategies `[1, rows, actions]` of all followers."""
        if play == "average" and self.countable:
            weights, begun = self.response.sums.weights[0, self.turn], self.response.sums.begun[0, self.rows]
            plans = self.best(weights)
        else:
            policy, weights = policies[self.turn][0], self._weights(policies)
            begun = self.walk(policy, weights).begun
            plans = self.best(weights) if self.countable else self.changed(policy, weights)
        reached = begun[:, 1] > 0
        planned, played = plans[:, reached] / begun[reached, 1], begun[reached, 0] / begun[reached, 1]
        sizes = np.maximum(np.abs(planned), np.abs(played))
        slack = NEGLIGIBLE * typical_spread(self.table.paid[0, 0, ..., -1, self.who.agents[self.turn]])
        return float(beyond_rounding(planned - played, sizes, slack).max(initial=0.0))

    def _weights(self, policies: Sequence[Numbers]) -> Numbers:
        weights = np.zeros(self.response.sums.weights.shape[1:])
        weigh_paths(self.table, 0, self.who, self.response.together(policies)[0], weights)
        return weights[self.turn]

    def over_updates(self) -> tuple[float, float]:
        """BCCE gap of recorded play, and regret of the plans played, summed over updates (`countable`)."""
        realised = self.response.sums.begun[0, self.rows, 0]
        lost = self.best(self.response.sums.weights[0, self.turn]) - realised
        return float(lost.max(initial=0.0) / self.response.updates[0]), float(max(lost.sum(axis=1).max(), 0.0))

    def bound(self) -> float | None:
        """On that regret; None without a promise."""
        learner, game = self.response.learners[self.turn], self.response.game
        if not (learner.traits.no_regret and self.recalls):
            return None
        mass = row_mass(self.table, self.who, self.response.sums.fixed.shape[1])[0, self.rows]
        visits, scale, total = self.response.sums.visits[0, self.rows], game.utility_scale, 0.0
        for row, places in self.places.items():
            spread = max(np.ptp(self.payoffs(place)) for place in places) / scale
            total += mass[row] * scale * float(learner.regret_bound(self.actions, visits[row], spread))
        return float(total)

    def payoffs(self, place: Past) -> Numbers:
        """All that the follower can have in the end of a play that comes to a place."""
        agent, below = self.who.agents[self.turn], _below(self.table, place)
        return self.table.paid[0, 0, place.nature, place.path : place.path + below, -1, agent]

    @property
    def spread(self) -> float:
        """Largest difference of two payoffs of a play."""
        low, high = self.response.game.payoff_range[self.who.agents[self.turn]]
        return float(high - low)


def certify_plans(
    response: CounterfactualResponse, table: PathTable, play: Play, policies: Sequence[Numbers] | None = None
) -> Certificate:
    """The certificate of a play, of one response against one leader strategy.

    Args:
        response: the followers; table: all paths against the leader; play: which is reported.
        policies: what that is, per learned turn `[1, rows, actions]`; by default as the followers play it.
    """
    played = response.policies(play) if policies is None else policies
    followers = [Follower(response, table, turn) for turn in range(len(response.learners))]
    updates = int(response.updates[0])
    gap: float | None = None
    learning: dict[str, Any] = {"regret": None, "regret_bound": None, "regret_bound_vacuous": False}
    if all(follower.countable for follower in followers):
        found = [follower.over_updates() for follower in followers]
        bounds = [follower.bound() for follower in followers]
        vacuous = [
            bound is not None and bound >= f.spread * updates for bound, f in zip(bounds, followers, strict=True)
        ]
        gap = max(gap for gap, _ in found)
        learning = worst_regret(list(zip([regret for _, regret in found], bounds, vacuous, strict=True)))
    return Certificate(
        play=play,
        bcce_gap=gap,
        deviation_gain=max(follower.gain(play, played) for follower in followers),
        updates=updates,
        response_samples=1,
        exact_expectation=True,
        **learning,
    )
