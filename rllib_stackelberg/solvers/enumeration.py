"""Exact optima of finite games by enumerating leader tables.

Every map from questions to actions is tried, in batches: its outcomes are tabulated, and followers respond
- alone: by a best response, ties for or against the leader;
- several: by every pure Bayesian equilibrium, best and worst for the leader (there may be none).
The number of tables is exponential in the number of questions; a stated limit refuses what is too large. What learning
followers actually do is the question of reachable.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import NEGLIGIBLE, ROUNDING
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.outcomes import TABLE_LIMIT, OutcomeTable, Profiles, tabulate
from rllib_stackelberg.solvers.commitment import TIE_TOLERANCE
from rllib_stackelberg.solvers.solution import StackelbergSolution
from rllib_stackelberg.ties import Ties, broken, check_ties

LEADER_TABLES = 100_000
STRATEGY_PROFILES = 100_000
BATCH = 1024


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A pure Bayesian equilibrium.

    Attributes:
        strategies: per learned turn the action at each row.
        values: expected payoff of every agent, leader first.
    """

    strategies: tuple[tuple[int, ...], ...]
    values: tuple[float, ...]


def solve(game: StackelbergGame, ties: Ties = "leader") -> StackelbergSolution | None:
    """The exact optimum of a game, by its own solver or by enumeration; None where neither can.

    Args:
        game: the game.
        ties: how indifferent followers act; solvers of a game's own know only "leader".
    """
    found = game.optimum() if ties == "leader" else None
    if found is None and enumerable(game):
        found = table_solve(game, ties)
    return found


def enumerable(game: StackelbergGame) -> bool:
    """Whether `table_solve` is within its limits."""
    return (
        game.one_shot
        and leader_tables(game) <= LEADER_TABLES
        and (
            Profiles.count(game) <= TABLE_LIMIT
            and (len(game.learned_turns) <= 1 or strategy_profiles(game) <= STRATEGY_PROFILES)
        )
    )


def leader_tables(game: StackelbergGame) -> float:
    """Number of leader tables; infinite for continuous actions."""
    turn = game.turns[game.leader_turn]
    if not isinstance(turn.actions, Discrete) or turn.rows is None:
        return math.inf
    return math.exp(min(turn.rows * math.log(turn.choices), 700))


def strategy_profiles(game: StackelbergGame) -> int:
    """Number of joint pure strategies of the followers."""
    return math.prod(turn.choices**turn.keys for turn in game.learned_turns)


def table_solve(game: StackelbergGame, ties: Ties = "leader") -> StackelbergSolution:
    """Best leader table against best-responding followers.

    One follower best-responds; several play a pure Bayesian equilibrium: the best for the leader (`ties` "leader"), the
    worst ("against"), or the first one ("lowest"). `details["worst"]` holds the value of the returned table under the
    worst.

    Raises:
        InvalidFieldError: the game is too large or its leader's actions are continuous; a rule that is none, or
            "uniform" with several followers.
    """
    _refuse_large(game)
    if check_ties(ties) == "uniform" and len(game.learned_turns) > 1:
        raise InvalidFieldError("ties", "uniform, of several followers' equilibria", "lowest, leader, against")
    respond = _best_response if len(game.learned_turns) <= 1 else _equilibrium_response
    best: StackelbergSolution | None = None
    for actions in _leader_batches(game):
        table = tabulate(game, actions)
        for b, (values, worst) in enumerate(respond(table, ties)):
            if values is not None and (best is None or values[0] > best.leader_value + TIE_TOLERANCE):
                details = {"worst": worst, "leader_tables": round(leader_tables(game))}
                best = _solution(actions[b], values, "enumeration of leader tables", ties, details)
    if best is None:
        nothing = (math.nan,) * len(game.followers)
        return StackelbergSolution(math.nan, nothing, (), "enumeration of leader tables", ties, exists=False)
    return best


