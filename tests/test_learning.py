"""Learning, over seeds, to the bars of the tuned examples; and the proof that the bars can be failed.

Slow: `python -m pytest -m learning` (STACKELBERG_SEEDS sets the number of seeds, 10 by default).
"""

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path

import pytest
from ray.rllib.evaluation.postprocessing import Postprocessing

from rllib_stackelberg import leader_config
from rllib_stackelberg.runs.algorithms import ALGORITHMS
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.leaders.learners import LeaderPPOLearner
from rllib_stackelberg.training.runs import train

EXAMPLES = Path(__file__).parents[1] / "tuned_examples"
SEEDS = int(os.environ.get("STACKELBERG_SEEDS", "10"))


@cache
def load(path):
    """The examples of a file, which solves games for its bars; it may import what stands beside it."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)  # where a dataclass looks its module up
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module.EXAMPLES


LONG, SEEDS_OF_LONG = 60.0, 3
"""Seconds of training beyond which an instance runs with fewer seeds."""

CASES = [
    (f"{path.parent.name}/{path.stem}", k)
    for path in sorted(EXAMPLES.glob("*/*.py"))
    if path.parent.name.upper() in ALGORITHMS
    for k in range(len(load(path)))
]


class Flipped(LeaderPPOLearner):
    """Climbs down: the sign of every advantage is turned."""

    def compute_loss_for_module(self, *, batch, **kwargs):
        turned = {**batch, Postprocessing.ADVANTAGES: -batch[Postprocessing.ADVANTAGES]}
        return super().compute_loss_for_module(batch=turned, **kwargs)


@pytest.mark.parametrize(("name", "k"), CASES)
def test_tuned_examples_are_accepted_and_build_a_configuration(name, k, tmp_path):
    options = load(EXAMPLES / f"{name}.py")[k].options(0, tmp_path / "run")
    settings = options.resolved_settings.model_dump()
    config = leader_config(options.algo, game=options.game, game_config=options.params, **settings)
    assert config.validate() is None


@pytest.mark.learning
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(("name", "k"), CASES)
def test_tuned_examples_reach_their_bar(name, k, tmp_path):
    example = load(EXAMPLES / f"{name}.py")[k]
    seeds = SEEDS if (example.max_seconds or 0) <= LONG else min(SEEDS, SEEDS_OF_LONG)
    rows = [example.run(seed, tmp_path / str(seed)) for seed in range(seeds)]
    assert example.bar[1](rows), rows


@pytest.mark.learning
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize("seed", range(3))
def test_training_does_not_leave_an_optimum_it_has_found(seed, tmp_path):
    """Ten times as long as it takes to find: the last snapshot is worth as much as the best, and so is exploring."""
    options = TrainOptions.checked(game="message-spm", seed=seed, max_iterations=200, out=tmp_path / "run")
    seen = []
    result = train(options, seen.append)
    found = next(progress.iteration for progress in seen if progress.mean_return >= -2e-3)
    assert found <= 60
    assert min(progress.mean_return for progress in seen[found + 20 :]) >= -2e-3
    assert result["final_value"] >= -1e-3


def failable(name: str, k: int) -> bool:
    """Whether a wrong learner must fail the bar.

    Not without message types (simple allocation, one message: every table is worth the same), nor where the bar is
    what needs no learning (at least the value without messages), nor where it says that learning fails (the ablation's
    Basic POMDP); long ones are left out for their time.
    """
    example = load(EXAMPLES / f"{name}.py")[k]
    short = (example.max_seconds or 0) <= LONG and not example.arm.startswith("p=0")
    return (
        short
        and name.startswith("ppo/")  # whose learner can be turned
        and (name, k) != ("ppo/simple_allocation_ppo", 0)
        and name != "ppo/message_spm_beyond_ppo"
    )


@pytest.mark.learning
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(("name", "k"), [case for case in CASES if failable(*case)])
def test_a_learner_with_its_sign_flipped_fails_every_bar(name, k, tmp_path):
    example = load(EXAMPLES / f"{name}.py")[k]
    rows = [
        example.run(seed, tmp_path / str(seed), lambda config: config.learners(learner_class=Flipped))
        for seed in range(2)
    ]
    assert not example.bar[1](rows), rows
