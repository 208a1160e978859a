"""Losses and targets of SMFRL, without Ray."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict

from rllib_stackelberg.populations.play import told
from rllib_stackelberg.training.populations.learner import follow
from rllib_stackelberg.training.populations.losses import (
    Ahead,
    Periods,
    afterwards,
    answer,
    beyond,
    leader_actor_loss,
    leader_critic_loss,
    leader_target,
    members_actor_loss,
    members_target,
)
from rllib_stackelberg.training.populations.modules import SHOWN, STATE, LeaderSide, MembersSide
from rllib_stackelberg.training.populations.networks import MeanFieldCritic, Normaliser, RewardScale, UnitActor

D, W, E, V, R, M, K = 3, 2, 2, 1, 16, 6, 4
GAMMA = 0.9
WIDTHS = {"leader_actions": W, "mean_state": E, "mean_action": V, "hidden": (8, 8), "actor_hidden": (8,)}


def sides(stackelberg=True, mean_field=True, critics=1, critic_value="least"):
    torch.manual_seed(0)
    switches = WIDTHS | {"stackelberg": stackelberg, "mean_field": mean_field, "centred": False, "activation": "relu"}
    switches |= {"averaging": 0.0, "critics": critics, "critic_value": critic_value, "layer_norm": False, "recent": 0.0}
    wide = lambda n: Box(-np.inf, np.inf, (n,), np.float32)  # noqa: E731
    leader = LeaderSide(
        observation_space=wide(D), action_space=Box(0, 1, (W,)), model_config=switches | {"state": D, "actions": W}
    )
    members = MembersSide(
        observation_space=Dict({STATE: wide(E), SHOWN: wide(W)}),
        action_space=Box(0, 1, (V,)),
        model_config=switches | {"state": E, "actions": V},
    )
    for side in (leader, members):
        torch.nn.init.normal_(side.pi.network[-1].weight)  # an actor that is indifferent tells little
        side.make_target_networks()
    return leader, members


def periods():
    torch.manual_seed(1)
    return Periods(
        leader=torch.randn(R, D), next_leader=torch.randn(R, D), leader_action=torch.rand(R, W),
        leader_reward=torch.randn(R), mean=torch.randn(R, E), next_mean=torch.randn(R, E),
        mean_action=torch.rand(R, V), over=(torch.arange(R) % 4 == 0).float(), members=torch.randn(R, M, E),
        next_members=torch.randn(R, M, E), learned=torch.randn(R, K, E), next_learned=torch.randn(R, K, E),
        actions=torch.rand(R, K, V), rewards=torch.randn(R, K), discount=torch.full((R,), GAMMA),
        leader_missing=torch.zeros(()), missing=torch.zeros(()),
    )  # fmt: skip


def moved(periods, **changes):
    return Periods(**(vars(periods) | changes))


def gradients(module):
    return [p.grad for p in module.parameters() if p.grad is not None and p.grad.abs().sum() > 0]


def test_targets_bootstrap_but_where_play_is_over():
    leader, members = sides()
    batch = periods()
    ahead = Ahead.of(leader, members, batch)
    over = batch.over.bool()
    found = leader_target(leader, batch, ahead, GAMMA)
    assert torch.equal(found[over], batch.leader_reward[over])
    assert (found[~over] != batch.leader_reward[~over]).all()
    found = members_target(members, batch, ahead, GAMMA)
    assert found.shape == (R, K)
    assert torch.equal(found[over], batch.rewards[over])
    assert (found[~over] != batch.rewards[~over]).all()


def test_sums_of_rewards_are_measured_from_so_many_origins():
    """The sum of scaled rewards is the scaled sum, given the sum of its weights."""
    scale = RewardScale(centred=True)
    scale.take(np.linspace(2.0, 9.0, 50))
    rewards, discounts = torch.tensor([3.0, 8.0, 4.0]), torch.tensor([1.0, 0.5, 0.25])
    told = scale((discounts * rewards).sum(), discounts.sum())
    assert torch.allclose(told, (discounts * scale(rewards)).sum())


def test_targets_are_computed_by_the_copies_and_have_no_gradient():
    leader, members = sides()
    batch = periods()
    before = leader_target(leader, batch, Ahead.of(leader, members, batch), GAMMA)
    for side in (leader, members):
        for network in (side.pi, side.qf):
            for parameter in network.parameters():
                torch.nn.init.normal_(parameter)
    after = leader_target(leader, batch, Ahead.of(leader, members, batch), GAMMA)
    assert torch.equal(before, after)
    leader_critic_loss(leader, batch, Ahead.of(leader, members, batch), GAMMA).backward()
    assert gradients(leader.qf)
    assert not gradients(leader.target_qf)
    assert not gradients(leader.pi)


@pytest.mark.parametrize(("critic_value", "agreed"), [("least", torch.Tensor.amin), ("mean", torch.Tensor.mean)])
def test_each_of_several_critics_learns_for_itself_what_the_least_hopeful_promises(critic_value, agreed):
    """Or what they promise on average."""
    leader, members = sides(critics=2, critic_value=critic_value)
    batch = periods()
    ahead = Ahead.of(leader, members, batch)
    own = torch.cat([batch.next_leader, ahead.leader], dim=-1)
    with torch.no_grad():
        for critic in leader.target_qf.each:  # so that now one, now the other is the less hopeful
            critic.rest[-1].bias -= critic(own, batch.next_mean, ahead.mean).median()
    target = leader_target(leader, batch, ahead, GAMMA)
    values = torch.stack([critic(own, batch.next_mean, ahead.mean) for critic in leader.target_qf.each])
    assert 0 < (values[0] < values[1]).float().mean() < 1
    open_ended = ~batch.over.bool()
    assert torch.allclose(target, (batch.leader_reward + GAMMA * agreed(values, dim=0) * open_ended))
    leader_critic_loss(leader, batch, ahead, GAMMA).backward()
    inputs = torch.cat([batch.leader, batch.leader_action], dim=-1), batch.mean, batch.mean_action
    for critic in leader.qf.each:
        found = [parameter.grad.clone() for parameter in critic.parameters()]
        critic.zero_grad()
        (critic(*inputs) - target).square().mean().backward()
        assert all(torch.allclose(a, p.grad, atol=1e-7) for a, p in zip(found, critic.parameters(), strict=True))


def test_normalised_critics_compute_what_numpy_does():
    """Also for members, whose means are the same for all of a period."""
    torch.manual_seed(0)
    critic = MeanFieldCritic(D, (8, 6), E, V, "relu", layer_norm=True)
    own, mean, action = torch.randn(R, K, D), torch.randn(R, E), torch.rand(R, V)

    def linear(layer, values):
        return values @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()

    def normal(values):
        deviations = values - values.mean(axis=-1, keepdims=True)
        return np.maximum(deviations / np.sqrt((deviations**2).mean(axis=-1, keepdims=True) + 1e-5), 0)

    parts = [linear(critic.own, own.numpy())]
    for layer, values in ((critic.mean_state, mean), (critic.mean_action, action)):
        parts.append(np.broadcast_to(linear(layer, values.numpy())[:, None], parts[0].shape))
    hidden, last = (layer for layer in critic.rest if isinstance(layer, torch.nn.Linear))
    wanted = linear(last, normal(linear(hidden, normal(np.concatenate(parts, axis=-1)))))
    np.testing.assert_allclose(critic(own, mean, action).detach().numpy(), wanted[..., 0], atol=1e-5)


def test_targets_lag_and_arrive():
    network, target = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    gap = (network.weight - target.weight).abs().max().item()
    weights = list(network.parameters()), list(target.parameters())
    follow(*weights, 0.05)
    assert (network.weight - target.weight).abs().max().item() == pytest.approx(0.95 * gap)
    assert network.weight.data_ptr() != target.weight.data_ptr()
    for _ in range(400):
        follow(*weights, 0.05)
    assert torch.allclose(network.weight, target.weight)


def test_leader_ascends_for_the_answer_to_its_own_action_without_a_gradient_through_it():
    leader, members = sides()
    batch = periods()
    loss = leader_actor_loss(leader, members, batch, penalty=0.0)
    action = leader.pi(batch.leader).detach().requires_grad_()
    mean_action = members.pi(members.joined(batch.members, action.detach())).mean(dim=1)
    value = leader.qf(torch.cat([batch.leader, action], dim=-1), batch.mean, mean_action.detach())
    assert loss.item() == pytest.approx(-value.mean().item(), rel=1e-5)
    loss.backward()
    assert gradients(leader.pi)
    assert not gradients(leader.qf)
    assert not gradients(members)
    assert not answer(members, batch, action).requires_grad
    assert answer(members, batch, action, through=True).requires_grad
    assert all(parameter.requires_grad for parameter in [*leader.qf.parameters(), *members.pi.parameters()])


def test_gradient_through_members_is_the_total_derivative():
    leader, members = sides()
    batch = periods()
    own = [torch.zeros_like(p) for p in leader.pi.parameters()]
    for through in (False, True):
        leader.zero_grad()
        leader_actor_loss(leader, members, batch, 0.0, through).backward()
        assert not gradients(members)
        if through:
            assert any((p.grad - g).abs().max() > 1e-6 for p, g in zip(leader.pi.parameters(), own, strict=True))
        own = [p.grad.clone() for p in leader.pi.parameters()]
    step, before = 0.3, leader_actor_loss(leader, members, batch, 0.0, True).item()
    with torch.no_grad():
        for parameter, gradient in zip(leader.pi.parameters(), own, strict=True):
            parameter -= step * gradient
    expected = -step * sum(float(g.square().sum()) for g in own)
    assert leader_actor_loss(leader, members, batch, 0.0, True).item() - before == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("pull", "arrives"), [(0.0, False), (0.01, True)])
def test_members_who_are_indifferent_are_pulled_to_the_middle(pull, arrives):
    _, members = sides()
    batch = periods()
    with torch.no_grad():
        for critic in members.qf.each:
            critic.rest[-1].weight.zero_()  # what members do makes no difference
    optimizer = torch.optim.Adam(members.pi.parameters(), lr=0.02)
    for _ in range(600):
        optimizer.zero_grad()
        members_actor_loss(members, batch, 0.0, pull).backward()
        optimizer.step()
    off = (members.pi(members.joined(batch.learned, batch.leader_action)) - 0.5).abs()
    assert (off.max() < 0.05) == arrives


@pytest.mark.parametrize("stackelberg", [True, False])
def test_without_stackelberg_members_do_not_see_the_leader_nor_are_asked(stackelberg):
    leader, members = sides(stackelberg=stackelberg)
    batch = periods()
    other = moved(batch, leader_action=1 - batch.leader_action)
    same = [members.pi(members.joined(batch.learned, p.leader_action)) for p in (batch, other)]
    assert torch.equal(*same) != stackelberg
    losses = [members_actor_loss(members, p, 0.0).item() for p in (batch, other)]
    assert (losses[0] == losses[1]) != stackelberg
    taken = moved(batch, mean_action=torch.rand(R, V))
    losses = [leader_actor_loss(leader, members, p, 0.0).item() for p in (batch, taken)]
    assert (losses[0] == losses[1]) == stackelberg  # asked for the answer, the leader has no use for what was done


@pytest.mark.parametrize("mean_field", [True, False])
def test_without_a_mean_field_critics_see_their_own_alone(mean_field):
    leader, members = sides(mean_field=mean_field)
    batch = periods()
    ahead = Ahead.of(leader, members, batch)
    for name in ("mean", "mean_action"):
        other = moved(batch, **{name: getattr(batch, name) + 1})
        losses = [leader_critic_loss(leader, p, ahead, GAMMA).item() for p in (batch, other)]
        assert (losses[0] == losses[1]) != mean_field
        losses = [members_actor_loss(members, p, 0.0).item() for p in (batch, other)]
        assert (losses[0] == losses[1]) != mean_field


def test_mean_state_and_mean_action_have_layers_of_their_own():
    critic = MeanFieldCritic(3, (8, 8), mean_state=2, mean_action=2)
    assert critic.mean_state is not critic.mean_action
    own, ones, twos = torch.rand(R, 3), torch.ones(R, 2), 2 * torch.ones(R, 2)
    assert not torch.equal(critic(own, ones, twos), critic(own, twos, ones))
    many = critic(own[:, None].expand(R, K, 3), ones, twos)
    assert torch.allclose(many, critic(own, ones, twos)[:, None].expand(R, K), atol=1e-6)


def test_actors_speak_the_units_of_the_buffer():
    actor = UnitActor(3, (8,), 2)
    far = actor(1e3 * torch.randn(1000, 3))
    assert (far >= 0).all()
    assert (far <= 1).all()
    assert beyond(torch.tensor([2.0, -2.5])).item() == 0
    assert beyond(torch.tensor([3.5, 0.0])).item() == pytest.approx(0.5)


def test_normaliser_has_the_moments_of_all_it_has_seen():
    rng, normaliser, scale = np.random.default_rng(0), Normaliser(2), RewardScale()
    parts = [rng.normal(5, 3, (count, 2)) for count in (10, 1000, 3)]
    for part in parts:
        normaliser.take(part)
        scale.take(part)
    whole = np.concatenate(parts)
    assert np.allclose(normaliser.mean.numpy(), whole.mean(axis=0), rtol=1e-4)
    assert np.allclose(normaliser.variance.numpy(), whole.var(axis=0), rtol=1e-4)
    assert scale.square.item() == pytest.approx(float((whole**2).mean()), rel=1e-4)


def test_centred_rewards_are_measured_from_the_mean_of_recent_ones():
    rng, scale = np.random.default_rng(0), RewardScale(centred=True)
    scale.take(rng.normal(-500, 50, 1000))
    for _ in range(200):  # what was first is forgotten
        scale.take(rng.normal(5, 3, 1000))
    found = scale(torch.from_numpy(rng.normal(5, 3, 10_000)))
    assert found.mean().item() == pytest.approx(0, abs=0.05)
    assert found.std().item() == pytest.approx(1, abs=0.05)
    assert scale(torch.zeros(())).item() == pytest.approx(-scale.missing.item())


def test_ruin_is_forgotten_by_the_scale_of_recent_rewards():
    """By a geometric series, once an epoch is less than its least share of all that there was."""
    rng, share, epochs = np.random.default_rng(0), 0.3, 12
    scales = RewardScale(recent=share), RewardScale()
    ruin, later = rng.normal(-500, 50, 1000), rng.normal(5, 3, (epochs, 1000))
    for rewards in (ruin, *later):
        for scale in scales:
            scale.take(rewards)
    shares = np.maximum(1 / np.arange(1, epochs + 2), share)  # 1, 1/2, 1/3, .3, .3, ...
    left = shares * np.cumprod([1, *(1 - shares[:0:-1])])[::-1]
    assert left.sum() == pytest.approx(1)
    squares = np.array([np.square(rewards).mean() for rewards in (ruin, *later)])
    assert scales[0].unit.item() == pytest.approx(np.sqrt(left @ squares), rel=1e-4)
    assert scales[1].unit.item() == pytest.approx(np.sqrt(squares.mean()), rel=1e-4)
    assert scales[0].origin == scales[1].origin == 0


def test_centring_changes_values_by_one_affine_function():
    rng, scale = np.random.default_rng(0), RewardScale(centred=True)
    scale.take(rng.normal(5, 3, 1000))
    steps = 12
    for ends in (True, False):  # a play that is over, and one whose last state is worth 7
        rewards = torch.from_numpy(rng.normal(5, 3, steps))
        plain = torch.zeros(()) if ends else torch.tensor(7.0)
        worth = (plain - scale.mean / (1 - GAMMA)) / scale.unit
        centred = afterwards(torch.tensor(float(ends)), worth, scale.missing, GAMMA)
        for reward in rewards.flip(0):
            plain, centred = reward + GAMMA * plain, scale(reward) + GAMMA * centred
        assert centred.item() == pytest.approx(((plain - scale.mean / (1 - GAMMA)) / scale.unit).item(), rel=1e-5)


def test_what_has_no_bound_is_told_as_a_signed_logarithm():
    found = told(np.array([0.0, np.e - 1, 1 - np.e, 0.5]), np.array([True, True, True, False]))
    assert np.allclose(found, [0, 1, -1, 0.5])
