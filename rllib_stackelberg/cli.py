"""The command line."""

from rllib_stackelberg.commands import check, games, machine, online, runs
from rllib_stackelberg.commands.shell import app

__all__ = ["app", "check", "games", "machine", "main", "online", "runs"]


def main() -> None:
    """Run the command line."""
    app()
