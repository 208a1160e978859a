"""Going on from a generation that may be anybody's: it fits the run, or is refused by name before anything is learned.

A manifest tells damage, not forgery. What RLlib is handed in a generation it takes as it is: a part that is missing
stays as it was made, an array of another shape fails in the midst of training. So a generation is held against the
algorithm that was made for the run, before it is taken and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, Field, TypeAdapter
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core.learner import Learner

from rllib_stackelberg.errors import InvalidFieldError, RunStoppedError
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.files.documents import shortened
from rllib_stackelberg.files.record import Count, Record
from rllib_stackelberg.training.running.checkpoints import State

WEIGHTS, METRICS = "rl_module", "metrics_logger"
NEEDED = (("learner_group", "learner"), ("env_runner",))
"""Parts of RLlib's state in which nothing may be missing."""

EVALUATION: TypeAdapter[Evaluation] = TypeAdapter(Evaluation)


class BrokenPartError(ValueError):
    """A part of a generation that is not of this run."""


class Run(Record):
    """The part `run` of a generation; what stands in it further is checked where it is used."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, arbitrary_types_allowed=True)

    iteration: Count
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    progress: dict[str, Any] | None
    generators: dict[str, Any]


@contextmanager
def fitting(run: Path) -> Iterator[None]:
    """Taking over a generation.

    Raises:
        InvalidFieldError: it is not of this run, whatever goes wrong with it.
    """
    try:
        yield
    except RunStoppedError:
        raise
    except Exception as error:  # whatever RLlib, torch and NumPy make of what they do not expect
        said = shortened(f"{type(error).__name__}: {error}".splitlines()[0], 200)
        problem = f"the last generation in {run / 'checkpoints'} is not of this run ({said})"
        raise InvalidFieldError("run", problem, "a generation that this run wrote; without it, an older one") from error


def check_run(run: State) -> None:
    """Refuse a part `run` that cannot be one.

    Raises:
        ValueError: it is not.
    """
    told = Run.model_validate(run)
    if (told.progress is None) != (told.iteration == 0):
        raise BrokenPartError(f"it is of iteration {told.iteration}, with progress {told.progress is not None}")
    if told.progress is not None and told.progress.get("iteration") != told.iteration:
        raise BrokenPartError("its progress is of another iteration")


def check_algorithm(fresh: State, given: State) -> None:
    """Refuse a state of RLlib's in which something is missing, or weights are not those of this run's networks.

    Args:
        fresh: state of the algorithm that was made for the run; given: of the generation.

    Raises:
        BrokenPartError: naming the part.
    """
    _refuse_missing(fresh, given, "algorithm")
    for path in NEEDED:
        one, other, name = fresh, given, "algorithm"
        for part in path:
            if part not in one:
                break
            one, other, name = one[part], other[part], f"{name}.{part}"
        else:
            _refuse_missing(one, other, name)
    learner = given["learner_group"]["learner"]
    _refuse_unlike(fresh["learner_group"]["learner"][WEIGHTS], learner[WEIGHTS], WEIGHTS)
    _check_metrics(given[METRICS], root=True)
    _check_metrics(learner.get(METRICS, {"stats": {}}), root=False)


def _check_metrics(state: State, root: bool) -> None:
    """Refuse metrics that RLlib could not go on with: only those that are merged have something merged last."""
    for name, told in state["stats"].items():
        if told["is_root"] is not root or told["is_leaf"] is ("latest_merged" in told):
            raise BrokenPartError(f"metrics {shortened(str(name))} contradict themselves")


def _refuse_missing(fresh: Any, given: Any, name: str) -> None:
    if not isinstance(given, Mapping):
        raise BrokenPartError(f"{name} is no part of a state")
    if missing := [part for part in fresh if part not in given]:
        raise BrokenPartError(f"{name} has no {missing[0]}")


def _refuse_unlike(fresh: Any, given: Any, name: str) -> None:
    """Refuse weights of other names, shapes or kinds, or that are not finite."""
    if isinstance(fresh, Mapping):
        _refuse_missing(fresh, given, name)
        for part, value in fresh.items():
            _refuse_unlike(value, given[part], f"{name}.{part}")
        return
    one, other = torch.as_tensor(fresh), torch.as_tensor(given)
    if one.shape != other.shape or one.dtype != other.dtype:
        raise BrokenPartError(f"{name} is {tuple(other.shape)} of {other.dtype}, not {tuple(one.shape)} of {one.dtype}")
    _refuse_infinite(other, name)


def _refuse_infinite(values: torch.Tensor, name: str) -> None:
    if values.is_floating_point() and not torch.isfinite(values).all():
        raise BrokenPartError(f"{name} has entries that are not finite")


def check_taken(algo: Algorithm) -> None:
    """Refuse what was taken over and cannot be gone on with.

    Raises:
        BrokenPartError: naming the part.
    """
    algo.learner_group.foreach_learner(check_optimizers)
    algo.metrics.peek()  # every number that RLlib will report is one


def check_optimizers(learner: Learner) -> None:
    """Refuse an optimizer's memory of parameters that are not its own.

    Raises:
        BrokenPartError: naming the optimizer.
    """
    for module in learner.module.keys():  # noqa: SIM118 (a MultiRLModule, which is no mapping)
        for name, optimizer in learner.get_optimizers_for_module(module):
            for parameter, kept in optimizer.state.items():
                for what, value in kept.items():
                    if not isinstance(value, torch.Tensor | float | int):
                        raise BrokenPartError(f"optimizer {name} remembers {what} that is no number")
                    numbers = torch.as_tensor(value)
                    if numbers.dim() and numbers.shape != parameter.shape:
                        raise BrokenPartError(f"optimizer {name} remembers {what} of other parameters")
                    _refuse_infinite(numbers, f"optimizer {name}: {what}")


def check_evaluation(data: Any) -> None:
    """Refuse what is no evaluation.

    Raises:
        ValidationError: it is none.
    """
    EVALUATION.validate_python(data)
