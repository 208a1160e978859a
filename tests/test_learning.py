"""Learning, over seeds, to the bars of the tuned examples; and the proof that the bars can be failed.

Slow: `python -m pytest -m learning` (STACKELBERG_SEEDS sets the number of seeds, 10 by default).
"""

import importlib.util
import os
from pathlib import Path

import pytest
from ray.rllib.evaluation.postprocessing import Postprocessing

from rllib_stackelberg.training.learners import LeaderPPOLearner

EXAMPLES = Path(__file__).parents[1] / "tuned_examples" / "ppo"
SEEDS = int(os.environ.get("STACKELBERG_SEEDS", "10"))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EXAMPLES


LONG, SEEDS_OF_LONG = 60.0, 3
"""Seconds of training beyond which an instance runs with fewer seeds."""

CASES = [(path.stem, k) for path in sorted(EXAMPLES.glob("*_ppo.py")) for k in range(len(load(path)))]


class Flipped(LeaderPPOLearner):
    """Climbs down: the sign of every advantage is turned."""

    def compute_loss_for_module(self, *, batch, **kwargs):
        turned = {**batch, Postprocessing.ADVANTAGES: -batch[Postprocessing.ADVANTAGES]}
        return super().compute_loss_for_module(batch=turned, **kwargs)


@pytest.mark.learning
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(("name", "k"), CASES)
def test_tuned_examples_reach_their_bar(name, k, tmp_path):
    example = load(EXAMPLES / f"{name}.py")[k]
    seeds = SEEDS if (example.max_seconds or 0) <= LONG else min(SEEDS, SEEDS_OF_LONG)
    rows = [example.run(seed, tmp_path / str(seed)) for seed in range(seeds)]
    assert example.bar[1](rows), rows


def failable(name: str, k: int) -> bool:
    """Whether a wrong learner must fail the bar.

    Not without message types (simple allocation, one message: every table is worth the same), nor where the bar is
    what needs no learning (at least the value without messages); long ones are left out for their time.
    """
    short = (load(EXAMPLES / f"{name}.py")[k].max_seconds or 0) <= LONG
    return short and (name, k) != ("simple_allocation_ppo", 0) and name != "message_spm_beyond_ppo"


@pytest.mark.learning
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(("name", "k"), [case for case in CASES if failable(*case)])
def test_a_learner_with_its_sign_flipped_fails_every_bar(name, k, tmp_path):
    example = load(EXAMPLES / f"{name}.py")[k]
    rows = [
        example.run(seed, tmp_path / str(seed), lambda config: config.training(learner_class=Flipped))
        for seed in range(2)
    ]
    assert not example.bar[1](rows), rows
