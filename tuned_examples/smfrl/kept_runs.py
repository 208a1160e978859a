"""Runs of the examples of this folder that are done already are not trained again: an interrupted call goes on."""

import shutil
from collections.abc import Sequence
from typing import Any

from rllib_stackelberg.populations.options import PopulationOptions
from rllib_stackelberg.run_folder import RunFolder
from rllib_stackelberg.training.populations.runs import train_population
from rllib_stackelberg.training.sessions import ray_session


def finished(chosen: PopulationOptions) -> dict[str, Any] | None:
    """The result of a run that is done already, with the same options; what is left of any other is deleted."""
    assert chosen.out is not None
    folder = RunFolder(chosen.out)
    if folder.has("result") and same_options(folder.read("config"), chosen):
        return folder.read("result")
    shutil.rmtree(folder.path, ignore_errors=True)
    return None


def same_options(config: dict[str, Any], chosen: PopulationOptions) -> bool:
    """Whether what was run is what would be, wherever it is kept."""
    return all(config.get(name) == value for name, value in chosen.resolved().items() if name != "out")


def train_missing(runs: Sequence[PopulationOptions]) -> None:
    """Train those that are not done, and say so; without any, no Ray is started."""
    missing = [chosen for chosen in runs if finished(chosen) is None]
    if not missing:
        return
    with ray_session():
        for number, chosen in enumerate(missing, start=1):
            assert chosen.out is not None
            result = train_population(chosen)
            told = f"{result['lasted']:.4g} years, {result['seconds']:.0f} s of training"
            print(f"trained {number} of {len(missing)}, {chosen.out.name}: {told}", flush=True)
