"""Games by name. A registered game is known by an entry point and loaded when first made."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard, get_args, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, create_model

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, from_command_line
from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.lazy_modules import LazyModule, when_loaded
from rllib_stackelberg.rules.base import Rules, name_of
from rllib_stackelberg.rules.declarations import check_game
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.own_games import load_module, located, told
from rllib_stackelberg.rules.parameters import Parameter, parameters
from rllib_stackelberg.rules.population import PopulationGame, check_population

if TYPE_CHECKING:
    import pettingzoo
else:
    pettingzoo = LazyModule("pettingzoo")

NAMESPACE = "stackelberg"
OWN_GAME = "package.module:ClassName or path/to/file.py:ClassName"
"""How a game that is not registered is named."""

GameName = Annotated[str, AfterValidator(located)]
"""Field of a pydantic model: id or own game, meaning the same in every working directory."""


@dataclass(frozen=True)
class RunDefaults:
    """What `train` uses for a game unless told otherwise.

    Attributes:
        max_seconds: training time, seconds.
        settings: fields of `LeaderSettings`, or of `PopulationSettings`.
    """

    max_seconds: float = 60.0
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GameSpec:
    """A registered game.

    Attributes:
        id: such as "stackelberg/escape-v0".
        entry_point: "package.module:ClassName".
        parameters: constructor arguments fixed by this id.
        summary: one line: who leads, who follows.
        source: paper or reference.
        messages: whether followers send messages, as many as a parameter of that name says.
        exact: whether an exact value is known for the default parameters.
        defaults: for training runs.
    """

    id: str
    entry_point: str
    parameters: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    source: str = ""
    messages: bool = False
    exact: bool = True
    defaults: RunDefaults = field(default_factory=RunDefaults)

    @property
    def name(self) -> str:
        """The id without namespace and version."""
        return self.id.removeprefix(f"{NAMESPACE}/").rpartition("-v")[0]

    @property
    def registered(self) -> bool:
        """Whether it is known by an id; else it is somebody's own class."""
        return self.id in _GAMES


_GAMES: dict[str, GameSpec] = {}


def register_game(name: str, entry_point: str, version: int = 0, **details: Any) -> GameSpec:
    """Register a game, with PettingZoo too. `details` are further fields of `GameSpec`."""
    spec = GameSpec(id=f"{NAMESPACE}/{name}-v{version}", entry_point=entry_point, **details)
    known = spec.id in _GAMES
    _GAMES[spec.id] = spec
    if not known and PETTINGZOO in sys.modules:
        _tell_pettingzoo([spec])
    return spec


PETTINGZOO = "pettingzoo"


def _tell_pettingzoo(specs: Iterable[GameSpec]) -> None:
    for spec in specs:
        for kind in ("aec", "parallel"):
            pettingzoo.register(kind, spec.id, f"rllib_stackelberg.aec:make_{kind}", kwargs={"game": spec.id})


when_loaded(PETTINGZOO, lambda: _tell_pettingzoo(_GAMES.values()))


def games() -> list[GameSpec]:
    """All registered games, by name."""
    return sorted(_GAMES.values(), key=lambda spec: spec.name)


def find_spec(game: str) -> GameSpec:
    """The spec of an id (namespace and version may be left out), or of a class by module or file.

    >>> find_spec("escape").id, find_spec("my_games:Toll").registered
    ('stackelberg/escape-v0', False)

    Raises:
        InvalidFieldError: no such game.
    """
    if ":" in game:
        return GameSpec(id=located(game), entry_point=located(game), exact=False)
    named = [spec for spec in _GAMES.values() if game in (spec.id, spec.name, f"{NAMESPACE}/{spec.name}")]
    versioned = [spec for spec in _GAMES.values() if f"{NAMESPACE}/{game}" == spec.id]
    if not named + versioned:
        known = ", ".join(spec.name for spec in games())
        raise InvalidFieldError("game", f"unknown game {game!r}", f"{known}, or {OWN_GAME}")
    return (named + versioned)[-1]


