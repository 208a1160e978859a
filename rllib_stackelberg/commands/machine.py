"""The command about the machine."""

from __future__ import annotations

import typer

from rllib_stackelberg.commands.application import Json, command, show
from rllib_stackelberg.reports import tables
from rllib_stackelberg.runs import doctor as examination


@command
def doctor(as_json: Json = False) -> None:
    """Say what is missing on this machine.

    Versions, cores, memory, ports and limits are looked at. Exits with 1 if training cannot work.

    Examples:
        rllib-stackelberg doctor
    """
    checks = examination.examine()
    show(tables.checks(checks), examination.data(checks), as_json)
    if examination.worst(checks) == "fail":
        raise typer.Exit(1)
