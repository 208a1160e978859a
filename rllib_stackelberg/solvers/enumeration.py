"""Exact optima of finite games by enumerating leader tables.

Every map from questions to actions is tried, in batches: its outcomes are tabulated, and followers respond
- alone: by a best response, ties for or against the leader;
- several: by every pure Bayesian equilibrium, best and worst for the leader (there may be none). Where there are too
  many strategies to try, by every *undominated* one (pure_equilibria.py), for all tables, and the solution says so.

The number of tables is exponential in the number of questions; stated limits refuse what is too large, by name. Values
are doubted where what counts as a tie depends on how much of it is taken for rounding. What learning followers actually
do is the question of reachable.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import EPSILON, ROUNDING, SURE, exceeds, tied
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.plays.outcomes import OutcomeTable, Profiles, outcomes_against, tabulate
from rllib_stackelberg.plays.plays import Plays
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import StackelbergSolution, doubt
from rllib_stackelberg.rules.ties import RULES, Ties, broken, check_ties
from rllib_stackelberg.solvers.pure_equilibria import (
    Allowed,
    TooManyStrategiesError,
    few,
    lossless,
    reached,
    shown,
    stable_strategies,
    strategies_against,
    undominated,
)

LEADER_TABLES = 100_000

OUTCOMES = 1 << 16
"""Most outcomes of one leader table."""

TABULATED = 1 << 29
"""Most outcomes of all leader tables."""

BATCH = 1024

METHOD = "enumeration of leader tables"

OF_SEVERAL: tuple[Ties, ...] = ("lowest", "leader", "against")
"""Rules that select an equilibrium of several followers."""

QUICK_PROFILES = 10_000
"""Most joint strategies that are tried to value a solution of a game's own by every rule."""


def values_by_ties(game: StackelbergGame, solution: StackelbergSolution) -> dict[Ties, float]:
    """What a solution's own strategy is worth to the leader by how followers break ties.

    One follower best-responds; several play the pure equilibrium that is best for the leader, worst, or the first one.
    Empty where there is none, where it cannot be found out within `OUTCOMES` and a tenth of the usual limits on
    strategies, or where plays come to a question that the solution leaves open.
    """
    if not game.one_shot or Profiles.count(game) > OUTCOMES:
        return {}
    turn, answers = game.leader_turn, dict(solution.leader_strategy)
    open_question = np.full(turn.width, math.nan)

    def leader(plays: Plays, slots: NDArray[np.int64]) -> Numbers:
        """The solution's answers; no number where it leaves a question open."""
        asked = [answers.get(int(key)) for key in plays.question[slots]]
        return np.array([open_question if action is None else np.broadcast_to(action, turn.width) for action in asked])

    try:
        table = outcomes_against(game, leader)
        if len(game.learned_turns) > 1 and strategies_against(table) > QUICK_PROFILES:
            return {}
        respond = _best_response if len(game.learned_turns) <= 1 else _equilibrium_response
        answer = next(iter(respond(table, "leader")))
    except InvalidFieldError:
        return {}
    return {} if answer is None else answer.by_ties


def leader_tables(game: StackelbergGame) -> float:
    """Number of leader tables; infinite for continuous actions."""
    turn = game.leader_turn
    if not turn.enumerable or turn.rows is None:
        return math.inf
    return math.exp(min(turn.rows * math.log(turn.choices), 700))


def table_solve(game: StackelbergGame, ties: Ties = "leader") -> StackelbergSolution:
    """Best leader table against best-responding followers.

    One follower best-responds; several play a pure Bayesian equilibrium: the best for the leader (`ties` "leader"), the
    worst ("against"), or the first one ("lowest"). `details["equilibria"]` says which were looked at: "all", or
    "undominated".

    Raises:
        InvalidFieldError: the game is too large or its leader's actions are continuous; a rule that is none, or
            "uniform" with several followers.
    """
    refuse_large(game)
    if check_ties(ties) == "uniform" and len(game.learned_turns) > 1:
        raise InvalidFieldError("ties", "uniform, of several followers' equilibria", ", ".join(OF_SEVERAL))
    if len(game.learned_turns) <= 1:
        return _best_table(game, ties, _best_response, {})
    try:
        return _best_table(game, ties, _equilibrium_response, {"equilibria": "all"})
    except TooManyStrategiesError:
        try:
            return _best_table(game, ties, _undominated_response, {"equilibria": "undominated"})
        except TooManyStrategiesError as error:
            allowed = f"{error.allowed}, weakly dominated ones left out; {INSTEAD}"
            raise BeyondLimitsError("game", f"the followers of {name_of(game)} {error.problem}", allowed) from error


