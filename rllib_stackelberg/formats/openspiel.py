"""Games of OpenSpiel as trees: every position that plays can come to is walked through once.

Where players move at the same time they move one after the other in the tree, and none sees what the others did. What a
player knows is OpenSpiel's information state (in a game of perfect information that has none, all that has happened),
and what it knew and did before. What OpenSpiel draws itself (sampled chance), mean fields, and games of one player are
not for trees.

OpenSpiel is an optional extra (`pip install rllib-stackelberg[openspiel]`), loaded where a game of it is asked for.

Source: Lanctot et al. 2019, arXiv 1908.09453.
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.formats.efg import exact_shares
from rllib_stackelberg.trees.growth import Growth, Place
from rllib_stackelberg.trees.tree import GameTree

if TYPE_CHECKING:
    import pyspiel

NODES = 2**16
"""Most nodes of a tree."""

FIELD = "name"


def openspiel_tree(name: str, field: str = FIELD) -> GameTree:
    """A game of OpenSpiel as a tree.

    Args:
        name: as OpenSpiel writes it, with the game's own parameters: "kuhn_poker", "kuhn_poker(players=3)".
        field: what it was given for.

    Raises:
        InvalidFieldError: naming the field: OpenSpiel is not installed or has no such game, or the game is of another
            kind or has more than `NODES` positions.

    >>> tree = openspiel_tree("matrix_pd")
    >>> tree.paid[0].tolist(), tree.known(1)
    ([5.0, 5.0], 'after ?')
    """
    library = _pyspiel(field)
    game = _loaded(library, name, field)
    _refuse_kind(game, name, field)
    walk = _Walk(game)
    while walk.waiting:
        walk.step()
        if len(walk.growth) + len(walk.waiting) > NODES:
            problem = f"{name} has more than {NODES:,} positions"
            raise BeyondLimitsError(field, problem, "a smaller game, or smaller parameters of it")
    return walk.growth.tree(title=f"{name} of OpenSpiel")


class _Position(NamedTuple):
    """A position that has not been walked to yet.

    Attributes:
        place: where it is in the tree; before: the state before it; moves: actions that lead from there to it.
        memory: per player a number that stands for all that it knew and did at its moves before.
    """

    place: Place
    before: pyspiel.State
    moves: tuple[int, ...]
    memory: tuple[int, ...]


class _Walk:
    """A walk through a game, deeper positions first.

    Attributes:
        growth: the tree so far; waiting: positions to go to.
    """

    def __init__(self, game: pyspiel.Game):
        players = game.num_players()
        self.growth = Growth([f"player {number + 1}" for number in range(players)])
        self.waiting = [_Position(self.growth.root, game.new_initial_state(), (), (0,) * players)]
        self._says = bool(game.get_type().provides_information_state_string)
        self._memories: dict[tuple[Hashable, int], int] = {}

    def step(self) -> None:
        """Go to the position that waits last."""
        place, before, moves, memory = self.waiting.pop()
        state = _after(before, moves)
        if state.is_terminal():
            self.growth.leaf(place, state.returns())
        elif state.is_chance_node():
            self._chance(place, state, memory)
        elif state.is_simultaneous_node():
            self._together(place, state, memory)
        else:
            player = state.current_player()
            ends = self._move(place, state, player, memory)
            self.waiting += [_Position(end, state, (action,), after) for end, action, after in reversed(ends)]

    def _chance(self, place: Place, state: pyspiel.State, memory: tuple[int, ...]) -> None:
        outcomes = [(action, share) for action, share in state.chance_outcomes() if share > 0]
        labels = _distinct([state.action_to_string(state.current_player(), action) for action, _ in outcomes])
        ends = self.growth.chance(
            place, dict(zip(labels, exact_shares(tuple(share for _, share in outcomes)), strict=True))
        )
        pairs = list(zip(ends, outcomes, strict=True))
        self.waiting += [_Position(end, state, (action,), memory) for end, (action, _) in reversed(pairs)]

    def _together(self, place: Place, state: pyspiel.State, memory: tuple[int, ...]) -> None:
        """All players move at once: one after the other, each without seeing what the others do."""
        ends = [_Position(place, state, (), memory)]
        for player in range(state.num_players()):
            actions = state.legal_actions(player)
            if len(actions) < 2:  # nothing to decide; OpenSpiel takes any action of a player that has none
                ends = [end._replace(moves=(*end.moves, *(actions or [0]))) for end in ends]
                continue
            ends = [
                _Position(after, state, (*end.moves, action), remembered)
                for end in ends
                for after, action, remembered in self._move(end.place, state, player, end.memory)
            ]
        self.waiting += reversed(ends)

    def _move(
        self, place: Place, state: pyspiel.State, player: int, memory: tuple[int, ...]
    ) -> list[tuple[Place, int, tuple[int, ...]]]:
        """A player's move: where each action leads, and what is remembered then."""
        actions = state.legal_actions(player)
        labels = _distinct([state.action_to_string(player, action) for action in actions])
        # What OpenSpiel says of a player leaves out, in some games, what it did itself before.
        seen = state.information_state_string(player) if self._says else tuple(state.history())
        own = (seen, memory[player])
        ends = self.growth.move(place, player, labels, known=own)
        found = []
        for end, action in zip(ends, actions, strict=True):
            number = self._memories.setdefault((own, action), 1 + len(self._memories))
            found.append((end, action, (*memory[:player], number, *memory[player + 1 :])))
        return found


