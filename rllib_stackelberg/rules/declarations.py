"""What a game of finite types declares, checked before anything is played: types, and that they fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.turns import Kind, Seats, Turn

if TYPE_CHECKING:
    from gymnasium import spaces
else:
    spaces = LazyModule("gymnasium.spaces")

KINDS = "'leader' for agent 0, 'learned' or 'reply' for others"
RANGE = "finite [agents, 2], the smallest and the largest total payoff of each agent, the leader first"


def check_game(game: StackelbergGame) -> None:
    """Refuse a game whose declarations contradict each other.

    Raises:
        InvalidFieldError: naming the declaration.
    """
    for name in ("turns", "prior", "payoff_range", "observation_spaces"):
        if getattr(game, name, None) is None:
            raise InvalidFieldError(name, "is not set", "a value, set in the game's constructor")
    for name in ("prior", "chance"):
        if not isinstance(getattr(game, name), Prior):
            raise InvalidFieldError(name, f"is {getattr(game, name)!r}", "a Prior, such as Prior.uniform(3)")
    _check_range(game)
    for turn in game.turns:
        _check_turn(game, turn)
    _check_together(game)
    if game.type_parts < 1:
        raise InvalidFieldError("type_parts", f"is {game.type_parts}", "at least 1")
    if game.prior.width != (columns := len(game.followers) * game.type_parts):
        each = "one" if game.type_parts == 1 else f"type_parts={game.type_parts}"
        raise InvalidFieldError("prior", f"has {game.prior.width} columns", f"{each} per follower ({columns})")
    if game.memory < 1:
        raise InvalidFieldError("memory", f"is {game.memory}", "at least 1")
    if len(game.observation_spaces) != len(game.agents):
        raise InvalidFieldError("observation_spaces", f"are {len(game.observation_spaces)}", "one per agent")
    for agent, space in zip(game.agents, game.observation_spaces, strict=True):
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise InvalidFieldError("observation_spaces", f"that of {agent} is {space}", "a one-dimensional Box")
    _check_seats(game)


def _check_range(game: StackelbergGame) -> None:
    try:
        ranges = np.asarray(game.payoff_range, dtype=float)
    except (TypeError, ValueError) as error:
        raise InvalidFieldError("payoff_range", f"is {game.payoff_range!r}", RANGE) from error
    if ranges.ndim != 2 or ranges.shape[1] != 2 or not np.isfinite(ranges).all() or (ranges[:, 0] > ranges[:, 1]).any():
        raise InvalidFieldError("payoff_range", f"is {ranges.tolist()}", RANGE)
    for own in ranges:
        check_comparable("payoff_range", own)


def _check_turn(game: StackelbergGame, turn: Turn) -> None:
    """Refuse a turn that no agent can take."""
    if not isinstance(turn, Turn):
        raise InvalidFieldError("turns", f"hold {turn!r}", "Turn(name, agent, actions, kind, ...) each")
    named = f"turn {turn.name!r}"
    if turn.kind not in get_args(Kind) or (turn.kind == "leader") != (turn.agent == 0):
        raise InvalidFieldError("turns", f"{named} of agent {turn.agent} has kind {turn.kind!r}", KINDS)
    if not 0 <= turn.agent < len(game.agents):
        allowed = f"0..{len(game.agents) - 1}, a row of payoff_range: 0 is the leader"
        raise InvalidFieldError("turns", f"{named} is of agent {turn.agent}", allowed)
    if turn.rows is not None and turn.rows < 1:
        raise InvalidFieldError("turns", f"{named} has {turn.rows} rows", "at least 1, or None: too many to number")
    if turn.coarse and turn.kind != "learned":
        problem = f"{named} of {game.agents[turn.agent]} is coarse"
        raise InvalidFieldError("turns", problem, "learned turns alone: the leader acts on all that it sees")
    if turn.times < 1:
        raise InvalidFieldError("turns", f"{named} is taken {turn.times} times", "at least 1")
    _check_actions(turn, named)
    if turn.masked and not (turn.kind == "leader" and turn.chooses):
        raise InvalidFieldError("turns", f"{named} is masked", "a leader's turn with a choice: others have no mask")


def _check_actions(turn: Turn, named: str) -> None:
    """Refuse actions that are neither a choice nor bounded numbers, nor, of the leader, both."""
    space, allowed = turn.actions, "Discrete(n), counted from 0, or a bounded one-dimensional Box"
    if isinstance(space, spaces.Tuple):
        good = len(space.spaces) == 2 and _is_choice(space[0]) and _are_numbers(space[1]) and turn.kind == "leader"
    else:
        good = _is_choice(space) or _are_numbers(space)
    if not good:
        both = "; or, of the leader, a Tuple of one and the other" if turn.kind == "leader" else ""
        raise InvalidFieldError("turns", f"{named} has actions {space}", allowed + both)


def _is_choice(space: spaces.Space) -> bool:
    return isinstance(space, spaces.Discrete) and int(space.start) == 0


def _are_numbers(space: spaces.Space) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 1 and space.is_bounded() and space.shape[0] > 0


def _check_seats(game: StackelbergGame) -> None:
    """Refuse seats that do not fit what the leader sees or what it answers."""
    seats, followers, width = game.seats, len(game.followers), game.observation_spaces[0].shape[0]
    if seats is None:
        return
    if not isinstance(seats, Seats):
        raise InvalidFieldError("seats", f"are {seats!r}", "Seats(columns), columns an integer array, or None")
    columns = seats.columns
    if columns.ndim != 2 or len(columns) != followers or not columns.size or columns.dtype.kind not in "iu":
        problem = f"have columns of {columns.dtype} and shape {columns.shape}"
        raise InvalidFieldError("seats", problem, f"integers [followers, features], here [{followers}, 1 or more]")
    if columns.min() < 0 or columns.max() >= width:
        wrong = columns[(columns < 0) | (columns >= width)][0]
        raise InvalidFieldError("seats", f"name entry {wrong} of what the leader sees", f"0..{width - 1}")
    entries, times = np.unique(columns, return_counts=True)
    if times.max() > 1:
        raise InvalidFieldError("seats", f"name entry {entries[times.argmax()]} twice", "each entry once")
    turn = game.leader_turn
    answers, what = (turn.choices, "choices") if turn.chooses else (turn.numbers, "numbers")
    if answers % followers:
        allowed = f"a multiple of {followers}, as many for each follower"
        raise InvalidFieldError("seats", f"turn {turn.name!r} has {answers} {what}", allowed)


def _check_together(game: StackelbergGame) -> None:
    """Refuse turns that do not go together."""
    if sum(turn.kind == "leader" for turn in game.turns) != 1:
        raise InvalidFieldError("turns", "do not have exactly one leader turn", "one Turn of kind 'leader'")
    learned = [turn.agent for turn in game.learned_turns]
    if len(set(learned)) != len(learned):
        raise InvalidFieldError("turns", "give a follower two learned turns", "at most one per follower")
    for turn in game.learned_turns:
        if not turn.discrete or turn.rows is None:
            raise InvalidFieldError("turns", f"learned turn {turn.name!r}", "Discrete actions, finite rows")
