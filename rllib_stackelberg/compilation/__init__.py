"""Compiled functions: made when they are first used, and kept between processes.

`kept` decorates what Python calls: a loop, with all that it calls in turn. What only compiled code calls is decorated
by `njit`, and is kept as a part of the loops that it is compiled into; by `kernel`, if it makes no arrays.
"""

from typing import Any

from rllib_stackelberg.compilation.deferred import cache, kept, kernel, njit
from rllib_stackelberg.compilation.folder import cache_folder, unwritable

__all__ = ["cache_folder", "has_kept", "kept", "kernel", "load", "njit", "unwritable"]


def has_kept(function: Any, *arguments: Any) -> bool:
    """Whether a function need not be compiled for such arguments: it has been, in this process or another."""
    return cache.has_kept(function, *arguments)


def load() -> None:
    """Load what functions are made with, which takes half a second: for who has time before the first is called."""
    cache.load()
