"""Leaders that choose under a mask and name numbers: drawn as they should be, and trained by PPO, APPO and IMPALA."""

import math

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete, Tuple
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchCategorical, TorchDiagGaussian
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch

from rllib_stackelberg import leader_config
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.training.leaders.batches import WholeQuestions
from rllib_stackelberg.training.leaders.distributions import REACH, ChoiceThenNumbers, held_near, only_open
from rllib_stackelberg.training.leaders.resumable import SteppingEnvRunner
from rllib_stackelberg.training.leaders.rl_modules import LeaderModule, TargetLeaderModule, problem_config
from rllib_stackelberg.training.leaders.seat_networks import pooled
from tests.games_for_tests import Offers

OFFERS = f"{Offers.__module__}:Offers"
K, M = 4, 2
Distribution = ChoiceThenNumbers.get_partial_dist_cls(choices=K)


def inputs(rows=6, seed=0, closed=()):
    torch.manual_seed(seed)
    mask = torch.ones(rows, K)
    for choice in closed:
        mask[:, choice] = 0
    means = torch.rand(rows, K * M)
    return torch.cat([only_open(torch.randn(rows, K), mask), means, torch.randn(rows, M) - 1], dim=-1)


def test_inputs_are_scores_means_of_each_choice_and_spreads():
    space = Tuple((Discrete(K), Box(0, 1, (M,))))
    assert ChoiceThenNumbers.required_input_dim(space) == inputs().shape[-1] == K + K * M + M


def test_the_probability_is_that_of_the_choice_times_the_density_of_its_own_numbers():
    """Independent of the distribution: RLlib's categorical and Gaussian, put together by hand."""
    given = inputs()
    distribution = Distribution.from_logits(given)
    actions = distribution.sample()
    rows, choice = torch.arange(6), actions[:, 0].long()
    means = given[:, K : K + K * M].reshape(6, K, M)[rows, choice]
    numbers = TorchDiagGaussian.from_logits(torch.cat([means, given[:, -M:]], dim=-1))
    expected = TorchCategorical.from_logits(given[:, :K]).logp(choice) + numbers.logp(actions[:, 1:])
    torch.testing.assert_close(distribution.logp(actions), expected)


def test_means_stay_near_the_box_and_find_back_into_it():
    """A little over the edge while that pays, no further, and back when it does not any more."""
    mean, log_std = torch.tensor([0.3, 0.5, 0.7], requires_grad=True), torch.tensor(-2.0)
    assert torch.equal(held_near(mean, log_std), mean)
    edge = REACH * math.exp(-2)
    for goal, steps in (((-1.0, 0.25, 2.0), 40), ((0.2, 0.25, 0.8), 12)):
        for _ in range(steps):
            mean.grad = None
            (held_near(mean, log_std) - torch.tensor(goal)).square().sum().backward()
            with torch.no_grad():
                mean -= 0.2 * mean.grad
        found, expected = held_near(mean, log_std).detach(), torch.tensor(goal).clamp(-edge, 1 + edge)
        torch.testing.assert_close(found, expected, atol=5e-3, rtol=0)
    assert held_near(torch.tensor([-0.1, 1.1]), torch.tensor(-20.0)).tolist() == pytest.approx([0, 1], abs=1e-6)


def test_entropy_and_divergence_are_what_samples_say():
    first, second = (Distribution.from_logits(inputs(rows=2, seed=seed)) for seed in (1, 2))
    actions = first.sample(sample_shape=(200_000,))
    assert actions.shape == (200_000, 2, 1 + M)
    logp = first.logp(actions)
    for found, sampled in (
        (first.entropy(), -logp),
        (first.kl(second), logp - second.logp(actions)),
    ):
        error = sampled.std(0) / math.sqrt(len(sampled))
        assert ((found - sampled.mean(0)).abs() < 5 * error).all()
    assert first.kl(first).abs().max() < 1e-6


