"""Pure Bayesian equilibria of followers against one leader table.

Joint strategies are tried one by one, at the rows that this leader table can reach: followers who see which of ten
rules was announced have ten rows a type, and one of them against each rule. Where that is too many, actions that no
equilibrium payoff needs are left out first, as long as any is found (`lossless`):

- an action that pays all agents what a lower one pays, whatever others do;
- an action that another one exceeds in expectation over types, whatever others do (strict dominance).

Where that is still too many, weakly dominated actions can be left out too (`undominated`): another action pays at least
as much whatever others do, and more for something they may do. That loses equilibria, silly ones in general (in a
second-price auction, those in which one bids far too much and the others nothing), and is said where it is done.

A joint strategy is stable if no follower gains at any row it reaches. What is compared are differences of payoffs in
the same play, so what is paid whatever a follower does (or a penalty it does not decide about) hides no gain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import NEGLIGIBLE, ROUNDING, SURE
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.plays.outcomes import OutcomeTable
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.solvers.strategy_engine import Followers, try_strategies

STRATEGY_PROFILES = 100_000
"""Most joint strategies that are tried against one leader table."""

WORK = 1_000_000_000
"""Most payoffs looked up for it: one to three seconds."""

BATCH = 1024

Allowed = list[NDArray[np.bool_]]
"""Per learned turn which actions are tried at each row, `[rows, actions]`."""


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A pure Bayesian equilibrium.

    Attributes:
        strategies: per learned turn the action at each row; 0 at rows that cannot be reached.
        values: expected payoff of every agent, leader first.
    """

    strategies: tuple[tuple[int, ...], ...]
    values: tuple[float, ...]


class TooManyStrategiesError(BeyondLimitsError):
    """There are too many joint strategies to try."""


def equilibria(table: OutcomeTable, share: float = NEGLIGIBLE) -> list[Equilibrium]:
    """Every pure Bayesian equilibrium of the followers against one leader table.

    Args:
        table: of one entry.
        share: of what payoffs typically differ by, that is no gain; and what rounding explains is none.

    Raises:
        InvalidFieldError: there are more than `STRATEGY_PROFILES` joint strategies.
    """
    found: list[Equilibrium] = []
    turns = table.game.learned_turns
    ends = list(accumulate((turn.keys for turn in turns), initial=0))
    for tried in stable_strategies(table, reached(table), share):
        good = tried.stable[:, 1]
        for strategy, values in zip(tried.strategies[good].tolist(), tried.values[good].tolist(), strict=True):
            own = tuple(tuple(strategy[first:last]) for first, last in pairwise(ends))
            found.append(Equilibrium(own, tuple(values)))
    return found


class Tried(NamedTuple):
    """Joint strategies of a batch that are stable, at least if much is taken for rounding.

    strategies `[S, rows of all followers]`; values `[S, agents]`; stable `[S, 3]`: if little is taken for rounding
    (what certainly is), as much as was asked for, or much (what floats of this size can be off by).
    """

    strategies: NDArray[np.int64]
    values: Numbers
    stable: NDArray[np.bool_]


def reached(table: OutcomeTable) -> Allowed:
    """Every action at the rows that some play against this leader table reaches; one at the others."""
    allowed = []
    for m, turn in enumerate(table.game.learned_turns):
        met = np.zeros(turn.keys + 1, dtype=bool)
        met[table.information[..., m]] = True  # -1, for who does not move, is the last
        own = np.empty((len(met) - 1, turn.choices), dtype=bool)
        own[:] = met[:-1, None]
        own[:, 0] = True
        allowed.append(own)
    return allowed


def count(allowed: Allowed) -> int:
    """Number of joint strategies."""
    return math.prod(math.prod(own.sum(axis=1).tolist()) for own in allowed)


def strategies_against(table: OutcomeTable) -> int:
    """Number of joint strategies at the rows that one leader table can reach."""
    return count(reached(table))


def few(table: OutcomeTable, allowed: Allowed) -> bool:
    """Whether there are few enough joint strategies to try them all."""
    return _can_be_tried(table, count(allowed))


def _can_be_tried(table: OutcomeTable, strategies: int) -> bool:
    """Whether so many joint strategies are few enough to try them all."""
    return strategies <= STRATEGY_PROFILES and strategies * _lookups(table) <= WORK


def _lookups(table: OutcomeTable) -> int:
    """Payoffs that are looked up to try one joint strategy."""
    return len(table.profiles.nature) * sum(turn.choices for turn in table.game.learned_turns)


def shown(number: float) -> str:
    """A count for people.

    >>> shown(1_234_567), shown(5**150)
    ('1,234,567', '7e+104')
    """
    return f"{number:,.0f}" if number < 1e15 else f"{float(number) if number < 1e300 else math.inf:.2g}"


def strategy_profiles(game: StackelbergGame) -> int:
    """Number of joint pure strategies of the followers at all of their rows."""
    return math.prod(turn.choices**turn.keys for turn in game.learned_turns)


