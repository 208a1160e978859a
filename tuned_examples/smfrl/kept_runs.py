"""Runs of the examples of this folder that are done already are not trained again: an interrupted call goes on."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.running.ray_sessions import ray_session
from rllib_stackelberg.training.runs import train


def finished(chosen: PopulationOptions) -> dict[str, Any] | None:
    """The result of a run that is done already.

    Raises:
        InvalidFieldError: another run is there; it is not touched.
    """
    assert chosen.out is not None
    folder = RunFolder(chosen.out)
    if not folder.has("config"):
        return None
    check_same(folder.read("config"), chosen, folder.path)
    return folder.read("result") if folder.has("result") else None


def check_same(config: dict[str, Any], chosen: PopulationOptions, place: Path) -> None:
    """Refuse what was run with other options.

    Raises:
        InvalidFieldError: it was.
    """
    if not same_options(config, chosen):
        raise InvalidFieldError("out", f"{place} is of other options", "the same options again, or another folder")


def same_options(config: dict[str, Any], chosen: PopulationOptions) -> bool:
    """Whether what was run is what would be, wherever it is kept; an option that it does not know had its default."""
    defaults = {name: field.default for name, field in PopulationOptions.model_fields.items()}
    return all(config.get(name, defaults[name]) == value for name, value in chosen.resolved().items() if name != "out")


def train_missing(runs: Sequence[PopulationOptions]) -> None:
    """Train those that are not done, and say so; one that was interrupted begins again. Without any, no Ray is started.

    Raises:
        InvalidFieldError: a folder holds something else, or is in use; nothing was started.
    """
    missing = [chosen for chosen in runs if finished(chosen) is None]
    if not missing:
        return
    with ray_session():
        for number, chosen in enumerate(missing, start=1):
            assert chosen.out is not None
            _clear(RunFolder(chosen.out))
            result = train(chosen)
            told = f"{result['lasted']:.4g} years, {result['seconds']:.0f} s of training"
            print(f"trained {number} of {len(missing)}, {chosen.out.name}: {told}", flush=True)


def _clear(folder: RunFolder) -> None:
    """Delete what an interrupted run has left: gone on with, its numbers would not be those of one that was not."""
    if folder.has("config"):
        with folder.locked():
            shutil.rmtree(folder.path)
