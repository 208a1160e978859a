"""Leaders that learn values: the actor sees the game only, runners carry no critic, exported they act the same."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from ray.rllib.algorithms.dqn.dqn_learner import QF_PREDS
from ray.rllib.core.columns import Columns

from rllib_stackelberg.training.leaders.q_modules import LeaderDQNModule, LeaderSACModule
from rllib_stackelberg.training.leaders.rl_modules import TargetLeaderModule, problem_config
from tests.training.leaders.test_rl_modules import SPACE, batch

SPACES = pytest.mark.parametrize("space", [Discrete(3), Box(0, 1, (2,), np.float32)], ids=str)


def made(kind, action_space, critic="central", inference_only=False, spread=1.0):
    torch.manual_seed(0)
    module = kind(
        observation_space=SPACE,
        action_space=action_space,
        inference_only=inference_only,
        model_config=problem_config((-2.0, 6.0), critic),
    )
    if not inference_only:
        module.make_target_networks()
    with torch.no_grad():
        for p in module.parameters():
            p += spread * torch.randn(p.shape)
    return module


def shuffled(seen):
    return {Columns.OBS: seen[Columns.OBS] | {"critic": seen[Columns.OBS]["critic"][:, torch.randperm(6)]}}


@SPACES
@pytest.mark.parametrize("critic", ["central", "local"])
def test_the_actor_never_sees_the_hidden_state_and_a_central_critic_does(space, critic):
    module, seen = made(LeaderSACModule, space, critic), batch()
    other = shuffled(seen)
    outputs = [module.forward_inference(b)[Columns.ACTION_DIST_INPUTS] for b in (seen, other)]
    assert torch.equal(*outputs)
    actions = {} if isinstance(space, Discrete) else {Columns.ACTIONS: torch.rand(16, 2)}
    values = [module.compute_q_values(b | actions) for b in (seen, other)]
    assert torch.equal(*values) == (critic == "local")


@SPACES
def test_the_exported_sac_actor_acts_as_the_module_does(space):
    module, seen = made(LeaderSACModule, space), batch()
    inputs = module.forward_inference(seen)[Columns.ACTION_DIST_INPUTS]
    greedy = module.get_inference_action_dist_cls().from_logits(inputs).to_deterministic().sample().detach().numpy()
    np.testing.assert_allclose(module.export().greedy(seen[Columns.OBS]["actor"].numpy()), greedy, atol=1e-5)


def test_the_exported_values_choose_as_the_module_does():
    module, seen = made(LeaderDQNModule, Discrete(3)), batch()
    chosen = module.forward_inference(seen)[Columns.ACTIONS].numpy()
    assert len(set(chosen)) > 1
    np.testing.assert_array_equal(module.export().greedy(seen[Columns.OBS]["actor"].numpy()), chosen)
    assert torch.equal(module.compute_q_values(seen)[QF_PREDS], module.compute_q_values(shuffled(seen))[QF_PREDS])


def test_random_answers_become_fewer_along_the_schedule():
    module = made(LeaderDQNModule, Discrete(3))
    seen = {Columns.OBS: {name: torch.zeros(4000, n) for name, n in (("actor", 4), ("critic", 6))}}
    greedy = module.forward_inference(seen)[Columns.ACTIONS]
    for done, share in ((0.0, 1.0), (0.5, 0.51), (1.0, 0.02), (9.0, 0.02)):
        assert module.anneal(done) == 1.0
        others = (module.forward_exploration(seen, t=0)[Columns.ACTIONS] != greedy).float().mean()
        assert float(others) == pytest.approx(share * 2 / 3, abs=0.04)


@pytest.mark.parametrize("kind", [LeaderSACModule, LeaderDQNModule, TargetLeaderModule])
def test_runners_carry_what_acts_and_nothing_else(kind):
    runner, learner = made(kind, Discrete(3), inference_only=True), made(kind, Discrete(3))
    acting = set(runner.state_dict())
    assert acting == set(learner.get_state(inference_only=True))
    assert acting < set(learner.state_dict())
    assert not any("target" in name or name.startswith(("qf", "vf")) for name in acting)


@pytest.mark.parametrize("kind", [LeaderSACModule, LeaderDQNModule, TargetLeaderModule])
def test_a_restart_forgets_what_was_learned_in_the_targets_too(kind):
    module = made(kind, Discrete(3), spread=5.0)
    before = max(float(p.detach().abs().max()) for p in module.parameters())
    with torch.no_grad():
        module.restart()
    assert max(float(p.detach().abs().max()) for p in module.parameters()) < before / 3
    for network, target in module.get_target_network_pairs():
        for a, b in zip(network.parameters(), target.parameters(), strict=True):
            assert torch.equal(a, b)
