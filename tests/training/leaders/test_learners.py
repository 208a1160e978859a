"""What the learner does in RLlib's place is what RLlib does."""

import copy

import pytest
import torch
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID

from rllib_stackelberg import leader_config
from rllib_stackelberg.training.leaders.learners import LeaderPPOLearner

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]


@pytest.mark.parametrize("entry", [None, float("nan"), float("inf"), 1e38], ids=str)
def test_gradients_are_applied_as_rllib_applies_them(entry):
    """Weights to the bit after a step, also where a gradient is not finite, or the sum of finite ones is none."""
    config = leader_config("PPO", game="simple-allocation", game_config={"types": 2, "messages": 2})
    learner = config.build_learner(spaces={DEFAULT_MODULE_ID: (config.observation_space, config.action_space)})
    first, found = copy.deepcopy(learner.get_state()), []
    for apply in (LeaderPPOLearner.apply_gradients, PPOTorchLearner.apply_gradients):
        learner.set_state(copy.deepcopy(first))
        generator = torch.Generator().manual_seed(0)
        gradients = {name: torch.randn(own.shape, generator=generator) for name, own in learner._params.items()}
        if entry is not None:
            next(iter(gradients.values())).flatten()[:10] = entry
        apply(learner, gradients)
        found.append([own.detach().clone() for own in learner._params.values()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    assert any(not torch.equal(one, other) for one, other in zip(found[0], before(learner, first), strict=True))
    assert all(bool(own.isfinite().all()) for own in found[0])


def before(learner, state):
    """The weights that a learner began with."""
    learner.set_state(state)
    return [own.detach() for own in learner._params.values()]
