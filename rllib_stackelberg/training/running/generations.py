"""What both loops do to save a generation and to go on from one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.env.env_runner import EnvRunner

from rllib_stackelberg.errors import InvalidFieldError, StorageError
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.training.running.checkpoints import COMPONENT_EPISODES, State
from rllib_stackelberg.training.running.restoring import check_algorithm, check_taken

SAVE_ITERATIONS, SAVE_SECONDS = 20, 60.0
"""After so many iterations or seconds, whichever are over first, a generation is saved. Saving changes nothing."""


ANSWER_SECONDS = 30.0
"""In which an env runner must hand over its state, or take it."""


PARTS = ("algorithm", "runners")
"""Of a generation, of each algorithm in it."""


def due(iteration: int, saved_at: float) -> bool:
    """Whether a generation is to be saved after an iteration, the last one having been at a time (monotonic)."""
    return iteration % SAVE_ITERATIONS == 0 or time.monotonic() - saved_at >= SAVE_SECONDS


def algorithm_parts(algo: Algorithm) -> dict[str, State]:
    """Of a generation: RLlib's state, and that of every remote env runner by number."""
    runners = algo.env_runner_group.foreach_env_runner(
        episodes_of, local_env_runner=False, timeout_seconds=ANSWER_SECONDS
    )
    return {"algorithm": algo.get_state(), "runners": dict(runners)}


def restore_algorithm(algo: Algorithm, parts: dict[str, State]) -> None:
    """The inverse of `algorithm_parts`; call it in `fitting`."""
    check_algorithm(algo.get_state(), parts["algorithm"])
    algo.set_state(parts["algorithm"])
    check_taken(algo)
    group = algo.env_runner_group
    take = partial(take_episodes, parts["runners"])
    group.foreach_env_runner(take, local_env_runner=False, timeout_seconds=ANSWER_SECONDS)
    # RLlib sends the restored weights without waiting; a runner must not sample with others.
    group.sync_weights(
        from_worker_or_learner_group=algo.learner_group, inference_only=True, timeout_seconds=ANSWER_SECONDS
    )


def episodes_of(runner: EnvRunner) -> tuple[int, State]:
    """Number and state of an env runner."""
    return runner.worker_index, runner.get_state(components=[COMPONENT_EPISODES])


def own_episodes(runner: EnvRunner, state: State) -> State | None:
    """What a state says of an env runner's own episodes: RLlib hands that of one to another that it has restarted."""
    episodes = state.get(COMPONENT_EPISODES)
    return episodes if episodes is not None and episodes["worker"] == runner.worker_index else None


def take_episodes(states: dict[Any, State], runner: EnvRunner) -> None:
    """Give an env runner its state, if there is one."""
    if runner.worker_index in states:
        runner.set_state(states[runner.worker_index])


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Writing into a run folder.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def nothing_left(folder: RunFolder) -> Iterator[None]:
    """Beginning a run in a folder that was empty: one that is refused before it has saved anything leaves no folder."""
    try:
        yield
    except InvalidFieldError:
        if not (folder.path / "checkpoints").exists():
            shutil.rmtree(folder.path, ignore_errors=True)
        raise
