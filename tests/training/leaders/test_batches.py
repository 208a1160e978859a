"""Only real rows reach the loss, standardised among themselves, value targets untouched."""

import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.evaluation.postprocessing import Postprocessing

from rllib_stackelberg import leader_config
from rllib_stackelberg.training.leaders.batches import RealRows, keep_rows, standardise
from rllib_stackelberg.training.leaders.learners import LeaderPPOLearner


def test_standardise():
    values = standardise(torch.tensor([1.0, 2.0, 3.0, 10.0]))
    assert float(values.mean()) == pytest.approx(0, abs=1e-6)
    assert float(values.std(unbiased=False)) == pytest.approx(1)
    assert torch.equal(standardise(torch.full((3,), 0.7)), torch.zeros(3))


def test_nested_columns_are_filtered_together():
    batch = {"a": torch.arange(4), "obs": {"actor": torch.arange(8).reshape(4, 2)}}
    kept = keep_rows(batch, torch.tensor([True, False, False, True]))
    assert kept["a"].tolist() == [0, 3]
    assert kept["obs"]["actor"].tolist() == [[0, 1], [6, 7]]


def test_artificial_rows_are_gone():
    batch = {
        "default_policy": {
            Columns.LOSS_MASK: torch.tensor([True, False, True]),
            Postprocessing.ADVANTAGES: torch.tensor([1.0, 50.0, -1.0]),
            Postprocessing.VALUE_TARGETS: torch.tensor([0.1, 0.2, 0.3]),
        }
    }
    out = RealRows()(rl_module=None, batch=batch, episodes=[])["default_policy"]
    assert out[Postprocessing.ADVANTAGES].tolist() == [1.0, -1.0]
    np.testing.assert_array_equal(out[Postprocessing.VALUE_TARGETS], np.float32([0.1, 0.3]))
    assert Columns.LOSS_MASK not in out


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_a_training_batch_holds_the_asked_questions_and_nothing_else():
    seen = []

    class Watching(LeaderPPOLearner):
        def compute_loss_for_module(self, *, batch, **kwargs):
            seen.append((batch[Columns.OBS]["actor"].clone(), batch[Postprocessing.ADVANTAGES].clone()))
            return super().compute_loss_for_module(batch=batch, **kwargs)

    config = leader_config("PPO", game="matrix-design", response_updates=5)
    config.learners(learner_class=Watching).training(num_epochs=1)
    algo = config.build_algo()
    try:
        algo.train()
    finally:
        algo.stop()
    actor, advantages = seen[0]
    assert (actor.sum(dim=1) == 1).all()  # each row is one joint action; an ended episode shows none twice
    assert len(actor) >= 500
    assert float(advantages.mean()) == pytest.approx(0, abs=0.2)
    assert float(advantages.std(unbiased=False)) == pytest.approx(1, abs=0.2)
