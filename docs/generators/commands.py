"""What README.md marks as commands, written once, there: CI runs them from there, too. And the help of all commands."""

import re
from pathlib import Path

from typer.testing import CliRunner

from rllib_stackelberg.cli import app

HEAD = "# All commands\n\nWhat `--help` of each command prints.\n\n"
README = Path(__file__).parents[2] / "README.md"


def marked(name: str) -> str:
    """The command below the mark of that name.

    >>> "pip install" in marked("main command")
    True
    """
    found = re.search(rf"<!-- {name} -->\n```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert found, f"README.md marks no {name}"
    return found.group(1)


def help_of(command: str) -> str:
    """What `--help` prints, in 80 columns.

    >>> help_of("report").splitlines()[0]
    'Usage: rllib-stackelberg report [OPTIONS] {run}'
    """
    printed = CliRunner(env={"COLUMNS": "80"}).invoke(app, [command, "--help"], prog_name="rllib-stackelberg")
    assert printed.exit_code == 0, printed.output
    return printed.output.strip()


def command_names() -> list[str]:
    """All commands, by name."""
    return sorted(command.callback.__name__ for command in app.registered_commands if command.callback)


def pages() -> dict[str, str]:
    """Each marked command as a code block; the help of all."""
    made = {f"commands/{name}.md": f"```bash\n{marked(f'{name} command')}```\n" for name in ("main", "test")}
    helps = HEAD + "\n".join(f"## {name}\n\n```text\n{help_of(name)}\n```\n" for name in command_names())
    return made | {"commands/help.md": helps}