def pure_policies(game: StackelbergGame) -> Iterator[list[Numbers]]:
    """All joint pure strategies of the followers, a batch at a time: per learned turn `[batch, rows, actions]`."""
    turns = game.learned_turns
    joint = product(*(product(range(turn.choices), repeat=turn.keys) for turn in turns))
    while chunk := list(islice(joint, BATCH)):
        yield [np.eye(turn.choices)[np.array([strategies[k] for strategies in chunk])] for k, turn in enumerate(turns)]


def stable_strategies(table: OutcomeTable, allowed: Allowed, share: float) -> Iterator[Tried]:
    """The stable ones of the allowed joint strategies, a batch at a time, in lexicographic order.

    Args:
        table: of one entry; allowed: see `Allowed`; share: of what payoffs typically differ by, that is no gain.

    Raises:
        TooManyStrategiesError: there are more than `STRATEGY_PROFILES`.
    """
    total = count(allowed)
    if not _can_be_tried(table, total):
        problem = f"have {shown(total)} joint strategies against one leader table"
        allow = min(STRATEGY_PROFILES, WORK // _lookups(table))
        raise TooManyStrategiesError("followers", problem, f"up to {allow:,}")
    actions = [row.nonzero()[0] for own in allowed for row in own]
    followers = Followers.of(table)
    for start in range(0, total, BATCH):
        rest = np.arange(start, min(start + BATCH, total))
        strategies = np.empty((len(rest), len(actions)), dtype=np.int64)
        for r in range(len(actions) - 1, -1, -1):  # the last row's action changes first
            rest, chosen = np.divmod(rest, len(actions[r]))
            strategies[:, r] = actions[r][chosen]
        values = np.zeros((len(strategies), table.payoffs.shape[-1]))
        stable = np.zeros((len(strategies), 3), dtype=np.bool_)
        slacks = np.outer([SURE, share, share], table.spreads[followers.agents])
        try_strategies(strategies, followers, slacks, values, stable)
        some = stable.any(axis=1)
        yield Tried(strategies[some], values[some], stable[some])


class _Dominance(NamedTuple):
    """Comparisons of a follower's actions at a row, `[better action, worse action]`."""

    strict: NDArray[np.bool_]
    weak: NDArray[np.bool_]
    same: NDArray[np.bool_]


def lossless(table: OutcomeTable, allowed: Allowed) -> Allowed:
    """Without actions that no equilibrium payoff needs; of followers who move at once, else as allowed."""
    kept, changed = [own.copy() for own in allowed], table.simultaneous
    while changed:
        changed = False
        for m, own in enumerate(kept):
            for row in np.flatnonzero(own.sum(axis=1) > 1):
                found = _compared(table, kept, m, int(row))
                lower = np.triu(found.same, 1)  # of two that are the same the first
                worse = ((found.strict | lower) & own[row][:, None]).any(axis=0) & own[row]
                own[row] &= ~worse
                changed |= bool(worse.any())
    return kept


def undominated(table: OutcomeTable, allowed: Allowed) -> Allowed:
    """Without actions that are weakly dominated by one that is allowed, all at once; then as `lossless`."""
    kept = [own.copy() for own in allowed]
    for m, own in enumerate(allowed if table.simultaneous else []):
        for row in np.flatnonzero(own.sum(axis=1) > 1):
            worse = (_compared(table, allowed, m, int(row)).weak & own[row][:, None]).any(axis=0)
            kept[m][row] &= ~worse
    return lossless(table, kept)


def _compared(table: OutcomeTable, allowed: Allowed, m: int, row: int) -> _Dominance:
    """A follower's actions at a row, whatever the others do that is allowed."""
    turns, agent = table.game.learned_turns, table.game.learned_turns[m].agent
    natures = np.flatnonzero(table.information[0, :, 0, m] == row)
    shape = tuple(turn.choices for turn in turns)
    k = shape[m]
    least, most, size = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k))
    never, same = np.ones((k, k), dtype=bool), np.ones((k, k), dtype=bool)
    slack = SURE * table.spreads[agent]
    for t in natures:
        others = [own[table.information[0, t, 0, o]] if o != m else np.ones(k, bool) for o, own in enumerate(allowed)]
        paid = table.payoffs[0, t].reshape(*shape, -1)[np.ix_(*others)]
        paid = np.moveaxis(paid, m, 0).reshape(k, -1, paid.shape[-1])
        differences = paid[:, None, :, agent] - paid[None, :, :, agent]
        weight = table.profiles.probabilities[t]
        least += weight * differences.min(axis=-1)
        most += weight * differences.max(axis=-1)
        size += weight * np.abs(differences).max(axis=-1)
        never &= (differences >= -slack).all(axis=-1)
        same &= (paid[:, None] == paid[None]).all(axis=(-2, -1))
    beyond = ROUNDING * size + slack * table.profiles.probabilities[natures].sum()
    return _Dominance(least > beyond, never & (most > beyond), same)
