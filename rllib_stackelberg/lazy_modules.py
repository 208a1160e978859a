"""Libraries that take long to load and are used by few: loaded when something of them is first used, and sooner."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class LazyModule:
    """Stands for a module; its attributes are the module's.

    >>> optimize = LazyModule("scipy.optimize")
    >>> optimize.brentq(lambda x: x - 1, 0, 3)
    1.0
    """

    def __init__(self, name: str):
        """Load nothing yet.

        Args:
            name: of the module, as it is imported.
        """
        self._name = name

    @cached_property
    def _module(self) -> ModuleType:
        return import_module(self._name)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._module, attribute)


@contextmanager
def loading() -> Iterator[None]:
    """While modules are loaded, look for no garbage: there is none, and looking takes a quarter of the time.

    Nor is it looked for among them later, for they stay to the end: with Ray and torch that takes .3 s every time. For
    the command line; in a program of somebody else's it would keep what garbage there is.
    """
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if looks:
            gc.enable()


def when_loaded(name: str, action: Callable[[], None]) -> None:
    """Do something once a package is loaded: now if it is, else right after whoever loads it has.

    For what we tell another library of ourselves: who has not loaded it has nothing to ask it.

    Args:
        name: of the package, without a dot.
        action: what to do; it may import the package.
    """
    if name in sys.modules:
        action()
    else:
        sys.meta_path.insert(0, _Watch(name, action))


class _Watch(MetaPathFinder):
    """Finds one package as all others would, until it has been loaded; then it tells, and is gone."""

    def __init__(self, name: str, action: Callable[[], None]):
        self._name, self._action = name, action

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As all other finders would, with a loader that tells."""
        if fullname != self._name:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Telling(spec.loader, self._loaded)
        return spec

    def _loaded(self) -> None:
        sys.meta_path.remove(self)
        self._action()


class _Telling(Loader):
    """Loads as another loader does, and tells."""

    def __init__(self, loader: Loader, action: Callable[[], None]):
        self._loader, self._action = loader, action

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the other loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the other loader does; then tell."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._action()