def equilibria(table: OutcomeTable, share: float = NEGLIGIBLE) -> list[Equilibrium]:
    """Every pure Bayesian equilibrium of the followers against one leader table.

    No follower may gain more at any row it reaches than rounding explains, and `share` of what payoffs differ by.
    """
    if strategy_profiles(table.game) > STRATEGY_PROFILES:
        raise InvalidFieldError("followers", "have too many joint strategies", f"up to {STRATEGY_PROFILES}")
    found: list[Equilibrium] = []
    turns = table.game.learned_turns
    for policies in pure_policies(table.game):
        play = table.distribution(policies)
        values = table.values(play)
        gains = [table.gains(play, k, share=share).max(axis=1) for k in range(len(turns))]
        stable = np.max(gains, axis=0) == 0
        actions = [policy.argmax(axis=-1) for policy in policies]
        found += [
            Equilibrium(tuple(tuple(own[s].tolist()) for own in actions), tuple(values[s].tolist()))
            for s in np.flatnonzero(stable)
        ]
    return found


def pure_policies(game: StackelbergGame) -> Iterator[list[NDArray[np.float64]]]:
    """All joint pure strategies of the followers, a batch at a time: per learned turn `[batch, rows, actions]`."""
    turns = game.learned_turns
    joint = product(*(product(range(turn.choices), repeat=turn.keys) for turn in turns))
    while chunk := list(islice(joint, BATCH)):
        yield [np.eye(turn.choices)[np.array([strategies[k] for strategies in chunk])] for k, turn in enumerate(turns)]


def _best_response(table: OutcomeTable, ties: Ties) -> Iterator[tuple[NDArray[np.float64] | None, float]]:
    """Payoffs of all agents when the one follower best-responds, and the leader's worst under ties."""
    game = table.game
    if not game.learned_turns:
        for values in table.values(table.distribution([])):
            yield values, float(values[0])
        return
    turn = game.learned_turns[0]
    rows, actions = turn.keys, turn.choices
    # Payoffs of all agents from playing k at row r, weighted by the row's probability: [B, rows, actions, agents].
    weighted = table.payoffs * table.profiles.probabilities[:, None, None]
    by_row = np.zeros((len(table.payoffs), rows + 1, actions, weighted.shape[-1]))
    b, _, a = np.indices(table.information.shape[:3])
    np.add.at(by_row, (b, table.information[..., 0], table.profiles.joint[a, 0]), weighted)
    # Plays the follower does not move in (row -1, the extra last entry) pay alike whatever its action.
    always = by_row[:, rows, 0]
    own = by_row[:, :rows, :, turn.agent]
    tied = own >= own.max(axis=-1, keepdims=True) - TIE_TOLERANCE * game.utility_scale
    totals = {}
    for rule in {ties, "against"}:
        played = broken(tied, by_row[:, :rows, :, 0], rule)
        totals[rule] = np.einsum("brk,brki->bri", played, by_row[:, :rows]).sum(axis=1) + always
    for values, worst in zip(totals[ties], totals["against"], strict=True):
        yield values, float(worst[0])


def _equilibrium_response(table: OutcomeTable, ties: Ties) -> Iterator[tuple[NDArray[np.float64] | None, float]]:
    for b in range(len(table.payoffs)):
        found = equilibria(table.entry(b), ROUNDING)
        if not found:
            yield None, math.nan
            continue
        leader = [equilibrium.values[0] for equilibrium in found]
        pick = {"leader": np.argmax, "against": np.argmin}.get(ties, lambda values: 0)(leader)
        yield np.array(found[int(pick)].values), min(leader)


def _leader_batches(game: StackelbergGame) -> Iterator[NDArray[np.float64]]:
    """All leader tables, `[batch, questions, 1]` at a time."""
    turn = game.turns[game.leader_turn]
    tables = product(range(turn.choices), repeat=turn.keys)
    batch = max(1, min(BATCH, 262_144 // Profiles.count(game)))
    while chunk := list(islice(tables, batch)):
        yield np.array(chunk, dtype=float).reshape(len(chunk), -1, 1)


def _refuse_large(game: StackelbergGame) -> None:
    if not enumerable(game):
        raise InvalidFieldError(
            "game",
            f"{game.id or type(game).__name__} has {leader_tables(game):g} leader tables, "
            f"{Profiles.count(game)} outcomes each",
            f"discrete leader actions, up to {LEADER_TABLES} tables and {TABLE_LIMIT} outcomes",
        )


def _solution(
    actions: NDArray[np.float64], values: NDArray[np.float64], method: str, tie_break: str, details: dict
) -> StackelbergSolution:
    strategy = tuple((key, int(action[0])) for key, action in enumerate(actions))
    followers = tuple(float(value) for value in values[1:])
    return StackelbergSolution(float(values[0]), followers, strategy, method, tie_break, details=details)
