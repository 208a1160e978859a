"""Policies of independent learners: masks hold, and what is masked does not disturb what is not."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete
from ray.rllib.core.columns import Columns

from rllib_stackelberg.training.independent.multi_agent import MASK
from rllib_stackelberg.training.independent.players import PlayerModule
from rllib_stackelberg.training.leaders.rl_modules import problem_config

SEEN = {"observation": Box(0, 1, (4,), np.float32)}


def module(action_space):
    parts = SEEN | ({MASK: Box(0, 1, (3,), np.int8)} if isinstance(action_space, Discrete) else {})
    torch.manual_seed(0)
    return PlayerModule(
        observation_space=Dict(parts),
        action_space=action_space,
        model_config=problem_config((-2.0, 6.0), "local"),
    )


def batch(mask):
    rows = torch.rand(64, 4, generator=torch.Generator().manual_seed(0))
    return {Columns.OBS: {"observation": rows, MASK: torch.tensor([mask] * 64, dtype=torch.int8)}}


@pytest.mark.parametrize("mask", [[1, 0, 1], [0, 0, 1], [1, 1, 1]])
def test_masked_actions_have_no_probability_and_the_others_their_own(mask):
    made, free = module(Discrete(3)), batch([1, 1, 1])
    for forward in (made.forward_exploration, made.forward_inference, made.forward_train):
        inputs = forward(batch(mask))[Columns.ACTION_DIST_INPUTS]
        chances = torch.softmax(inputs, dim=-1).detach().numpy()
        expected = torch.softmax(forward(free)[Columns.ACTION_DIST_INPUTS], dim=-1).detach().numpy() * mask
        np.testing.assert_array_equal(chances[:, np.array(mask) == 0], 0)
        np.testing.assert_allclose(chances, expected / expected.sum(axis=1, keepdims=True), rtol=1e-5)


def test_a_mask_leaves_entropy_and_gradient_finite():
    made = module(Discrete(3))
    chosen = made.action_dist_cls.from_logits(made.forward_train(batch([1, 0, 1]))[Columns.ACTION_DIST_INPUTS])
    entropy = chosen.entropy().mean()
    assert 0 < float(entropy.detach()) <= np.log(2) + 1e-6
    (entropy + chosen.logp(torch.zeros(64)).mean()).backward()
    gradients = [parameter.grad for parameter in made.pi.parameters()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert any(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("best", [0, 1, 2])
def test_greedy_play_takes_the_best_action_that_is_allowed(best):
    made = module(Discrete(3))
    with torch.no_grad():
        made.pi[-1].bias[:] = torch.tensor([2.0, 1.0, 0.0])[[(k - best) % 3 for k in range(3)]] * 10
    seen = {"observation": np.zeros(4, dtype=np.float32), MASK: np.ones(3, dtype=np.int8)}
    assert made.greedy(seen) == best
    seen[MASK][best] = 0
    assert made.greedy(seen) == (best + 1) % 3


def test_greedy_play_is_what_the_exported_network_plays():
    for space in (Discrete(3), Box(0, 1, (2,), np.float32)):
        made = module(space)
        for row in np.random.default_rng(0).random((20, 4)).astype(np.float32):
            seen = {"observation": row} | ({MASK: np.ones(3, dtype=np.int8)} if isinstance(space, Discrete) else {})
            np.testing.assert_allclose(made.greedy(seen), made.export().greedy(row[None])[0], rtol=1e-5)


def test_a_critic_sees_its_own_agents_observation_alone():
    made = module(Discrete(3))
    assert torch.equal(made.compute_values(batch([1, 0, 1])), made.compute_values(batch([0, 1, 1])))
    assert made.vf[0].in_features == 4
