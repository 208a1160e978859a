"""The command line."""

import warnings

from rllib_stackelberg.commands import check, games, machine, online, runs
from rllib_stackelberg.commands.shell import app, say_warning

__all__ = ["app", "check", "games", "machine", "main", "online", "runs"]


def main() -> None:
    """Run the command line."""
    warnings.showwarning = say_warning  # all that is printed goes through one door
    app()
