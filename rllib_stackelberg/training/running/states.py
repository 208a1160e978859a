"""Nested states as data: a tree of dictionaries, sequences, arrays and numbers as JSON and safetensors, never a pickle.

What RLlib, torch, numpy and the followers keep is such a tree. The JSON holds its shape and the plain values, with
every container tagged by its kind; arrays go to the safetensors file, tensors among them marked as such. Reading
makes nothing but these kinds, so a state from anywhere can be read without running what it says.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from rllib_stackelberg.files.documents import shortened
from rllib_stackelberg.files.tensors import arrays as read_arrays

PLAIN = (type(None), bool, int, float, str)
SEQUENCES: dict[str, type[list] | type[tuple]] = {"list": list, "tuple": tuple}


class BrokenStateError(ValueError):
    """Not a state that `to_bytes` wrote."""


def to_bytes(state: Any) -> tuple[bytes, bytes]:
    """A state as JSON and safetensors.

    Raises:
        TypeError: it holds something that is no data.
    """
    arrays: dict[str, NDArray] = {}
    described = json.dumps(_describe(state, arrays, "state")).encode()
    return described, save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def from_bytes(described: bytes, arrays: bytes) -> Any:
    """The inverse of `to_bytes`.

    Raises:
        BrokenStateError: the bytes are something else.
    """
    try:
        return _build(json.loads(described), read_arrays(arrays))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise BrokenStateError(f"is no state ({shortened(repr(error), 200)})") from error


def _describe(value: Any, arrays: dict[str, NDArray], path: str) -> Any:
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, dict):
        pairs = [[_describe(key, arrays, path), _describe(v, arrays, f"{path}.{key}")] for key, v in value.items()]
        return {"dict": pairs}
    for name, sequence in SEQUENCES.items():
        if kind is sequence:
            return {name: [_describe(v, arrays, f"{path}.{k}") for k, v in enumerate(value)]}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, torch.Tensor):
        return {"tensor": _keep(value.detach().cpu().numpy(), arrays)}
    if isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype.kind in "biuf":
        return {"array" if kind is np.ndarray else "scalar": _keep(np.asarray(value), arrays)}
    raise TypeError(f"{path} is a {kind.__module__}.{kind.__qualname__}, which is no data")


def _keep(array: NDArray, arrays: dict[str, NDArray]) -> str:
    name = str(len(arrays))
    arrays[name] = array
    return name


def _build(node: Any, arrays: dict[str, NDArray]) -> Any:
    if not isinstance(node, dict):
        return node
    ((kind, held),) = node.items()
    if kind == "dict":
        return {_build(key, arrays): _build(value, arrays) for key, value in held}
    if kind in SEQUENCES:
        return SEQUENCES[kind](_build(value, arrays) for value in held)
    if kind == "bytes":
        return base64.b64decode(held, validate=True)
    array = arrays[held]
    if kind == "tensor":
        return torch.from_numpy(array.copy())
    if kind not in ("array", "scalar"):
        raise ValueError(f"unknown kind {kind!r}")
    return array[()] if kind == "scalar" else array.copy()
