"""A generation whose manifest is right and whose content is not is refused by name, before anything is learned.

`pytest -m learning tests/training/running/test_forged_generations.py` forges 300 at random (`STACKELBERG_FORGERIES`).
"""

import copy
import os
import warnings

import numpy as np
import pytest
import torch

from rllib_stackelberg.errors import InvalidFieldError, RunStoppedError
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training import runs
from rllib_stackelberg.training.leader_training import configured
from rllib_stackelberg.training.loop import Loop
from rllib_stackelberg.training.running.checkpoints import Checkpoints
from rllib_stackelberg.training.running.failures import Failures
from rllib_stackelberg.training.running.interruptions import interruptible
from rllib_stackelberg.training.running.tracking import Tracking

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]

CASES = int(os.environ.get("STACKELBERG_FORGERIES", "300"))
JUNK = [None, True, -1, 10**30, 0.5, float("nan"), "x", b"x", [], {}, (), [1], {"a": 1}, np.zeros(3), torch.zeros(2, 2)]


class Resumption:
    """A run of two iterations, and whatever goes on with it."""

    def __init__(self, place):
        self.options = TrainOptions.checked(
            game="maintain", params={"mixed": True}, settings={"response_updates": 5}, max_iterations=9, out=place
        )
        first = self.options.model_copy(update={"max_iterations": 2})
        runs.train(first, configure=self.configure)
        self.folder = RunFolder(place)
        self.parts = Checkpoints(place).load()

    @staticmethod
    def configure(config):
        config.env_runners(num_envs_per_env_runner=4)
        config.training(train_batch_size_per_learner=8)

    def go_on(self, parts):
        """From a generation, for an iteration."""
        algo = configured(self.options, self.configure).build_algo()
        failures = Failures(self.options.max_failures, 30.0)
        try:
            with interruptible() as interruption, Tracking(self.folder.path, self.options) as tracking:
                loop = Loop(algo, self.folder, self.options, failures, interruption)
                loop.tracking = tracking
                loop.restore(parts)
                loop.advance()
        finally:
            algo.stop()


@pytest.fixture(scope="module")
def resumption(tmp_path_factory, ray_local):
    return Resumption(tmp_path_factory.mktemp("forged") / "run")


def at(parts, path):
    for key in path:
        parts = parts[key]
    return parts


def without(*path):
    return lambda parts: at(parts, path[:-1]).pop(path[-1])


def put(value, *path):
    def change(parts):
        at(parts, path[:-1])[path[-1]] = value

    return change


def emptied(*path):
    return lambda parts: at(parts, path).clear()


def infinite(parts):
    weights = parts["algorithm"]["learner_group"]["learner"]["rl_module"]["default_policy"]
    name = next(iter(weights))
    weights[name] = np.full_like(np.asarray(weights[name]), np.nan)


def reshaped(parts):
    weights = parts["algorithm"]["learner_group"]["learner"]["rl_module"]["default_policy"]
    name = next(name for name, values in weights.items() if np.ndim(values) == 2)
    weights[name] = np.asarray(weights[name])[:1]


def other_memory(parts):
    optimizer = parts["algorithm"]["learner_group"]["learner"]["optimizer"]["default_policy_default_optimizer"]
    found = [path for path in places(optimizer) if np.ndim(at(optimizer, path)) == 2]
    assert found
    for path in found:
        put(torch.zeros(7, 7), *path)(optimizer)


