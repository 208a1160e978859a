"""What a game's parameters are, in words: every registered game says what each of them means."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from rllib_stackelberg import games
from rllib_stackelberg.rules.parameters import meanings, parameters
from rllib_stackelberg.rules.registry import find_spec, load_class, parameter_model, parameters_of
from tests.games_for_tests import NoisyAllocation


class Described(NoisyAllocation):
    """A game.

    Args:
        count: how many
            there are.
        rest: whatever: it may hold colons.

    Attributes:
        other: no parameter.
    """

    def __init__(
        self,
        *,
        count: Annotated[int, Field(ge=1, le=9)],
        share: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        least: Annotated[float, Field(ge=2)] | None = None,
        kind: Literal["a", "b"] = "a",
        rows: list[list[float]] | None = None,
        rest: NoisyAllocation | None = None,
        flag: bool = False,
    ):
        super().__init__()


@pytest.mark.parametrize("spec", games(), ids=lambda spec: spec.name)
def test_every_parameter_of_a_registered_game_has_a_meaning(spec):
    found = parameters_of(spec)
    assert {p.name for p in found} == set(parameter_model(load_class(spec.entry_point)).model_fields) - set(
        spec.parameters
    )
    assert [p.name for p in found if len(p.meaning.split()) < 3] == []
    assert [p.name for p in found if not p.kind or p.kind == "any value"] == []


@pytest.mark.parametrize("spec", games(), ids=lambda spec: spec.name)
def test_no_meaning_is_of_a_parameter_that_there_is_not(spec):
    cls = load_class(spec.entry_point)
    assert set(meanings(cls)) <= set(parameter_model(cls).model_fields)


def test_what_an_id_fixes_is_no_parameter():
    assert "named" not in {found.name for found in parameters_of(find_spec("escape"))}


def test_kinds_defaults_and_meanings_are_read_off_the_class():
    found = {p.name: p for p in parameters(Described, parameter_model(Described))}
    assert {name: p.kind for name, p in found.items()} == {
        "count": "integer in 1..9",
        "share": "number in (0, 1)",
        "least": "number, at least 2",
        "kind": "a, b",
        "rows": "list of lists of numbers",
        "rest": "any value",
        "flag": "true or false",
    }
    assert found["count"].required
    assert found["count"].meaning == "how many there are."
    assert not found["share"].required
    assert found["share"].default == 0.5
    assert found["share"].meaning == ""
    assert found["rest"].meaning == "whatever: it may hold colons."
