"""The command line."""

from rllib_stackelberg.commands import games, machine, online, runs
from rllib_stackelberg.commands.shell import app

__all__ = ["app", "games", "machine", "main", "online", "runs"]


def main() -> None:
    """Run the command line."""
    app()
