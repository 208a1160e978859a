"""How tuned_examples/smfrl/closed_forms_smfrl.py measures, and that training reaches the closed forms."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from rllib_stackelberg.rules.registry import make_population

SCRIPT = Path(__file__).parents[3] / "tuned_examples" / "smfrl" / "closed_forms_smfrl.py"


sys.path.insert(0, str(SCRIPT.parent))  # beside which it finds what it imports


EXAMPLE = importlib.import_module(SCRIPT.stem)


class Exact:
    """A policy that does what the closed forms say, times a factor on either side."""

    def __init__(self, leader=1.0, members=1.0):
        self.factors = leader, members

    def play(self, game, state):
        leader = np.full((len(state), 1), self.factors[0] * game.optimum().leader_action[0])
        return leader, self.factors[1] * game.best_response(state, leader)


@pytest.mark.parametrize("game", ["labour-supply", "public-investment", "output-tax"])
def test_errors_are_measured_from_the_closed_forms(game):
    made = make_population(game, households=5)
    for policy, errors in ((Exact(), (0, 0)), (Exact(leader=0.9), (0.1, 0)), (Exact(members=0.95), (0, 0.05))):
        found = EXAMPLE.compared(made, policy, seed=0)
        assert [found[side]["error"] for side in ("leader", "members")] == pytest.approx(errors, abs=1e-12)
        assert [found[side]["apart"] for side in ("leader", "members")] == pytest.approx(errors, abs=1e-12)


@pytest.mark.parametrize("name", EXAMPLE.CASES)
def test_cases_are_accepted_and_keep_the_last_policies(name, tmp_path):
    options = EXAMPLE.CASES[name].options(0, tmp_path / "run")
    assert options.resolved_settings.keep == "last"
    assert options.resolved_settings.gamma == options.rules.discount
    assert options.rules.optimum() is not None


def test_the_worst_seed_is_the_furthest_off():
    runs = [
        {"leader": {"learned": learned, "closed form": 1.0, "error": abs(learned - 1), "apart": 0.0}, "seconds": 1.0}
        for learned in (1.02, 0.9, 1.0)
    ]
    found = EXAMPLE.summary(runs, "leader")
    assert (found["worst"], found["learned"]) == pytest.approx((0.9, np.mean([1.02, 0.9, 1.0])))


MISSED = {
    "labour-supply cap=.05": "progressivity is 21 % below the corner",
    "output-tax": "the tax is 5.8 % too low: when exploration has ended, it goes on falling",
    "public-investment": "households save 2.2 % too little",
    "public-investment discount=.8": "households save 3.3 % too little",
}
"""Cases that seed 0 does not learn as well as its bar asks, and by how much."""


def case(name):
    marks = [pytest.mark.xfail(reason=MISSED[name], strict=True)] if name in MISSED else []
    return pytest.param(name, marks=marks)


@pytest.mark.learning
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [case(name) for name in EXAMPLE.CASES])
def test_training_reaches_the_closed_form(name, tmp_path):
    asked = EXAMPLE.CASES[name]
    options = asked.options(0, tmp_path / "run")
    EXAMPLE.train_missing([options])
    found = EXAMPLE.comparison(options)
    for side, bar in asked.bars.items():
        assert found[side]["error"] < bar, found
