"""Where torch computes: refused by name where there is no such device, before anything starts."""

from __future__ import annotations

import torch

from rllib_stackelberg.errors import InvalidFieldError


def check_device(device: str) -> None:
    """Refuse a device that torch does not find on this machine.

    Args:
        device: "cpu" or "cuda".

    Raises:
        InvalidFieldError: there is none.

    >>> check_device("cpu")
    """
    if device == "cuda" and not torch.cuda.is_available():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for the CPU alone"
        raise InvalidFieldError("device", f"torch, which is built {built}, finds no CUDA device here", "cpu")