def is_registered(game: str) -> bool:
    """Whether that is the id of a registered game.

    >>> is_registered("escape"), is_registered("my_games:Toll"), is_registered("nothing")
    (True, False, False)
    """
    try:
        return find_spec(game).registered
    except InvalidFieldError:
        return False


def file_parameters(game: str) -> tuple[str, ...]:
    """Parameters of a game that are files: those whose declared type is a `Path`.

    >>> file_parameters("bimatrix"), file_parameters("escape")
    (('file',), ())
    """
    fields = parameter_model(load_class(find_spec(game).entry_point)).model_fields
    return tuple(name for name, field in fields.items() if Path in (field.annotation, *get_args(field.annotation)))


def parameters_of(spec: GameSpec) -> tuple[Parameter, ...]:
    """What a person can set of a game, in order: without what its id fixes.

    >>> for parameter in parameters_of(find_spec("simple-allocation")):
    ...     print(parameter.name, "|", parameter.kind, "|", parameter.default, "|", parameter.meaning)
    types | integer in 1..1024 | 3 | how many types, and items: each type wants its own item.
    messages | integer in 1..1024 | 3 | how many different messages the follower can choose from.
    """
    cls = load_class(spec.entry_point)
    return tuple(found for found in parameters(cls, parameter_model(cls)) if found.name not in spec.parameters)


def make_game(game: str, /, **parameters: Any) -> StackelbergGame:
    """Make a game of finite types by id or by class path.

    Args:
        game: "escape", "stackelberg/escape-v0" or "package.module:ClassName".
        parameters: the game's own constructor parameters; text is converted to the declared type.

    Raises:
        InvalidFieldError: unknown game or parameter, or a value out of range, by name; or a population game.

    >>> make_game("simple-allocation", types=4, messages=2).agents
    ('leader_0', 'follower_0')
    """
    return finite(make_rules(game, **parameters))


def make_population(game: str, /, **parameters: Any) -> PopulationGame:
    """As `make_game`, for games with a population of followers.

    >>> make_population("taxation", households=10).agents
    ('leader_0', 'population_0')
    """
    return populated(make_rules(game, **parameters))


def populated(game: Rules) -> PopulationGame:
    """The game, refused if it has no population.

    Raises:
        InvalidFieldError: it is one of finite types.
    """
    if not isinstance(game, PopulationGame):
        raise InvalidFieldError("game", f"{name_of(game)} has no population", "a population game (PopulationGame)")
    return game


def rules_of(game: str | type[Rules], parameters: Mapping[str, Any]) -> Rules:
    """A game of either contract by id, "package.module:ClassName" or class."""
    if isinstance(game, str):
        return make_rules(game, **parameters)
    made = game(**parameters)
    made.parameters = dict(parameters)
    return made


def all_parameters(game: StackelbergGame | PopulationGame) -> dict[str, Any]:
    """A game's parameters as plain data, defaults included; of a file the SHA-256 sum of its content.

    >>> all_parameters(make_game("simple-allocation", types=4))
    {'types': 4, 'messages': 3}
    """
    spec = find_spec(game.id) if is_registered(game.id) else None
    model = parameter_model(type(game))
    given = validated(model, {**(spec.parameters if spec else {}), **game.parameters})
    sums = {
        name: hashlib.sha256(value.read_bytes()).hexdigest()
        for name in model.model_fields
        if isinstance(value := getattr(given, name), Path)
    }
    return given.model_dump(mode="json") | sums


def finite(game: Rules) -> StackelbergGame:
    """The game, refused if it is none of finite types.

    Raises:
        InvalidFieldError: it is a population game.
    """
    if not isinstance(game, StackelbergGame):
        problem = f"{name_of(game)} is a population game, which this cannot be done with"
        raise InvalidFieldError("game", problem, "a game of finite types (StackelbergGame)")
    return game


