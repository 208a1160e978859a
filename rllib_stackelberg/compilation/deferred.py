"""Compiled functions that are made when they are first used: numba is loaded then, which takes as long as numpy does.

A module may say at its top what is compiled, and be imported by who compiles nothing. Numba asks whatever it does not
know for its type (`_numba_type_`), and everything else that it looks for is the made function's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any

from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    import numba

    from rllib_stackelberg.compilation import cache
else:
    numba, cache = LazyModule("numba"), LazyModule("rllib_stackelberg.compilation.cache")


class Compiled:
    """A function that numba compiles, made when it is first called, handed over, or looked at."""

    def __init__(self, function: Callable, make: Callable[[], Any]):
        """Make nothing yet.

        Args:
            function: as Python knows it.
            make: what numba makes of it.
        """
        update_wrapper(self, function)
        self._make = make

    @cached_property
    def made(self) -> Any:
        """As numba knows it; the same one for all threads, of which one function more would be another to numba."""
        return vars(self).setdefault("made", self._make())

    @cached_property
    def _numba_type_(self) -> Any:
        """What numba asks for whenever it is handed over, so it is kept: numba's own functions make it every time."""
        return self.made._numba_type_

    def __call__(self, *arguments: Any) -> Any:
        """What the function returns."""
        return self.made(*arguments)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_make":  # asked for by who copies an object without making it
            raise AttributeError(name)
        return getattr(self.made, name)

    def __reduce__(self) -> str:
        return self.__qualname__  # of the wrapped function


def njit(function: Callable | None = None, **options: Any) -> Any:
    """As `numba.njit`, made when it is first used; for functions that compiled code calls.

    >>> @njit
    ... def twice(x):
    ...     return 2 * x
    >>> twice(4)
    8

    Args:
        function: to compile.
        options: of `numba.njit`.
    """
    if function is None:
        return lambda decorated: njit(decorated, **options)
    return Compiled(function, lambda: numba.njit(**options)(function))


def kernel(function: Callable | None = None, **options: Any) -> Any:
    """As `njit`, for functions that make no arrays, which loops call on those that they have made.

    References to arrays are not counted in it: where numba cannot tell that counting changes nothing, it takes as long
    as the arithmetic on a row. A function that makes an array is refused by numba.

    >>> import numpy as np
    >>> @kernel
    ... def first(values):
    ...     return values[0]
    >>> first(np.arange(3.0))
    0.0

    Args:
        function: to compile.
        options: of `numba.njit`.
    """
    return njit(function, _nrt=False, **options)


def kept(function: Callable | None = None, **options: Any) -> Any:
    """As `njit`, kept between processes if it can be; for functions that Python calls.

    Compiled functions may be among its arguments. Where the content of something that it uses cannot be told, or there
    is no place to keep it, it is compiled in every process.

    Args:
        function: to compile.
        options: of `numba.njit`.
    """
    if function is None:
        return lambda decorated: kept(decorated, **options)
    return Compiled(function, lambda: cache.kept(function, **options))
