"""What the command line says of itself: help, examples, lists, versions, the pages of games."""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from rllib_stackelberg import cli
from rllib_stackelberg import games as all_games
from rllib_stackelberg.cli import app
from rllib_stackelberg.followers import Learner
from rllib_stackelberg.online.learners import learners
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.rules.parameters import introduction
from rllib_stackelberg.rules.registry import load_class, make_rules, parameters_of
from rllib_stackelberg.runs.doctor import PACKAGE as PROGRAM

RUNNER = CliRunner(env={"COLUMNS": "80"})
COMMANDS = typer.main.get_command(app).commands


def said(*arguments):
    result = RUNNER.invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def unwrapped(text):
    """Text without the line breaks of a help page."""
    return re.sub(r"-\s+", "-", " ".join(text.split()))


def examples(text):
    return [line.strip() for line in text.partition("Examples:")[2].splitlines() if line.strip().startswith(PROGRAM)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_it_takes(name):
    found = examples(said(name, "--help"))
    assert found
    for line in found:
        program, command, *arguments = shlex.split(line)
        assert (program, command) == (PROGRAM, name)
        with COMMANDS[name].make_context(name, arguments) as context:
            assert context.params
        assert len(line) <= 74


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_and_what_it_is_otherwise(name):
    for parameter in COMMANDS[name].params:
        assert parameter.help or parameter.name == "as_json", parameter.name
        several = parameter.nargs == -1 or getattr(parameter, "multiple", False)
        if parameter.default is None and not (parameter.required or several or parameter.name in OPTIONAL):
            assert "[default:" in parameter.help, parameter.name
        assert "such as" not in (parameter.help or "")


OPTIONAL = {"models", "setting", "game"}
"""That are left out, and say so by what they are for."""


def test_choices_are_listed_whole():
    train, online = unwrapped(said("train", "--help")), unwrapped(said("online", "--help"))
    for listed in (Learner.registry, PopulationSettings.model_fields, ("PPO", "APPO", "IMPALA", "SAC", "DQN", "SMFRL")):
        assert all(re.search(rf"(?<![\w-]){name}(?![\w-])", train) for name in listed)
    assert all(kind.traits.name in online for seat in ("leader", "follower") for kind in learners(seat))
    assert "runs/GAME-TIME-PROCESS" in train


def test_the_list_of_commands_cuts_no_sentence():
    assert "..." not in said("--help").partition("Commands:")[2]


def test_the_list_of_commands_is_what_their_help_says():
    """It is made of the files of the commands, without loading one; so does it say what is unknown."""
    assert cli.texts() == {name: inspect.getdoc(command.callback) for name, command in COMMANDS.items()}
    program = [sys.executable, "-m", "rllib_stackelberg"]
    shown = subprocess.run(
        [*program, "-h"], env=os.environ | {"COLUMNS": "80"}, capture_output=True, text=True, check=True
    )
    assert shown.stdout.partition("Options")[2] == said("--help").partition("Options")[2]
    wrong = subprocess.run([*program, "gmaes"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "No such command 'gmaes'" in wrong.stderr
    assert "games" in wrong.stderr


def test_version():
    assert re.fullmatch(rf"{PROGRAM} \d+\.\d+\.\d+\n", said("--version"))


def test_the_list_of_games_fits_80_columns_and_cuts_no_name():
    lines = said("games").splitlines()
    assert all(len(line.rstrip()) <= 80 for line in lines)
    assert "…" not in "".join(lines)
    for spec in all_games():
        assert any(line.split()[:1] == [spec.name] for line in lines)


def test_the_list_says_who_sends_messages_and_what_the_class_of_a_game_says_is_the_same():
    """It is made of what is registered, without loading a game."""
    data = json.loads(said("games", "--json").splitlines()[-1])["games"]
    lines = {words[0]: words[-2:] for words in map(str.split, said("games").splitlines()) if words[1:]}
    for row in data:
        assert lines[row["name"]] == ["yes" if row[name] else "no" for name in ("messages", "exact")]


@pytest.mark.parametrize("spec", all_games(), ids=lambda spec: spec.name)
def test_a_games_page_tells_every_parameter(spec):
    output = said("games", spec.name)
    assert all(len(line.rstrip()) <= 80 for line in output.splitlines())
    table = output.partition("Parameters")[2].partition("What to do with it")[0]
    words = unwrapped(table)
    for found in parameters_of(spec):
        assert found.name in words
        assert found.meaning
        assert all(word in words for word in re.findall(r"\w+", found.meaning))
    assert introduction(load_class(spec.entry_point)).split()[0] in output
    page = json.loads(said("games", spec.id, "--json").splitlines()[-1])
    assert [entry["name"] for entry in page["details"]] == list(page["parameters"])


OWN = '''
"""# Tolls [b]"""
from tests.games_for_tests import BayesianGame
class Toll(BayesianGame):
    """A road with a toll [/b].

    Args:
        tables: how many roads there are.
    """
    def __init__(self, tables: int = 2):
        super().__init__(tables=tables)
'''


def test_ones_own_game_has_a_page_too(tmp_path):
    (tmp_path / "toll.py").write_text(OWN)
    output = said("games", f"{tmp_path / 'toll.py'}:Toll")
    assert "A road with a toll [/b]." in output
    assert "how many roads there are." in output
    assert make_rules(f"{tmp_path / 'toll.py'}:Toll", tables=3).parameters == {"tables": 3}


BACKEND = {"MPLBACKEND": "module://no_such_backend.here"}


def test_a_notebooks_backend_does_not_stop_figures():
    program = "import rllib_stackelberg.reports, matplotlib; print(matplotlib.get_backend())"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | BACKEND, capture_output=True, text=True, check=True
    )
    assert "no_such_backend" not in done.stdout


def test_a_backend_that_is_there_is_kept(monkeypatch):
    from rllib_stackelberg.plot_backend import forget_missing_backend

    for backend in ("agg", "module://matplotlib.backends.backend_svg"):
        monkeypatch.setenv("MPLBACKEND", backend)
        forget_missing_backend()
        assert os.environ["MPLBACKEND"] == backend
    monkeypatch.setenv("MPLBACKEND", BACKEND["MPLBACKEND"])
    forget_missing_backend()
    assert "MPLBACKEND" not in os.environ


def test_docstrings_of_commands_are_their_help():
    for name, command in COMMANDS.items():
        first = inspect.getdoc(command.callback).splitlines()[0]
        assert first in unwrapped(said(name, "--help"))