def test_what_is_closed_is_never_played_and_leaves_everything_finite():
    given = inputs(rows=1, closed=(0, 3)).requires_grad_()
    distribution = Distribution.from_logits(given)
    chosen = distribution.sample(sample_shape=(500_000,))[:, 0, 0].unique()
    assert chosen.tolist() == [1, 2]
    assert distribution._dist.probs[0, [0, 3]].tolist() == [0, 0]
    other = Distribution.from_logits(inputs(rows=1, seed=3, closed=(0, 3)))
    for found in (distribution.entropy(), distribution.kl(other), distribution.logp(distribution.sample())):
        assert torch.isfinite(found).all()
        gradient = torch.autograd.grad(found.sum(), given, retain_graph=True)[0]
        assert torch.isfinite(gradient).all()


def test_numbers_of_choices_that_were_not_made_learn_nothing():
    given = inputs(rows=1).requires_grad_()
    distribution = Distribution.from_logits(given)
    action = torch.tensor([[2.0, 0.3, 0.9]])
    gradient = torch.autograd.grad(distribution.logp(action).sum(), given)[0]
    means = gradient[0, K : K + K * M].reshape(K, M)
    assert (means[[0, 1, 3]] == 0).all()
    assert (means[2] != 0).all()


def test_without_exploration_it_is_the_likeliest_choice_and_its_means():
    given = inputs(closed=(1,))
    row = Distribution.from_logits(given).to_deterministic().sample()
    best = given[:, :K].argmax(-1)
    assert torch.equal(row[:, 0].long(), best)
    assert torch.equal(row[:, 1:], given[:, K : K + K * M].reshape(6, K, M)[torch.arange(6), best])


SPACES = {
    "both": Tuple((Discrete(6), Box(0, 1, (2,), np.float32))),
    "choice": Discrete(6),
    "numbers": Box(0, 1, (6,), np.float32),
}
LAYOUT = {"actor": [[0, 4], [1, 5], [2, 6]], "critic": [[1, 2], [3, 4], [5, 6]], "critic_shared": [7]}
ACTOR, CRITIC = 9, 8


def module(form, seats=True, kind=LeaderModule, critic="central", units=16):
    torch.manual_seed(0)
    spaces = {"actor": Box(0, 1, (ACTOR,), np.float32), "critic": Box(0, 1, (CRITIC,), np.float32)}
    if form != "numbers":
        spaces["mask"] = Box(0, 1, (6,), np.float32)
    made = kind(
        observation_space=Dict(spaces),
        action_space=SPACES[form],
        inference_only=False,
        model_config=problem_config((-2.0, 6.0), critic, LAYOUT) | {"seats": seats, "seat_units": units},
    )
    with torch.no_grad():  # far from indifferent
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return made


def seen(form, rows=7):
    generator = torch.Generator().manual_seed(1)
    parts = {
        "actor": torch.rand(rows, ACTOR, generator=generator),
        "critic": torch.rand(rows, CRITIC, generator=generator),
    }
    if form != "numbers":
        mask = (torch.rand(rows, 6, generator=generator) < 0.6).float()
        mask[:, 3] = 1
        parts["mask"] = mask
    return {Columns.OBS: parts}


@pytest.mark.parametrize("seats", [True, False])
@pytest.mark.parametrize("form", SPACES)
def test_the_exported_network_acts_as_the_module(form, seats):
    made, batch = module(form, seats), seen(form)
    with torch.no_grad():
        given = made.forward_inference(batch)[Columns.ACTION_DIST_INPUTS]
        greedy = made.action_dist_cls.from_logits(given).to_deterministic().sample()
    parts = {name: part.numpy() for name, part in batch[Columns.OBS].items()}
    network = made.export()
    outputs = network.outputs(parts["actor"])
    if form == "numbers":
        np.testing.assert_allclose(outputs, given[:, :6], atol=1e-5)
    else:
        np.testing.assert_allclose(np.where(parts["mask"], outputs[:, :6], -1e9), given[:, :6], atol=1e-5)
    if form == "both":
        np.testing.assert_allclose(outputs[:, 6:], given[:, 6:18], atol=1e-5)
    masks = [parts["mask"]] if form != "numbers" else []
    np.testing.assert_allclose(network.greedy(parts["actor"], *masks), greedy, atol=1e-5)


def permuted(batch, order, per_seat):
    """The same observations, followers in another order."""
    parts = {name: part.clone() for name, part in batch[Columns.OBS].items()}
    for name in ("actor", "critic"):
        for new, old in enumerate(order):
            parts[name][:, LAYOUT[name][new]] = batch[Columns.OBS][name][:, LAYOUT[name][old]]
    if "mask" in parts:
        parts["mask"] = parts["mask"].unflatten(-1, (3, per_seat))[:, list(order)].flatten(-2)
    return {Columns.OBS: parts}


