"""Compiled functions that are kept between processes, wherever there is a place to keep them.

Numba keeps them beside the source or under the home; where neither can be written (a hardened container) it refuses to
import what asks for it. Then they are compiled anew in every process, which takes seconds; NUMBA_CACHE_DIR names a
folder to keep them in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

UNKEPT: list[str] = []
"""Functions that there was no place for, by name."""


def kept(function: Callable | None = None, **options: Any) -> Any:
    """As `numba.njit`, kept between processes if it can be.

    Only for functions that call none of another file: numba looks for changes in a function's own file, and would go on
    with the old ones.
    """
    if function is None:
        return lambda decorated: kept(decorated, **options)
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # no locator: numba says so when a function is decorated, not when it is compiled
        UNKEPT.append(function.__qualname__)
        return njit(**options)(function)