INSTEAD = "or train a leader, or solve --against-response"
"""What can be done with a game that is too large."""


@dataclass(frozen=True)
class Answer:
    """What followers do against a leader table.

    Attributes:
        values: payoffs of all agents; by_ties: the leader's by every rule.
        otherwise: the leader's payoff if less, or more, were taken for rounding; nan without an equilibrium.
    """

    values: Numbers
    by_ties: dict[Ties, float]
    otherwise: tuple[float, ...]


Respond = Callable[[OutcomeTable, Ties], Iterator[Answer | None]]
"""The followers' answer to each entry of a table; None where they have no equilibrium."""

TriedOf = Callable[[OutcomeTable, Allowed], Allowed]
"""Which actions are tried against one entry, of those at rows it reaches."""


def _best_table(game: StackelbergGame, ties: Ties, respond: Respond, details: dict) -> StackelbergSolution:
    """The first of the best tables."""
    best: tuple[NDArray[np.float64], Answer] | None = None
    best_by_ties: dict[Ties, float] = {}
    otherwise = np.full(2, -math.inf)
    for actions in _leader_batches(game):
        for b, answer in enumerate(respond(tabulate(game, actions), ties)):
            if answer is None:
                continue
            otherwise = np.fmax(otherwise, answer.otherwise)
            for rule, value in answer.by_ties.items():
                best_by_ties[rule] = max(value, best_by_ties.get(rule, -math.inf))
            if best is None or exceeds(answer.values[0], best[1].values[0]):
                best = actions[b], answer
    if best is None:
        nothing = (math.nan,) * len(game.followers)
        return StackelbergSolution(math.nan, nothing, (), METHOD, ties, exists=False, details=details)
    actions, answer = best
    return StackelbergSolution(
        leader_value=float(answer.values[0]),
        follower_values=tuple(answer.values[1:].tolist()),
        leader_strategy=tuple((key, int(action[0])) for key, action in enumerate(actions)),
        method=METHOD + (", undominated equilibria" if details.get("equilibria") == "undominated" else ""),
        tie_break=ties,
        doubt=doubt(float(answer.values[0]), otherwise.tolist()),
        by_ties=answer.by_ties,
        best_by_ties=best_by_ties,
        details={"leader_tables": round(leader_tables(game)), **details},
    )


def _best_response(table: OutcomeTable, ties: Ties) -> Iterator[Answer]:
    """The best response of the one follower (or of none), row by row."""
    weighted = table.payoffs * table.profiles.probabilities[:, None, None]
    if not table.game.learned_turns:
        for values in table.values(table.distribution([])):
            yield Answer(values, dict.fromkeys(RULES, float(values[0])), (float(values[0]),) * 2)
        return
    by_row = _by_row(table, weighted)
    # Plays the follower does not move in (row -1, the last entry) pay alike whatever its action.
    always, by_row = by_row[:, -1, 0], by_row[:, :-1]
    totals = []
    equal = _tied(table, by_row)
    for mask, rule in [(equal[1], rule) for rule in RULES] + [(equal[0], ties), (equal[2], ties)]:
        played = broken(mask, by_row[..., 0], rule)
        totals.append(np.einsum("brk,brki->bri", played, by_row).sum(axis=1) + always)
    for *by_rule, less, more in zip(*totals, strict=True):
        worth: dict[Ties, float] = {rule: float(own[0]) for rule, own in zip(RULES, by_rule, strict=True)}
        yield Answer(by_rule[RULES.index(ties)], worth, (float(less[0]), float(more[0])))


def _by_row(table: OutcomeTable, numbers: Numbers) -> Numbers:
    """Sums over plays `[B, T, A, n]` of the one follower's rows and actions, `[B, rows + 1, actions, n]`."""
    turn = table.game.learned_turns[0]
    found = np.zeros((len(numbers), turn.keys + 1, turn.choices, numbers.shape[-1]))
    b, _, a = np.indices(numbers.shape[:3])
    np.add.at(found, (b, table.information[..., 0], table.profiles.joint[a, 0]), numbers)
    return found