@pytest.mark.parametrize("critic", ["central", "local"])
@pytest.mark.parametrize("form", SPACES)
@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0), (1, 0, 2)])
def test_permuting_seats_permutes_the_actor_and_leaves_the_critic_alone(form, critic, order):
    made, batch = module(form, critic=critic), seen(form)
    other = permuted(batch, order, 2)
    with torch.no_grad():
        before, after = (made.forward_train(b)[Columns.ACTION_DIST_INPUTS].double() for b in (batch, other))
        values, moved = (made.compute_values(b) for b in (batch, other))
    torch.testing.assert_close(moved / made.scale, values / made.scale, atol=1e-6, rtol=1e-6)  # of half a payoff range
    first = before[:, :6].unflatten(-1, (3, 2))[:, list(order)].flatten(-2)
    torch.testing.assert_close(after[:, :6], first, atol=1e-6, rtol=1e-6)
    assert not torch.allclose(before[:, :6], after[:, :6])
    if form == "both":
        means = before[:, 6:18].unflatten(-1, (3, 4))[:, list(order)].flatten(-2)
        torch.testing.assert_close(after[:, 6:18], means, atol=1e-6, rtol=1e-6)


def test_the_critic_sees_what_followers_have_learned_and_no_entry_that_is_nobodys():
    made, batch = module("both"), seen("both")
    values = made.compute_values(batch)
    for entry, matters in ((0, False), (1, True), (7, True)):
        batch[Columns.OBS]["critic"][:, entry] += 1
        assert torch.equal(made.compute_values(batch), values) != matters
        values = made.compute_values(batch)


def test_pooling_over_seats_has_the_gradient_of_mean_and_maximum():
    """To the bit, where several seats have the largest entry, too."""
    generator = torch.Generator().manual_seed(0)
    entries, weights = (torch.randn(shape, generator=generator) for shape in ((40, 5, 8), (2, 40, 8)))
    found = []
    for pooling in (pooled, lambda values: (values.mean(-2), values.amax(-2))):
        values = entries.round().requires_grad_()
        outputs = pooling(values)
        torch.autograd.backward(outputs, tuple(weights))
        found.append((*outputs, values.grad))
    assert ((entries.round() == found[1][1][:, None]).sum(1) > 1).any()
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_seats_can_be_switched_off_and_weights_do_not_grow_with_followers():
    assert isinstance(module("both", seats=False).pi, torch.nn.Sequential)
    small, large = (leader_module(Offers(buyers=buyers)) for buyers in (3, 5))
    assert [p.shape for p in small.pi.parameters()] == [p.shape for p in large.pi.parameters()]


@pytest.mark.parametrize(("form", "seats"), [("both", True), ("both", False), ("choice", True), ("numbers", True)])
def test_whole_questions_say_what_their_rows_say_and_every_row_comes_once(form, seats):
    rows, chosen = 400, torch.Generator().manual_seed(2)
    questions, fronts = (torch.randint(0, of, (rows,), generator=chosen) for of in (60, 9))
    asked, hidden = seen(form, 60)[Columns.OBS], seen(form, 9)[Columns.OBS]["critic"]
    observed = {name: part[questions] for name, part in asked.items() if name != "critic"} | {"critic": hidden[fronts]}
    numbered = {Columns.ACTIONS: torch.arange(rows, dtype=torch.float32)}
    batch = MultiAgentBatch({"leader": SampleBatch({Columns.OBS: observed} | numbered)}, env_steps=rows)
    made, whole = module(form, seats), WholeQuestions(batch)
    expected = made.forward_train({Columns.OBS: observed})[Columns.ACTION_DIST_INPUTS]
    values = made.compute_values({Columns.OBS: observed})
    parts = [part["leader"] for part in whole.minibatches(2, 90, np.random.default_rng(0))]
    order = torch.cat([part[Columns.ACTIONS].long() for part in parts])
    said = torch.cat([made.forward_train(part)[Columns.ACTION_DIST_INPUTS] for part in parts])
    assert torch.equal(order.reshape(2, rows).sort(dim=1).values, torch.arange(rows).expand(2, rows))
    assert len(parts) == 8
    assert max(map(len, (part[Columns.OBS]["actor"] for part in parts))) < 60
    assert torch.allclose(said, expected[order], atol=1e-5)
    assert torch.allclose(torch.cat([made.compute_values(part) for part in parts]), values[order], atol=1e-5)


