"""Which backend matplotlib is told to use, before it is imported."""

from __future__ import annotations

import importlib.util
import os

VARIABLE, MODULE = "MPLBACKEND", "module://"


def forget_missing_backend() -> None:
    """Unset MPLBACKEND where it names a module that is not installed.

    A notebook's kernel sets its own backend for every command it starts (`!rllib-stackelberg ...`). Where that module
    is missing, whatever imports matplotlib fails, a person's own game included. Figures here need no backend.
    """
    named = os.environ.get(VARIABLE, "")
    if named.startswith(MODULE) and importlib.util.find_spec(named.removeprefix(MODULE).partition(".")[0]) is None:
        del os.environ[VARIABLE]
