"""What comes from outside reaches a terminal as text: no markup, no escapes, nothing printed over in a notebook."""

import io
import os
import pty
import warnings
from contextlib import suppress

import pytest
from rich.progress import Progress
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from rllib_stackelberg.cli import app
from rllib_stackelberg.commands.application import fail, say_warning
from rllib_stackelberg.commands.shell import watched
from rllib_stackelberg.terminal import Terminal, progress_bar, visible

HOSTILE = "\x1b[2J\x1b]0;title\x07 \x9b31m \r \u202egpj.exe \udcff [/b] [bold]x[/] :smile:"
SHOWN = r"\x1b[2J\x1b]0;title\x07 \x9b31m \r \u202egpj.exe \udcff [/b] [bold]x[/] :smile:"


def printed(*things):
    stream = io.StringIO()
    console = Terminal(file=stream, width=120, force_terminal=True, color_system=None)
    for thing in things:
        console.print(thing)
    return stream.getvalue()


def table(cell):
    shown = Table(cell, title=cell)
    shown.add_row(cell)
    return shown


@pytest.mark.parametrize("make", [str, Text, lambda text: Text(text, style="bold"), table], ids=range(4))
def test_text_from_outside_is_printed_as_it_is(make):
    found = printed(make(HOSTILE))
    assert SHOWN in found or SHOWN.replace(r"\x07", "").replace(r"\r", "") in found  # rich's own texts drop these two
    assert all(visible(line) == line for line in found.splitlines())


def test_columns_keep_their_widths():
    shown = Table("name", "value")
    for name in ("plain", "\x1b[31mred"):
        shown.add_row(name, "1")
    lines = [line for line in printed(shown).splitlines() if "1" in line]
    assert len({len(line) for line in lines}) == 1


def test_tabs_and_lines_stay():
    assert visible("a\tb\nc é 漢 👩‍🔬") == "a\tb\nc é 漢 👩‍🔬"


def test_descriptions_of_bars_are_no_markup(monkeypatch):
    stream = io.StringIO()
    console = Terminal(file=stream, width=100, force_terminal=True, color_system=None)
    monkeypatch.setattr(Terminal, "live", True)
    with progress_bar(console) as progress:
        assert isinstance(progress, Progress)
        progress.add_task("UCB[/b] against \x1b[2J", total=1)
    assert r"UCB[/b] against \x1b[2J" in stream.getvalue()


def test_refusals_keep_brackets_and_advice(capsys):
    error = 'cannot write [/data/x]: full\ngo on with: pip install "rllib-stackelberg[track]"\n  rows[row] \x1b[2J'
    with pytest.raises(SystemExit) as ended:
        fail(error, 3)
    assert ended.value.code == 3
    assert capsys.readouterr().err == "error " + error.replace("\x1b", r"\x1b") + "\n"


@pytest.mark.parametrize("game", ["[/b]", "[bold red]", "a\x1b[2Jb", "\u202eabc"])
def test_a_name_that_is_markup_is_refused_like_any_other(game):
    done = CliRunner().invoke(app, ["solve", game])
    assert done.exit_code == 2
    assert repr(game) in done.output
    assert visible(done.output) == done.output


def test_warnings_come_through_the_same_door(capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", say_warning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("[/data/x] has no report.html: \x1b[2J", RuntimeWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning [/data/x] has no report.html: \\x1b[2J\n"


class Now:
    def __init__(self, seconds):
        self.seconds = float(seconds)


def test_where_nothing_can_be_printed_over_a_few_lines_say_how_it_stands():
    stream = io.StringIO()
    with watched(Terminal(file=stream), "Training x", lambda now: {"episodes": f"{now.seconds:g}"}) as report:
        for second in range(100):
            report(Now(second))
    lines = stream.getvalue().splitlines()
    assert lines == [f"Training x: {s} s, episodes {s}" for s in (10, 20, 40, 80)]


@pytest.fixture
def in_terminal(monkeypatch):
    """What a bar and a line print into a pseudo-terminal, under variables of its environment."""

    def printed(**variables):
        ours, theirs = pty.openpty()
        with monkeypatch.context() as patch:
            patch.delenv("JPY_PARENT_PID", raising=False)
            for name, value in variables.items():
                patch.setenv(name, value)
            with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123 (a descriptor has no path)
                console = Terminal(file=stream)
                with progress_bar(console) as progress:
                    progress.add_task("playing", total=2)
                console.print(console.live)
        found = b""
        with suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 4096):
                found += piece
        os.close(ours)
        return found.decode().replace("\r\n", "\n")

    return printed


def test_a_notebook_is_no_terminal(in_terminal):
    # IPython's kernel runs `!command` in a pseudo-terminal, of which nothing but its variables tells.
    assert in_terminal(TERM="xterm-color") == "False\n"
    assert in_terminal(TERM="xterm-256color", JPY_PARENT_PID="1", FORCE_COLOR="1").endswith("False\n")
    assert in_terminal(TERM="xterm-256color").endswith("True\n")


def test_a_pipe_is_no_terminal_whatever_forces_colours(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not Terminal(file=io.StringIO()).live