def _tied(table: OutcomeTable, by_row: Numbers) -> list[NDArray[np.bool_]]:
    """Which actions are best at each row, `[B, rows, actions]`, if little, some or much is taken for rounding.

    Compared are differences to one action in the same play: what is paid whatever the follower does hides nothing.
    """
    agent = table.game.learned_turns[0].agent
    own, rows = table.payoffs[..., agent], np.maximum(table.information[..., 0], 0)
    best = by_row[..., agent].argmax(axis=-1)
    b, t, _ = np.indices(own.shape)
    beside = own[b, t, best[b, rows]]
    weight = table.profiles.probabilities[:, None]
    parts = (own - beside, np.abs(own - beside), np.abs(own) + np.abs(beside), np.ones_like(own))
    sums = _by_row(table, np.stack([weight * part for part in parts], axis=-1))[:, :-1]
    difference, size, scale, reach = np.moveaxis(sums, -1, 0)
    slack = table.spreads[agent] * reach
    wide = ROUNDING * slack + 4 * EPSILON * scale
    return [tied(difference, size, each) for each in (SURE * slack, ROUNDING * slack, wide)]


def _equilibrium_response(table: OutcomeTable, ties: Ties) -> Iterator[Answer | None]:
    return _selected(table, ties, lambda entry, allowed: allowed if few(entry, allowed) else lossless(entry, allowed))


def _undominated_response(table: OutcomeTable, ties: Ties) -> Iterator[Answer | None]:
    return _selected(table, ties, lambda entry, allowed: undominated(entry, lossless(entry, allowed)))


def _selected(table: OutcomeTable, ties: Ties, tried_of: TriedOf) -> Iterator[Answer | None]:
    """The equilibrium that the rule selects among the strategies that are tried, against every entry."""
    for b in range(len(table.payoffs)):
        entry = table.entry(b)
        tried = list(stable_strategies(entry, tried_of(entry, reached(entry)), ROUNDING))
        values = np.concatenate([each.values for each in tried])
        stable = np.concatenate([each.stable for each in tried])
        found = [_selection(values[stable[:, level]], ties) for level in range(3)]
        leaders = [math.nan if chosen is None else float(chosen[0]) for chosen in found]
        if found[1] is None:
            yield None
            continue
        worth = {rule: _selection(values[stable[:, 1]], rule) for rule in OF_SEVERAL}
        by_ties: dict[Ties, float] = {rule: float(own[0]) for rule, own in worth.items() if own is not None}
        yield Answer(found[1], by_ties, (leaders[0], leaders[2]))


def _selection(values: Numbers, ties: Ties) -> Numbers | None:
    """Payoffs `[agents]` of the equilibrium that a rule selects from `[equilibria, agents]`."""
    if not len(values):
        return None
    if ties == "lowest":
        return values[0]
    return values[int(values[:, 0].argmax() if ties == "leader" else values[:, 0].argmin())]


def _leader_batches(game: StackelbergGame) -> Iterator[Numbers]:
    """All leader tables, `[batch, questions, 1]` at a time."""
    turn = game.leader_turn
    tables = product(range(turn.choices), repeat=turn.keys)
    batch = max(1, min(BATCH, 262_144 // Profiles.count(game)))
    while chunk := list(islice(tables, batch)):
        yield np.array(chunk, dtype=float).reshape(len(chunk), -1, 1)


def refuse_large(game: StackelbergGame) -> None:
    """Refuse a game that cannot be enumerated.

    Raises:
        BeyondLimitsError: naming the limit.
    """
    name, tables, outcomes = name_of(game), leader_tables(game), Profiles.count(game)
    if not game.one_shot:
        problem = f"{name} has followers that move several times in a play, or a memory"
        raise BeyondLimitsError("game", problem, f"one move of each follower; {INSTEAD}")
    if math.isinf(tables):
        allowed = "discrete leader actions, an optimum() of the game's own, or train a leader"
        raise BeyondLimitsError("game", f"{name} has continuous leader actions", allowed)
    for count, limit, what in (
        (tables, LEADER_TABLES, "leader tables"),
        (outcomes, OUTCOMES, "outcomes (types, times chance, times followers' actions) against one leader table"),
        (tables * outcomes, TABULATED, "outcomes against all leader tables"),
    ):
        if count > limit:
            raise BeyondLimitsError("game", f"{name} has {shown(count)} {what}", f"up to {limit:,}; {INSTEAD}")