LEARNER = ("algorithm", "learner_group", "learner")
FORGERIES = {
    "algorithm emptied": emptied("algorithm"),
    "no run": without("run"),
    "no algorithm": without("algorithm"),
    "no runners": without("runners"),
    "no learner": without(*LEARNER),
    "learner emptied": emptied(*LEARNER),
    "no weights": without(*LEARNER, "rl_module", "default_policy"),
    "no optimizer": without(*LEARNER, "optimizer"),
    "no episodes": without("algorithm", "env_runner", "leader_episodes"),
    "environment emptied": emptied("algorithm", "env_runner", "leader_episodes", "env"),
    "weights that are not finite": infinite,
    "weights of another shape": reshaped,
    "optimizer of other parameters": other_memory,
    "iteration below 0": put(-1, "run", "iteration"),
    "another iteration": put(7, "run", "iteration"),
    "no time": put(float("nan"), "run", "seconds"),
    "no progress": put(None, "run", "progress"),
    "progress of words": put({"iteration": 2, "value": "x"}, "run", "progress"),
    "search emptied": emptied("run", "search"),
    "a value that is none": put("x", "run", "search", "found", "leader_value"),
    "a snapshot of another game": put(
        ((np.zeros((2, 9), np.float32), np.zeros(2, np.float32)),), "run", "search", "best", "network", "layers"
    ),
    "no generators": emptied("run", "generators"),
    "metrics of words": put({"stats": {"x": {"window": "y"}}}, "algorithm", "metrics_logger"),
    "environments of another shape": put(
        np.zeros(3, bool), "algorithm", "env_runner", "leader_episodes", "env", "transcript", "over"
    ),
}  # fmt: skip


QUICK = {"algorithm emptied", "weights of another shape", "optimizer of other parameters", "another iteration"}


@pytest.mark.parametrize(
    "case", [name if name in QUICK else pytest.param(name, marks=pytest.mark.learning) for name in FORGERIES]
)
def test_forged_generations_are_refused_by_name(resumption, case):
    parts = copy.deepcopy(resumption.parts)
    FORGERIES[case](parts)
    progress = (resumption.folder.path / "progress.jsonl").read_bytes()
    with pytest.raises(InvalidFieldError, match=r"the last generation in .*checkpoints is not of this run") as refused:
        resumption.go_on(parts)
    assert refused.value.field == "run"
    assert (resumption.folder.path / "progress.jsonl").read_bytes() == progress


def test_the_generation_that_they_were_made_of_is_a_good_one(resumption):
    before = (resumption.folder.path / "progress.jsonl").read_bytes()
    resumption.go_on(copy.deepcopy(resumption.parts))
    (resumption.folder.path / "progress.jsonl").write_bytes(before)


def places(value, path=()):
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in entries:
        yield from places(held, (*path, key))


def forge(parts, rng):
    """Change one place of the tree; what was done."""
    found = [path for path in places(parts) if path]
    # As often near the root as among the many metrics.
    depth = rng.choice(sorted({len(path) for path in found}))
    path = [path for path in found if len(path) == depth][rng.integers(sum(len(path) == depth for path in found))]
    holder, key = at(parts, path[:-1]), path[-1]
    value, kind = holder[key], rng.integers(4)
    if kind == 0:
        del holder[key]
    elif isinstance(value, np.ndarray | torch.Tensor) and kind < 3:
        array = np.asarray(value, dtype=float)
        array = [array[:0], np.full_like(array, np.nan), array[None], array.astype(np.float16)][rng.integers(4)]
        holder[key] = torch.as_tensor(array) if isinstance(value, torch.Tensor) else array
    else:
        holder[key] = JUNK[rng.integers(len(JUNK))]
    return f"{kind} {path}"


@pytest.mark.learning
@pytest.mark.timeout(3600)
def test_random_forgeries_are_refused_or_gone_on_with(resumption):
    before = (resumption.folder.path / "progress.jsonl").read_bytes()
    wrong = []
    for seed in range(CASES):
        parts = copy.deepcopy(resumption.parts)
        told = forge(parts, np.random.default_rng([8, seed]))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                resumption.go_on(parts)
        except (InvalidFieldError, RunStoppedError):
            pass
        except BaseException as error:
            wrong.append(f"{seed} {told}: {type(error).__name__}: {error!s:.200}")
            print(wrong[-1], flush=True)
        (resumption.folder.path / "progress.jsonl").write_bytes(before)
    assert wrong == []
