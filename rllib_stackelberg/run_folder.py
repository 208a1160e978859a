"""A run on disk: configuration, progress, policy, result. Everything is plain data.

```
run/  config.json       game, parameters, settings, training options, versions, seed
      progress.jsonl    one line per report of the training loop
      tensorboard/      event files: the same lines and RLlib's own numbers
      policy.json, policy.safetensors
      training.json     episodes, seconds, mean return
      result.json       value, certificate, strategy
      report.html       all of it for people (reports/)
      checkpoints/      the last generations, to go on from (training/checkpoints.py)
```
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files import to_json, write_atomically
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.options import TrainOptions
from rllib_stackelberg.populations.game import PopulationGame
from rllib_stackelberg.registry import finite, make_rules, populated
from rllib_stackelberg.settings import LeaderSettings

PACKAGES = ("rllib-stackelberg", "ray", "torch", "pettingzoo", "gymnasium", "numpy", "scipy")


class RunFolder:
    """Reads and writes a run folder."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """Make the folder, or take an empty one.

        Raises:
            InvalidFieldError: it holds files, or cannot be written.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise InvalidFieldError("out", f"{path} is not empty", "a new or empty folder")
            probe = path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise InvalidFieldError("out", f"cannot write {path} ({error.strerror})", "a writable folder") from error
        return cls(path)

    def write(self, name: str, data: Any) -> None:
        """Write `<name>.json` atomically."""
        write_atomically(self.path / f"{name}.json", to_json(data).encode())

    def read(self, name: str) -> dict[str, Any]:
        """Read `<name>.json`.

        Raises:
            InvalidFieldError: it is missing or broken.
        """
        try:
            return json.loads((self.path / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidFieldError("run", f"{self.path} has no readable {name}.json", "a run folder") from error

    def append_progress(self, line: dict[str, Any]) -> None:
        """Add a line to progress.jsonl."""
        with (self.path / "progress.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def progress(self) -> list[dict[str, Any]]:
        """Lines of progress.jsonl.

        Raises:
            InvalidFieldError: it is missing or broken.
        """
        try:
            lines = (self.path / "progress.jsonl").read_text(encoding="utf-8").splitlines()
            return [json.loads(line) for line in lines]
        except (OSError, ValueError) as error:
            raise InvalidFieldError("run", f"{self.path} has no readable progress.jsonl", "a run folder") from error

    def cut_progress(self, lines: int) -> None:
        """Drop what progress.jsonl says after so many lines."""
        path = self.path / "progress.jsonl"
        if path.exists():
            kept = path.read_bytes().splitlines(keepends=True)[:lines]
            write_atomically(path, b"".join(kept))

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

    def options(self, **limits: Any) -> TrainOptions:
        """The run's training options; limits that are given replace those it has.

        Raises:
            InvalidFieldError: no run folder, one of a game with a population, or options that cannot work.
        """
        if isinstance(self.rules(), PopulationGame):
            problem = f"{self.path} is of a game with a population"
            raise InvalidFieldError("run", problem, "a run of a game of finite types")
        return TrainOptions.checked(**self.given(**limits))

    def given(self, **limits: Any) -> dict[str, Any]:
        """Fields of the run's options, of either kind; limits that are given replace all those it has."""
        config = {name: value for name, value in self.read("config").items() if name != "versions"}
        if any(limit is not None for limit in limits.values()):
            config |= limits
        return config | {"out": self.path}

    def has(self, name: str) -> bool:
        """Whether there is a `<name>.json`."""
        return (self.path / f"{name}.json").exists()

    def rules(self) -> StackelbergGame | PopulationGame:
        """The run's game, of either contract."""
        config = self.read("config")
        return make_rules(config["game"], **config["params"])

    def game(self) -> StackelbergGame:
        """The run's game.

        Raises:
            InvalidFieldError: it has a population.
        """
        return finite(self.rules())

    def population(self) -> PopulationGame:
        """The run's game, which has a population.

        Raises:
            InvalidFieldError: it has none.
        """
        return populated(self.rules())

    def settings(self) -> LeaderSettings:
        """The run's leader settings."""
        return LeaderSettings.checked(**self.read("config")["settings"])

    def seed(self) -> int:
        """The run's seed."""
        return int(self.read("config")["seed"])

    def training(self) -> dict[str, Any]:
        """What training left to report beside the evaluation."""
        return self.read("training") | {"run_dir": str(self.path)}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages a result depends on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
