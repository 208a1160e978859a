"""The generators of a process that RLlib draws from: torch's, numpy's and Python's."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def generator_states() -> dict[str, Any]:
    """Where the three generators stand."""
    return {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}  # noqa: NPY002


def set_generator_states(states: dict[str, Any]) -> None:
    """Put the three generators where they stood."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    torch.set_rng_state(states["torch"])


def seed_generators(*words: int) -> None:
    """Start the three generators from several numbers together."""
    sequence = np.random.SeedSequence(words)
    first, second, third = (int(word) for word in sequence.generate_state(3, np.uint32))
    random.seed(first)
    np.random.seed(second)  # noqa: NPY002
    torch.manual_seed(third)