def make_rules(game: str, /, **parameters: Any) -> StackelbergGame | PopulationGame:
    """As `make_game`, for games of either contract."""
    spec = find_spec(game)
    cls = load_class(spec.entry_point)
    model = parameter_model(cls)
    given = {name: _from_text(model, name, value) for name, value in parameters.items()}
    fixed = [name for name in given if name in spec.parameters]
    if fixed:
        allowed = ", ".join(name for name in model.model_fields if name not in spec.parameters)
        raise InvalidFieldError(fixed[0], f"is fixed by {spec.name}", allowed or "none")
    arguments = validated(model, spec.parameters | given)
    made = _made(cls, {name: getattr(arguments, name) for name in model.model_fields})
    made.id = spec.id
    made.parameters = arguments.model_dump(mode="json", include=set(given))
    return made


def _made(cls: type[StackelbergGame] | type[PopulationGame], arguments: dict[str, Any]) -> Any:
    """A game whose declarations have been checked; what its constructor raises is told by name."""
    try:
        made = cls(**arguments)
        if isinstance(made, PopulationGame):
            check_population(made)
        else:
            check_game(made)
    except InvalidFieldError:
        raise
    except Exception as error:
        problem = f"{cls.__name__} cannot be made ({told(error)})"
        raise InvalidFieldError("game", problem, "a constructor that sets what the contract asks for") from error
    return made


def load_class(entry_point: str) -> type[StackelbergGame] | type[PopulationGame]:
    """The game class at "package.module:ClassName" or "path/to/file.py:ClassName".

    Raises:
        InvalidFieldError: the module cannot be imported, or has no such game.
    """
    place, _, name = entry_point.rpartition(":")
    try:
        module = load_module(place)
    except (Exception, SystemExit) as error:
        problem = f"cannot load {entry_point!r} ({told(error)})"
        raise InvalidFieldError("game", problem, OWN_GAME) from error
    cls = getattr(module, name, None)
    if not _is_game(cls):
        problem = f"{place} has no game {name!r}" if cls is None else f"{entry_point!r} is not a game"
        raise InvalidFieldError("game", problem, _games_of(module))
    return cls


def _is_game(cls: Any) -> TypeGuard[type[StackelbergGame] | type[PopulationGame]]:
    """Whether it is a class of rules that can be made: not one of the contracts themselves."""
    return inspect.isclass(cls) and issubclass(cls, StackelbergGame | PopulationGame) and not inspect.isabstract(cls)


def _games_of(module: ModuleType) -> str:
    """The games that a module defines, in words."""
    names = [name for name, cls in vars(module).items() if _is_game(cls) and cls.__module__ == module.__name__]
    return ", ".join(names) or "a subclass of StackelbergGame or PopulationGame that has all of its methods"


@lru_cache(maxsize=256)
def parameter_model(cls: type[Rules]) -> type[BaseModel]:
    """A pydantic model of a game's constructor: its parameters, types, ranges and defaults."""
    try:
        hints = get_type_hints(cls.__init__, include_extras=True)
    except Exception as error:
        problem = f"the annotations of {cls.__name__}'s constructor cannot be read ({told(error)})"
        raise InvalidFieldError("game", problem, "names that its module defines or imports") from error
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    declared: dict[str, Any] = {
        p.name: (hints.get(p.name, Any), ... if p.default is p.empty else p.default)
        for p in parameters
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return create_model(cls.__name__, __config__=config, **declared)


def _from_text(model: type[BaseModel], name: str, value: Any) -> Any:
    """Text that is a JSON list or object becomes one; anything else is pydantic's to convert."""
    if isinstance(value, str) and value.startswith(("[", "{")):
        try:
            return from_command_line(value)
        except BrokenDocumentError as error:
            raise InvalidFieldError(name, f"is {error}", "a JSON value") from error
    return value
