"""Libraries that take long to load and are used by few: loaded when something of them is first used."""

from __future__ import annotations

from importlib import import_module
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

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
