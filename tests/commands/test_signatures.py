"""Options of commands come from the models that check them."""

from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from rllib_stackelberg.cli import app
from rllib_stackelberg.commands.signatures import Shown, flag_of, options_of, placed, takes, written
from rllib_stackelberg.online.options import OnlineOptions
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions

COMMANDS = typer.main.get_command(app).commands


class Walk(BaseModel):
    """How one walks."""

    to: str = Field(description="where")
    steps: Annotated[int, Field(ge=1)] | None = Field(None, description="how many [default: all]")
    pace: Literal["slow", "fast"] = Field("slow", description="how fast")
    turn_back: float = Field(2.0, description="after so long")
    weather: str = "dry"


def called(*arguments):
    seen = {}
    program = typer.Typer(rich_markup_mode=None)

    @program.command()
    @takes(*placed(options_of(Walk, shown={"turn_back": Shown(flag="--back")}), "pace", written(dog=dog())))
    def walk(start: str, *, quiet: bool = False, **given):
        """Walk."""
        seen.update(given, start=start, quiet=quiet)

    result = CliRunner().invoke(program, list(arguments))
    return seen if result.exit_code == 0 and "--help" not in arguments else result.output


def dog():
    return Annotated[list[str], typer.Option(help="who comes along")]


def test_only_what_is_given_reaches_the_command():
    assert called("home", "--to", "sea") == {"start": "home", "quiet": False, "to": "sea"}
    given = called("home", "--to", "sea", "--steps", "3", "--pace", "fast", "--back", "1", "--dog", "Rex", "--quiet")
    assert given == {
        "start": "home", "quiet": True, "to": "sea", "steps": 3, "pace": "fast", "turn_back": 1.0, "dog": ["Rex"]
    }  # fmt: skip


def test_bounds_are_left_to_the_model_and_choices_are_told():
    assert called("home", "--to", "sea", "--steps", "-3")["steps"] == -3
    assert "slow" in called("home", "--to", "sea", "--pace", "flying")
    assert "--to" in called("home")


def test_help_tells_defaults_of_the_model_once_and_lists_in_order():
    text = called("--help")
    assert [text.count(f"[default: {value}]") for value in ("all", "slow", "2")] == [1, 1, 1]
    places = [text.index(flag) for flag in ("--to", "--steps", "--dog", "--pace", "--back", "--quiet")]
    assert places == sorted(places)
    assert "weather" not in text


def test_flags_are_told_as_they_are_typed():
    assert [flag_of(option) for option in options_of(Walk, shown={"pace": Shown(flag="--how")})] == [
        "--to", "--steps", "--how", "--turn-back"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "model"), [("train", TrainOptions), ("train", PopulationOptions), ("online", OnlineOptions)]
)
def test_commands_take_every_field_that_is_described(command, model):
    taken = {parameter.name for parameter in COMMANDS[command].params}
    described = {name for name, field in model.model_fields.items() if field.description}
    assert described
    assert described <= taken


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["taxation", "--margin", "1"], "--margin"),
        (["taxation", "--restart-after", "3"], "--restart-after"),
        (["escape", "--exploitability", "3"], "--exploitability"),
    ],
)
def test_options_of_other_games_are_refused_as_they_are_typed(arguments, flag):
    result = CliRunner().invoke(app, ["train", *arguments])
    assert result.exit_code == 2
    assert f"no {flag}\n" in result.output
