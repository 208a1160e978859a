"""How tuned_examples/smfrl/carbon_smfrl.py measures, and that training comes near the best carbon tax."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "tuned_examples" / "smfrl"))
EXAMPLE = importlib.import_module("carbon_smfrl")


class Exact:
    """A policy that taxes by a factor of the best tax, and answers best."""

    def __init__(self, factor):
        self.factor = factor

    def play(self, game, state):
        leader = np.full((len(state), 1), self.factor * game.optimum().leader_action[0])
        return leader, game.best_response(state, leader)


@pytest.mark.parametrize("economy", EXAMPLE.ECONOMIES)
def test_losses_are_measured_from_the_closed_forms(economy, tmp_path):
    chosen = EXAMPLE.options(economy, "smfrl", 0, tmp_path)
    found = {factor: EXAMPLE.compared(chosen, Exact(factor)) for factor in (0.0, 0.5, 1.0, 1.5)}
    losses = [each["loss, %"] for each in found.values()]
    assert losses[2] == pytest.approx(0, abs=1e-9)
    assert losses[0] > losses[1] > 0 < losses[3]
    for factor, each in found.items():
        assert each["tax / best"] == pytest.approx(factor)
        assert each["labour for energy"] == pytest.approx(each["best answer"], abs=1e-12)
        assert each["share saved"] == pytest.approx(each["best share"], abs=1e-12)


@pytest.mark.learning
@pytest.mark.ray
@pytest.mark.timeout(900)
def test_training_comes_near_the_best_tax(tmp_path):
    chosen, bar = EXAMPLE.options("dear", "smfrl", 0, tmp_path), EXAMPLE.BARS
    EXAMPLE.train_missing([chosen])
    found = EXAMPLE.row(chosen)
    assert found["tax / best"] == pytest.approx(1, abs=bar["tax"]), found
    assert found["loss, %"] < bar["loss"], found
    for learned, best in (("labour for energy", "best answer"), ("share saved", "best share")):
        assert found[learned] == pytest.approx(found[best], rel=bar["members"]), found
