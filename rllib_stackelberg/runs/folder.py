"""A run on disk: configuration, progress, policy, result. Everything is plain data.

```
run/  config.json       game, parameters, settings, training options, versions, seed
      inputs/           copies of the files that the game was made from
      progress.jsonl    one line per report of the training loop
      tensorboard/      event files: the same lines and RLlib's own numbers
      policy.json, policy.safetensors
      training.json     episodes, seconds, mean return
      result.json       value, certificate, strategy
      report.html       all of it for people (reports/)
      checkpoints/      the last generations, to go on from (training/running/checkpoints.py)
```

A folder may be a stranger's: what is read must fit a model (records.py) and be a plain file in the folder itself
(files/folder.py); the game it names must be a registered one, or one that the person names too. It stands alone: files
that a game is made from are read from the folder's own copies, wherever it is moved.
"""

from __future__ import annotations

import fcntl
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, parsed
from rllib_stackelberg.files.folder import Folder, to_json
from rllib_stackelberg.files.record import Record
from rllib_stackelberg.rules.registry import file_parameters, find_spec, is_registered
from rllib_stackelberg.runs.inputs import keep
from rllib_stackelberg.runs.records import Config, Exploitability, ProgressLine, Training
from rllib_stackelberg.runs.sources import source_of

PACKAGES = ("rllib-stackelberg", "ray", "torch", "pettingzoo", "gymnasium", "numpy", "scipy")

RECORDS: dict[str, type[Record]] = {"config": Config, "training": Training, "exploitability": Exploitability}
"""What files must fit, whoever reads them."""

PROGRESS = "progress.jsonl"

LARGEST_PROGRESS = 256 * 2**20
"""Bytes."""

Fitting = TypeVar("Fitting", bound=Record)