def _after(state: pyspiel.State, moves: tuple[int, ...]) -> pyspiel.State:
    """The position after one action, or after one of each player."""
    if not moves:
        return state
    if not state.is_simultaneous_node():
        return state.child(moves[0])
    found = state.clone()
    found.apply_actions(list(moves))
    return found


def _distinct(labels: list[str]) -> list[str]:
    """Labels, numbered where two are the same."""
    return [label if labels.count(label) == 1 else f"{label} ({k + 1})" for k, label in enumerate(labels)]


def _loaded(library: Any, name: str, field: str) -> pyspiel.Game:
    """The game of that name."""
    names, plain = library.registered_names(), name.partition("(")[0].strip()
    if plain not in names:
        close = get_close_matches(plain, names, n=3, cutoff=0.4) or ["kuhn_poker", "matrix_pd", "tiny_hanabi"]
        allowed = f"one of {len(names)} names, such as {', '.join(close)}"
        raise InvalidFieldError(field, f"OpenSpiel has no game {plain!r}", allowed)
    try:
        return library.load_game(name)
    except library.SpielError as error:
        problem = f"OpenSpiel cannot load {name!r} ({' '.join(str(error).split())[:200]})"
        raise InvalidFieldError(field, problem, "parameters of that game in brackets: name(key=value,...)") from error


def _refuse_kind(game: pyspiel.Game, name: str, field: str) -> None:
    """Refuse games that are no trees of several players."""
    kind = game.get_type()
    if game.num_players() < 2:
        raise InvalidFieldError(field, f"{name} has one player", "two players or more")
    if kind.dynamics == kind.dynamics.MEAN_FIELD:
        raise InvalidFieldError(field, f"{name} is a mean field game", "a game of turns or of simultaneous moves")
    if kind.chance_mode == kind.chance_mode.SAMPLED_STOCHASTIC:
        raise InvalidFieldError(field, f"{name} draws chance itself", "a game that says the probabilities of chance")
    hidden = kind.information not in (kind.information.PERFECT_INFORMATION, kind.information.ONE_SHOT)
    if hidden and not kind.provides_information_state_string:
        raise InvalidFieldError(field, f"{name} does not say what players know", "one with information states")


def _pyspiel(field: str) -> Any:
    """The library."""
    try:
        return importlib.import_module("pyspiel")
    except ImportError as error:
        allowed = "pip install 'rllib-stackelberg[openspiel]'"
        raise InvalidFieldError(field, f"needs OpenSpiel, which is not installed ({error})", allowed) from error
