"""What a run runs in: a Ray, and one torch thread."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
import torch

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.training.orphans import no_orphans


@contextmanager
def ray_session(num_env_runners: int = 0) -> Iterator[None]:
    """A Ray to run in: the one already there, or a local one for the time of the run."""
    # RLlib greets every run with a note on its API stack, and gymnasium with one that RLlib registers its env again.
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*Overriding environment rllib-(single|multi)-agent-env-v0.*")
    if ray.is_initialized():
        _refuse_too_many(num_env_runners)
        yield
        return
    with no_orphans():
        _start_ray(num_env_runners)
        try:
            _refuse_too_many(num_env_runners)
            yield
        finally:
            ray.shutdown()


def _start_ray(num_env_runners: int) -> None:
    # Workers must find a game class in the user's own script: they get the driver's search path.
    search = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH", "")]))
    local = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": max(1, num_env_runners)}
    ray.init(
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": search}} if num_env_runners else None,
        **local,
    )


def _refuse_too_many(num_env_runners: int) -> None:
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if num_env_runners > cpus:
        raise InvalidFieldError("num_env_runners", f"{num_env_runners} on {cpus} CPUs", f"0..{cpus} on this Ray")


@contextmanager
def torch_threads() -> Iterator[None]:
    """One torch thread while training: the networks are too small to share, and results repeat."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