class RunFolder:
    """Reads and writes a run folder.

    Attributes:
        path: of the folder; named: the game's class as the person named it, which is needed where it is not registered.
    """

    def __init__(self, path: Path, game: str | None = None):
        self.path, self.named = path, game
        self.folder = Folder(path)

    @classmethod
    def create(cls, path: Path, game: str | None = None) -> RunFolder:
        """Make the folder, or take an empty one.

        Raises:
            InvalidFieldError: it holds files, or cannot be written.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise InvalidFieldError("out", f"{path} is not empty", "a new or empty folder")
            made = cls(path, game)
            made.folder.write(".writable", b"")
            made.folder.remove(".writable")
        except OSError as error:
            raise InvalidFieldError("out", f"cannot write {path} ({error.strerror})", "a writable folder") from error
        return made

    def begin(self, options: Mapping[str, Any]) -> None:
        """Write down what is trained: the options, copies of the files that the game is made from, sums, versions.

        Args:
            options: as plain data, as `TrainOptions.resolved` gives them.

        Raises:
            InvalidFieldError: a file of the game cannot be read, by the name of its parameter.
        """
        game, params = options["game"], options["params"]
        inputs: dict[str, Any] = {}
        for name in file_parameters(game):
            if params.get(name) is not None:
                inputs[name] = keep(self.folder, name, Path(params[name]))
        source = source_of(find_spec(game))
        told = {"inputs": inputs, "source": source and source.model_dump(), "versions": versions()}
        self.write("config", dict(options) | told)

    def change(self, **limits: Any) -> None:
        """Write down limits in place of those the run had, and what it goes on with."""
        self.write("config", self.read("config") | self.limits(limits) | {"versions": versions()})

    def write(self, name: str, data: Any) -> None:
        """Write `<name>.json` atomically."""
        self.folder.write(f"{name}.json", to_json(data).encode())

    def read(self, name: str, model: type[Record] | None = None) -> dict[str, Any]:
        """Read `<name>.json`.

        Args:
            name: of the file; model: what it must fit; by default that of `RECORDS`, if there is one.

        Raises:
            InvalidFieldError: it is missing or broken, or does not fit.
        """
        file, model = f"{name}.json", model or RECORDS.get(name)
        try:
            found = parsed(self.folder.read(file))
        except (OSError, BrokenDocumentError) as error:
            raise self._unreadable(file, error) from error
        if not isinstance(found, dict):
            raise InvalidFieldError("run", f"{self.path / file} holds no object", "a run folder")
        if model is not None:
            self._fitting(model, found, file)
        return found

    def _unreadable(self, file: str, error: Exception) -> InvalidFieldError:
        reason = getattr(error, "strerror", None) or error
        return InvalidFieldError("run", f"{self.path} has no readable {file} ({reason})", "a run folder")

    def _fitting(self, model: type[Fitting], data: Any, file: str) -> Fitting:
        """Data as its model, refused by the names of file and entry."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            entry = ".".join(str(part) for part in first["loc"])
            problem = f"{self.path / file}: {entry + ': ' if entry else ''}{first['msg']}"
            raise InvalidFieldError("run", problem, "a file as a run has written it") from error

    @property
    def config(self) -> Config:
        """What was trained.

        Raises:
            InvalidFieldError: config.json is missing, broken, or does not fit.
        """
        return self._fitting(Config, self.read("config"), "config.json")

    def append_progress(self, line: dict[str, Any]) -> None:
        """Add a line to progress.jsonl."""
        self.folder.append(PROGRESS, (to_json(line, indent=None) + "\n").encode())

    def progress(self) -> list[dict[str, Any]]:
        """Lines of progress.jsonl.

        Raises:
            InvalidFieldError: it is missing or broken.
        """
        try:
            lines = self.folder.read(PROGRESS, LARGEST_PROGRESS).splitlines()
            found = [parsed(line, allow_nan=True) for line in lines]
        except (OSError, BrokenDocumentError) as error:
            raise self._unreadable(PROGRESS, error) from error
        for number, line in enumerate(found, start=1):
            self._fitting(ProgressLine, line, f"{PROGRESS} line {number}")
        return found

    def cut_progress(self, lines: int) -> None:
        """Drop what progress.jsonl says after so many lines; what is left is a file of its own."""
        if self.folder.has(PROGRESS):
            try:
                content = self.folder.read(PROGRESS, LARGEST_PROGRESS)
            except BrokenDocumentError as error:
                raise self._unreadable(PROGRESS, error) from error
            self.folder.write(PROGRESS, b"".join(content.splitlines(keepends=True)[:lines]))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training in the folder.

        Raises:
            InvalidFieldError: another one does.
        """
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise InvalidFieldError("run", f"{self.path} is in use", "a run that no process works on") from error
        finally:
            os.close(descriptor)

    @staticmethod
    def limits(limits: Mapping[str, Any]) -> dict[str, Any]:
        """Limits in place of all that a run has: all of those given, or none if none is."""
        return dict(limits) if any(limit is not None for limit in limits.values()) else {}

    def has(self, name: str) -> bool:
        """Whether there is a `<name>.json`."""
        return self.folder.has(f"{name}.json")

    def game_name(self) -> str:
        """What the run's game is made by: its registered id, or the class as the person names it.

        Raises:
            InvalidFieldError: it is not registered, and the person names none, or another one.
        """
        said = self.config.game
        if self.named is None:
            if is_registered(said) or ":" not in said:
                return said
            problem = f"{self.path} names {said!r}, which is code that does not come with this package"
            raise InvalidFieldError("game", problem, "to be named by you too, if you trust it: --game " + said)
        same = self.named == said
        if is_registered(said) and is_registered(self.named):
            same = find_spec(said).id == find_spec(self.named).id
        if not same and (self.config.source is None or is_registered(self.named)):
            raise InvalidFieldError("game", f"{self.path} is of {said!r}, not {self.named!r}", said)
        return self.named


@contextmanager
def result_fits(folder: RunFolder) -> Iterator[None]:
    """Showing a result, each part of which has fitted its model, but need not fit the game.

    Raises:
        InvalidFieldError: it does not.
    """
    try:
        yield
    except InvalidFieldError:
        raise
    except (KeyError, IndexError, StopIteration, TypeError, ValueError, OverflowError) as error:
        problem = f"{folder.path} has a result that is not of its game ({type(error).__name__}: {error})"
        raise InvalidFieldError("run", problem, "the result of this run; evaluate recomputes it") from error


def command_for(verb: str, path: Path, game: str) -> str:
    """The command line that does something with a run, such as "resume": own games are named by the person again."""
    return f"rllib-stackelberg {verb} {path}" + ("" if is_registered(game) else f" --game {game}")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages a result depends on."""
    return {"python": platform.python_version()} | {package: _version(package) for package in PACKAGES}


@cache
def _version(package: str) -> str:
    """Of what is installed; that takes milliseconds to read, and a process trains many leaders."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
