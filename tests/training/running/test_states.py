"""States as data: what comes back is what went in, and reading runs nothing."""

import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from rllib_stackelberg.training.running.randomness import generator_states, seed_generators, set_generator_states
from rllib_stackelberg.training.running.states import BrokenStateError, from_bytes, to_bytes

STATE = {
    "plain": [None, True, 3, -0.1, float("inf"), "text", b"\x00\xff"],
    "tuple": (1, (2.5, "x"), []),
    7: {(1, "key"): np.arange(6, dtype=np.int64).reshape(2, 3), b"key": np.zeros((0, 4), np.float32)},
    "scalars": [np.float64(0.1), np.int64(3), np.bool_(True), np.array(2.5)],
    "tensors": {"flat": torch.arange(3.0), "single": torch.tensor(-1.1), "byte": torch.zeros(2, dtype=torch.uint8)},
    "strided": np.arange(12).reshape(3, 4).T,
}


def same(one, other):
    """Equal in value, type and shape, all the way down."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            same(left, right)
    elif isinstance(one, np.ndarray | torch.Tensor):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert (one == other).all()
    else:
        assert one == other or (one != one and other != other)  # what is not known yet is no number


def test_a_state_comes_back_as_it_was():
    same(from_bytes(*to_bytes(STATE)), STATE)


def test_what_is_no_data_is_named():
    with pytest.raises(TypeError, match=r"state\.a\.1 is a pathlib"):
        to_bytes({"a": [1, Path()]})


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_never_run(tmp_path):
    canary = tmp_path / "canary"
    malicious = pickle.dumps(Canary(canary))
    described, arrays = to_bytes(STATE)
    for pair in [(malicious, arrays), (described, malicious), (malicious, malicious)]:
        with pytest.raises(BrokenStateError):
            from_bytes(*pair)
    assert not canary.exists()
    pickle.loads(malicious)
    assert canary.exists()  # it would have sung


@pytest.mark.parametrize("described", ["[", '{"unknown": "0"}', '{"array": "nowhere"}', "{}", "[" * 100_000])
def test_broken_descriptions_are_refused(described):
    with pytest.raises(BrokenStateError):
        from_bytes(described.encode(), to_bytes({})[1])


def test_generators_go_on_where_they_stood():
    def draw():
        return random.random(), np.random.random(), float(torch.rand(()))  # noqa: NPY002

    before = generator_states()
    try:
        seed_generators(1, 2)
        states = from_bytes(*to_bytes(generator_states()))
        first = draw()
        seed_generators(1, 3)
        assert draw() != first
        set_generator_states(states)
        assert draw() == first
    finally:
        set_generator_states(before)
