"""A small network as data: layers of numbers, written and read without pickle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from safetensors.numpy import save

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, parsed
from rllib_stackelberg.files.folder import Folder, write_atomically
from rllib_stackelberg.files.record import Record, Text
from rllib_stackelberg.files.tensors import arrays


class LeaderPolicy(Record):
    """policy.json of a leader alone; format 2 where `choices` or `seats` say more than those of format 1."""

    format: Literal[1, 2]
    layers: Annotated[int, Field(ge=1, le=64)]
    discrete: bool
    choices: Annotated[int, Field(ge=0)] = 0
    seats: bool = False


class PlayedGame(Record):
    """The game that policies were trained in: id, and all of its parameters that matter to a policy."""

    id: Text
    parameters: dict[str, Any]


class BothPolicies(Record):
    """policy.json of both sides of a game with a population."""

    format: Literal[1]
    kind: Literal["population"]
    sees_leader: bool
    leader: Annotated[int, Field(ge=1, le=64)]
    members: Annotated[int, Field(ge=1, le=64)]
    game: PlayedGame | None = None


TENSORS, DESCRIPTION = "policy.safetensors", "policy.json"


FORMAT = 1


LARGEST_POLICY = 256 * 2**20
"""Bytes of its tensors."""


Described = TypeVar("Described", bound=Record)


Layers = tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
"""(weight `[out, in]`, bias `[out]`) each."""


def forward(layers: Layers, inputs: Any, between: Callable[[Any], Any]) -> NDArray[np.float64]:
    """Outputs `[..., out]` of linear layers for inputs `[..., in]`, with an activation between them."""
    hidden = np.asarray(inputs, dtype=np.float64)
    for k, (weight, bias) in enumerate(layers):
        hidden = hidden @ weight.T.astype(np.float64) + bias
        if k < len(layers) - 1:
            hidden = between(hidden)
    return hidden


def layer_tensors(layers: Layers, prefix: str = "") -> dict[str, NDArray]:
    """Layers as named tensors."""
    named: dict[str, NDArray] = {}
    for k, (weight, bias) in enumerate(layers):
        named |= {f"{prefix}{k}.weight": np.ascontiguousarray(weight), f"{prefix}{k}.bias": np.ascontiguousarray(bias)}
    return named


def layers_from(tensors: dict[str, NDArray], count: int, prefix: str = "") -> Layers:
    """The inverse of `layer_tensors`.

    Raises:
        BrokenDocumentError: one is missing, or they do not follow one another.
    """
    found: list[tuple[NDArray, NDArray]] = []
    for k in range(count):
        names = (f"{prefix}{k}.weight", f"{prefix}{k}.bias")
        if missing := [name for name in names if name not in tensors]:
            raise BrokenDocumentError(f"{TENSORS} lacks {missing[0]}")
        weight, bias = (tensors[name] for name in names)
        wide = len(found[-1][1]) if found else None
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or wide not in (None, weight.shape[1]) or not bias.size:
            raise BrokenDocumentError(f"layer {prefix}{k} has weights {weight.shape} and biases {bias.shape}")
        found.append((weight, bias))
    return tuple(found)


def widths(layers: Layers) -> tuple[int, int]:
    """How many numbers layers take, and how many they give."""
    return layers[0][0].shape[1], len(layers[-1][1])


def write_data(folder: Path, description: dict[str, Any], tensors: dict[str, NDArray]) -> None:
    """Write both files of a policy, each atomically."""
    write_atomically(folder / TENSORS, save(tensors))
    write_atomically(folder / DESCRIPTION, json.dumps({"format": FORMAT, **description}).encode())


def read_data(folder: Path, model: type[Described]) -> tuple[Described, dict[str, NDArray]]:
    """Description, which fits the model, and tensors of a policy; call it in `readable`."""
    held = Folder(folder)
    return model.model_validate(parsed(held.read(DESCRIPTION))), arrays(held.read(TENSORS, LARGEST_POLICY))


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Reading a policy.

    Raises:
        InvalidFieldError: the folder holds none that can be read.
    """
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{DESCRIPTION}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise InvalidFieldError("run", f"{folder} holds no readable policy ({problem})", "a run folder") from error
    except (OSError, BrokenDocumentError) as error:
        raise InvalidFieldError("run", f"{folder} holds no readable policy ({error})", "a run folder") from error