def leader_module(game):
    """The module that a configuration makes."""
    config = leader_config("PPO", game=OFFERS, game_config={"buyers": game.buyers})
    spec = config.get_rl_module_spec(inference_only=True)
    spec.observation_space, spec.action_space = config.observation_space, config.action_space
    return spec.build()


@pytest.mark.parametrize("form", SPACES)
def test_a_restart_reaches_all_networks_and_targets(form):
    made = module(form, kind=TargetLeaderModule)
    made.make_target_networks()
    before = [p.detach().clone() for p in made.pi.parameters()]
    with torch.no_grad():
        made.restart()
    assert not all(torch.equal(old, new) for old, new in zip(before, made.pi.parameters(), strict=True))
    for begin in (lambda: None, made.scatter):
        begin()
        for own, target in zip(made.pi.parameters(), made.target_pi.parameters(), strict=True):
            assert torch.equal(own, target)
    assert made.forward_target(seen(form))


@pytest.mark.parametrize(
    ("algorithm", "form"), [("SAC", "both"), ("DQN", "both"), ("SAC", "choice"), ("DQN", "choice")]
)
def test_algorithms_that_cannot_are_refused_by_name(algorithm, form):
    with pytest.raises(InvalidFieldError) as caught:
        leader_config(algorithm, game=OFFERS, game_config={"form": form})
    assert caught.value.field == "algorithm"
    assert caught.value.allowed == "PPO, APPO, IMPALA"
    assert algorithm in caught.value.problem


RESPONSE = {"response_updates": 10, "update_mode": "expected"}


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(
    ("algorithm", "form", "settings"),
    [
        ("PPO", "both", {}),
        ("APPO", "both", {}),
        ("IMPALA", "both", {}),
        ("PPO", "choice", {}),
        ("APPO", "choice", {}),
        ("PPO", "numbers", {}),
        ("PPO", "both", {"leader_queries": "every_turn", "update_mode": "sampled"}),
        ("PPO", "both", {"elicitation": "in_play", "update_mode": "sampled"}),
    ],
)
def test_leaders_train(algorithm, form, settings):
    config = leader_config(algorithm, game=OFFERS, game_config={"form": form}, **(RESPONSE | settings))
    algo = config.build_algo()
    try:
        before = [p.detach().clone() for p in algo.get_module().pi.parameters()]
        for _ in range(2):
            algo.train()
        after = list(algo.get_module().pi.parameters())
        assert not all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
        assert all(torch.isfinite(p).all() for p in after)
    finally:
        algo.stop()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize("form", ["both", "choice"])
def test_env_runners_play_what_is_open_and_say_how_likely_it_was(form):
    """RLlib's own runner, too: greedy episodes are the same."""
    found = []
    for runner in (None, SteppingEnvRunner):
        config = leader_config("PPO", game=OFFERS, game_config={"form": form}, seed=3, **RESPONSE)
        config.env_runners(num_envs_per_env_runner=4, explore=False, rollout_fragment_length=8)
        if runner:
            config.env_runners(env_runner_cls=runner)
        algo = config.build_algo()
        try:
            greedy = algo.env_runner.sample(num_episodes=4)
            exploring = algo.env_runner.sample(num_episodes=4, explore=True)
            random = algo.env_runner.sample(num_episodes=4, random_actions=True) if runner is None else []
        finally:
            algo.stop()
        found.append(sorted((len(episode), episode.get_return()) for episode in greedy))
        for episode in [*exploring, *random]:
            mask = episode.get_observations()["mask"][:-1]
            choice = np.asarray(episode.get_actions()).reshape(len(episode), -1)[:, 0].astype(int)
            assert (mask[np.arange(len(episode)), choice] == 1).all()
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)


def test_games_without_choices_keep_their_observations():
    config = leader_config("PPO", game="matrix-design")
    assert set(config.observation_space.spaces) == {"actor", "critic"}
