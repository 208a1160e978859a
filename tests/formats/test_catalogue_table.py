"""The committed table over pygambit's catalogue: what it says is so, and it is what the command prints."""

import importlib.util
import sys
from pathlib import Path

import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.formats.gambit import catalogue_game, catalogue_names
from rllib_stackelberg.solvers import exact_solve

EXAMPLES = Path(__file__).parents[2] / "tuned_examples"


@pytest.fixture(scope="module")
def catalogue():
    spec = importlib.util.spec_from_file_location("gambit_catalogue", EXAMPLES / "catalogue" / "gambit_catalogue.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # where a dataclass looks its module up
    spec.loader.exec_module(module)
    return module, list(module.rows())


def test_the_committed_table_is_what_is_printed(catalogue):
    module, found = catalogue
    assert module.table(found) == (EXAMPLES / "results" / "gambit_catalogue.md").read_text()
    of_two = [name for name in catalogue_names() if len(catalogue_game(name).players) == 2]
    assert sorted((row.game, row.leads) for row in found) == sorted(
        (name, leads) for name in of_two for leads in (1, 2)
    )
    assert all(row.certain for row in found)


def test_commitment_is_worth_no_less_than_any_equilibrium(catalogue):
    """von Stengel & Zamir 2010, indifferent followers helping; in constant-sum games it is the minimax value."""
    for row in catalogue[1]:
        assert row.mixed >= row.pure - 1e-12
        assert row.mixed >= float(max(row.nash)) - 1e-12
        if "constant sum" in row.remark:
            assert row.nash == pytest.approx((row.mixed,))


def test_closed_forms(catalogue):
    """Bagwell's, with a signal that is right with probability .99: the leader mixes .01 of C, which pays 6, into S."""
    values = {(row.game, row.leads): row for row in catalogue[1]}
    assert (values["journals/geb/bagwell1995", 1].pure, values["journals/geb/bagwell1995", 1].mixed) == (5, 5.01)
    assert values["books/myerson1991/fig2_1", 1].mixed == pytest.approx(1 / 3)  # Myerson 1991, its simple card game
    assert values["journals/ijgt/nau2004/sec3", 2].mixed == 3  # battle of the sexes


def test_trees_are_worth_what_their_normal_form_is(catalogue):
    """The sequence form's programme in the tree, of the games in which nobody forgets."""
    compared = 0
    for row in catalogue[1]:
        if row.remark.startswith("tree") and "imperfect" not in row.remark:
            game = make_game("extensive", catalogue=row.game, leads=row.leads, mixed=True)
            assert exact_solve(game).leader_value == pytest.approx(row.mixed, abs=1e-9), row.game
            compared += 1
    assert compared == 48
