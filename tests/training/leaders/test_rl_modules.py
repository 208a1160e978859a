"""The actor sees the game only; exported, it acts the same."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete
from ray.rllib.core.columns import Columns

from rllib_stackelberg import LeaderSettings, make_game
from rllib_stackelberg.training.leaders.algorithms import LeaderProblem
from rllib_stackelberg.training.leaders.rl_modules import LeaderModule, problem_config

SPACE = Dict(actor=Box(0, 1, (4,), np.float32), critic=Box(0, 1, (6,), np.float32))


def module(action_space, critic="central", inference_only=False):
    torch.manual_seed(0)
    return LeaderModule(
        observation_space=SPACE,
        action_space=action_space,
        inference_only=inference_only,
        model_config=problem_config((-2.0, 6.0), critic),
    )


def batch(seed=0, rows=16):
    generator = torch.Generator().manual_seed(seed)
    return {
        Columns.OBS: {
            "actor": torch.rand(rows, 4, generator=generator),
            "critic": torch.rand(rows, 6, generator=generator),
        }
    }


@pytest.mark.parametrize("space", [Discrete(3), Box(0, 1, (2,), np.float32)], ids=str)
def test_permuting_the_critics_part_leaves_the_actor_to_the_bit(space):
    made, seen = module(space), batch()
    out = made.forward_train(seen)[Columns.ACTION_DIST_INPUTS]
    values = made.compute_values(seen)
    seen[Columns.OBS]["critic"] = seen[Columns.OBS]["critic"][:, torch.randperm(6)]
    assert torch.equal(made.forward_train(seen)[Columns.ACTION_DIST_INPUTS], out)
    assert torch.equal(made.forward_exploration(seen)[Columns.ACTION_DIST_INPUTS], out)
    assert not torch.equal(made.compute_values(seen), values)


def test_a_local_critic_sees_what_the_actor_sees():
    made, seen = module(Discrete(3), critic="local"), batch()
    values = made.compute_values(seen)
    seen[Columns.OBS]["critic"] += 1
    assert torch.equal(made.compute_values(seen), values)


def test_values_start_around_the_middle_of_the_payoff_range():
    values = module(Discrete(3)).compute_values(batch())
    assert abs(float(values.mean().detach()) - 2.0) < 4.0


def test_env_runners_carry_no_critic():
    made = module(Discrete(3), inference_only=True)
    assert not [name for name, _ in made.named_parameters() if name.startswith("vf")]


@pytest.mark.parametrize("space", [Discrete(3), Box(0, 1, (2,), np.float32)], ids=str)
def test_the_exported_network_is_the_actor(space):
    made, seen = module(space), batch()
    outputs = made.forward_inference(seen)[Columns.ACTION_DIST_INPUTS].detach().numpy()
    exported = made.export().outputs(seen[Columns.OBS]["actor"].numpy())
    np.testing.assert_allclose(exported, outputs[:, : exported.shape[1]], atol=1e-5)


def test_the_spread_follows_its_schedule():
    made = module(Box(0, 1, (2,), np.float32))
    for done, expected in ((0, -1.0), (0.5, -3.5), (1, -6.0), (10, -6.0)):
        assert made.anneal(done) == pytest.approx(np.exp(expected + 1))
        inputs = made.forward_train(batch())[Columns.ACTION_DIST_INPUTS].detach()
        np.testing.assert_allclose(inputs[:, 2:], expected)
    assert module(Discrete(3)).anneal(0.5) == 1  # nothing to do


def test_a_restart_forgets_what_was_learned():
    made = module(Box(0, 1, (2,), np.float32))
    before = [p.detach().clone() for p in made.parameters()]
    with torch.no_grad():
        made.anneal(1.0)
        for p in made.parameters():
            p += 1
        made.restart()
    assert float(made.log_std) == -1
    for old, new in zip(before, made.parameters(), strict=True):
        assert old.norm() == pytest.approx(float(new.detach().norm()), rel=1e-3)


def test_a_leader_that_is_scattered_begins_anywhere_in_the_box():
    made, begun = module(Box(0, 1, (2,), np.float32)), []
    for _ in range(200):
        made.restart()
        made.scatter()
        begun.append(made.forward_train(batch())[Columns.ACTION_DIST_INPUTS][:, :2].detach().numpy())
    begun = np.array(begun)
    assert np.ptp(begun, axis=1).max() < 0.01  # one answer, whatever is seen
    shares = np.histogramdd(begun.mean(axis=1), bins=2, range=[(-0.01, 1.01)] * 2)[0] / 200
    assert shares.min() > 0.15


def test_leaders_that_are_asked_once_for_numbers_are_scattered():
    def scattered(name, **params):
        return LeaderProblem(make_game(name, **params), LeaderSettings()).schedule.get("scattered", False)

    assert scattered("maintain", mixed=True)
    assert scattered("contract")
    assert not scattered("maintain")  # a choice
    assert not scattered("message-spm", leader="scores")  # many questions


def test_a_leader_begins_where_it_is_told_and_explores_to_the_end_it_is_told():
    made = module(Box(0, 1, (2,), np.float32))
    made.scatter(np.array([0.2, 0.9]))
    begun = made.forward_train(batch())[Columns.ACTION_DIST_INPUTS][:, :2].detach().numpy()
    np.testing.assert_allclose(begun, np.tile([0.2, 0.9], (len(begun), 1)), atol=0.01)
    made.end = 1.3
    assert made.anneal(10) == pytest.approx(np.exp(-5 * 1.3))
