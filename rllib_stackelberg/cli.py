"""The command line. Of the commands only the one that is called is loaded; all of them for the help, and for `app`."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rllib_stackelberg.commands import shell

if TYPE_CHECKING:
    from rllib_stackelberg.commands.shell import app

__all__ = ["app", "main"]

MODULES = {
    "check": ("check",),
    "games": ("games", "solve", "respond", "play"),
    "machine": ("doctor",),
    "online": ("online",),
    "runs": ("train", "resume", "evaluate", "report", "reproduce"),
}
"""Commands by the module that registers them."""


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _app_for("")


def main() -> None:
    """Run the command line."""
    warnings.showwarning = shell.say_warning  # all that is printed goes through one door
    _app_for(sys.argv[1] if len(sys.argv) > 1 else "")()


def _app_for(command: str) -> Any:
    """The application with a command; with all of them, if there is none of that name."""
    own = [module for module, commands in MODULES.items() if command in commands]
    for module in own or MODULES:
        import_module(f"rllib_stackelberg.commands.{module}")
    return shell.app
