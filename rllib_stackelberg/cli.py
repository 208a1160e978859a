"""The command line. Of the commands only the one that is called is loaded; for the list of all of them none is."""

from __future__ import annotations

import ast
import gc
import sys
import warnings
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rllib_stackelberg.commands import application
from rllib_stackelberg.lazy_modules import loading

if TYPE_CHECKING:
    from rllib_stackelberg.commands.application import app

__all__ = ["app", "main"]

MODULES = {
    "check": ("check",),
    "games": ("games",),
    "solutions": ("solve", "respond", "play"),
    "machine": ("doctor",),
    "online": ("online",),
    "runs": ("train", "resume", "evaluate", "report", "reproduce"),
}
"""Commands by the module that registers them."""

FOLDER = Path(application.__file__).parent


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _with_commands(MODULES)


def main() -> None:
    """Run the command line."""
    warnings.showwarning = application.say_warning  # all that is printed goes through one door
    called = sys.argv[1] if len(sys.argv) > 1 else ""
    own = [module for module, commands in MODULES.items() if called in commands]
    with loading():
        commands = _with_commands(own) if own else application.list_of_commands(texts())
    try:
        commands()
    finally:
        gc.freeze()  # all ends with the process: to look for garbage once more takes a second where Ray is loaded


def _with_commands(modules: Iterable[str]) -> Any:
    """The application with the commands of some modules."""
    for module in modules:
        import_module(f"rllib_stackelberg.commands.{module}")
    return application.app


def texts() -> dict[str, str]:
    """Docstrings of all commands by their names, read from the files: loading them takes as long as numpy does."""
    found: dict[str, str] = {}
    for module, names in MODULES.items():
        tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
        own = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        found |= {name: ast.get_docstring(own[name]) or "" for name in names}
    return found
