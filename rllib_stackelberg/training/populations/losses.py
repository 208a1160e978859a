"""Losses of SMFRL (Mi et al., arXiv 2403.12093): an actor-critic pair of DDPG type on either side.

With primes for the next period and for target networks, m for the members' mean state, pi_F(s, a_g) for everybody's
answer, bar for a mean over members, and r over its scale:

    leader    Q_L(s_g, a_g, m, bar a)      ->  r_g + gamma Q_L'(s_g', b, m', bar pi_F'(s', b)),  b = pi_L'(s_g')
              actor ascends Q_L(s_g, c, m, bar pi_F(s, c)),  c = pi_L(s_g), no gradient through pi_F (`through`: with)
    members   Q_F(s_i, a_g, a_i, m, bar a) ->  r_i + gamma Q_F'(s_i', b, pi_F'(s_i', b), m', bar pi_F'(s', b))
              actor ascends Q_F(s_i, a_g, pi_F(s_i, a_g), m, bar a)

With `n_step`, r is what n periods pay, discounted, gamma is gamma^n, and the next period is the one after them.
Q is the mean of what a side's critics say, or the least (`critic_value`), each of which learns for itself (one, unless
`critics` says more).
A period after which a play is over does not bootstrap (nothing is paid from then on); one after which it is cut off at
the horizon does. Without Stackelberg members neither see a_g nor does the leader's actor ask for their answer: it takes
bar a as given. Without a mean field critics see neither m nor bar a.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rllib_stackelberg.training.populations.modules import LeaderSide, MembersSide
from rllib_stackelberg.training.populations.networks import squashed

EDGE = 2.5
"""What is squashed to .0067 from the end of the unit box. Further out an actor is too slow to come back."""


@dataclass(frozen=True)
class Periods:
    """A batch of R periods, observations normalised, actions in the unit box. `next_` is a period later.

    Attributes:
        leader, next_leader: what the leader sees `[R, d]`; leader_action `[R, w]`; leader_reward `[R]`.
        mean, next_mean: members' mean state `[R, e]`; mean_action `[R, v]`; over: 1 where the play is over `[R]`.
        members, next_members: states of the members that are kept `[R, M, e]`.
        learned, next_learned: of those of them that are learned from `[R, K, e]`; actions `[R, K, v]`;
        rewards `[R, K]`; discount: of what comes next `[R]`. leader_missing, missing: what nothing is paid counts as,
        below 0 (`RewardScale`).
    """

    leader: Tensor
    next_leader: Tensor
    leader_action: Tensor
    leader_reward: Tensor
    mean: Tensor
    next_mean: Tensor
    mean_action: Tensor
    over: Tensor
    members: Tensor
    next_members: Tensor
    learned: Tensor
    next_learned: Tensor
    actions: Tensor
    rewards: Tensor
    discount: Tensor
    leader_missing: Tensor
    missing: Tensor

    @classmethod
    def of(
        cls,
        leader: LeaderSide,
        members: MembersSide,
        rows: Mapping[str, Tensor],
        own: Mapping[str, Tensor],
        scale: float = 1.0,
    ) -> Periods:
        """From rows of the replay buffer, the leader's and the members'; `scale`: a factor of all rewards."""
        with torch.no_grad():
            seen = {name: leader.normaliser(rows[name]) for name in ("leader", "next_leader")}
            means = {name: members.normaliser(rows[name]) for name in ("mean", "next_mean")}
            states = ("members", "next_members", "learned", "next_learned")
            return cls(
                **seen, **means, **{name: members.normaliser(own[name]) for name in states},
                leader_action=rows["leader_action"], mean_action=rows["mean_action"], over=rows["over"],
                leader_reward=scale * leader.reward_scale(rows["leader_reward"], rows["weight"]),
                actions=own["actions"], discount=rows["discount"],
                rewards=scale * members.reward_scale(own["rewards"], rows["weight"][:, None]),
                leader_missing=scale * leader.reward_scale.missing, missing=scale * members.reward_scale.missing,
            )  # fmt: skip


@dataclass(frozen=True)
class Ahead:
    """What target networks do in the next period: leader's action `[R, w]`, members' mean action `[R, v]`."""

    leader: Tensor
    mean: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, leader: LeaderSide, members: MembersSide, periods: Periods) -> Ahead:
        """Ask them."""
        action = leader.target_pi(periods.next_leader)
        return cls(action, members.target_pi(members.joined(periods.next_members, action)).mean(dim=1))


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """What is computed meanwhile has gradients through the network, not of its weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def leader_target(leader: LeaderSide, periods: Periods, ahead: Ahead, gamma: float) -> Tensor:
    """What the leader's critic is to say: `[R]`."""
    with torch.no_grad():
        own = torch.cat([periods.next_leader, ahead.leader], dim=-1)
        value = leader.target_qf(own, periods.next_mean, ahead.mean)
        after = afterwards(periods.over, value, periods.leader_missing, gamma)
        return periods.leader_reward + periods.discount * after


def members_target(members: MembersSide, periods: Periods, ahead: Ahead, gamma: float) -> Tensor:
    """What the members' critic is to say: `[R, K]`."""
    with torch.no_grad():
        inputs = members.joined(periods.next_learned, ahead.leader)
        own = torch.cat([inputs, members.target_pi(inputs)], dim=-1)
        value = members.target_qf(own, periods.next_mean, ahead.mean)
        after = afterwards(periods.over[:, None], value, periods.missing, gamma)
        return periods.rewards + periods.discount[:, None] * after


def afterwards(over: Tensor, value: Tensor, missing: Tensor, gamma: float) -> Tensor:
    """Values of what comes next; where a play is over, of nothing being paid for ever."""
    return torch.where(over > 0, -missing / (1 - gamma), value)


def critic_loss(values: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of values `[C, ...]`, summed over critics."""
    return (values - target).square().flatten(1).mean(dim=1).sum()


def leader_critic_loss(leader: LeaderSide, periods: Periods, ahead: Ahead, gamma: float) -> Tensor:
    """Of the leader's critic."""
    own = torch.cat([periods.leader, periods.leader_action], dim=-1)
    values = leader.qf.all(own, periods.mean, periods.mean_action)
    return critic_loss(values, leader_target(leader, periods, ahead, gamma))


def members_critic_loss(members: MembersSide, periods: Periods, ahead: Ahead, gamma: float) -> Tensor:
    """Of the members' critic."""
    own = torch.cat([members.joined(periods.learned, periods.leader_action), periods.actions], dim=-1)
    values = members.qf.all(own, periods.mean, periods.mean_action)
    return critic_loss(values, members_target(members, periods, ahead, gamma))


def answer(members: MembersSide, periods: Periods, action: Tensor, through: bool = False) -> Tensor:
    """The members' mean answer to a leader's action `[R, w]`, with gradients through it or not: `[R, v]`."""
    with frozen(members.pi):
        return members.pi(members.joined(periods.members, action if through else action.detach())).mean(dim=1)


def beyond(raw: Tensor) -> Tensor:
    """How far, squared, what is squashed lies beyond `EDGE`."""
    return (raw.abs() - EDGE).clamp(min=0.0).square().mean()


def leader_actor_loss(
    leader: LeaderSide, members: MembersSide, periods: Periods, penalty: float, through: bool = False
) -> Tensor:
    """Of the leader's actor."""
    raw = leader.pi.raw(periods.leader)
    action = squashed(raw)
    stackelberg = members.model_config["stackelberg"] and members.model_config["mean_field"]
    mean_action = answer(members, periods, action, through) if stackelberg else periods.mean_action
    with frozen(leader.qf):
        value = leader.qf(torch.cat([periods.leader, action], dim=-1), periods.mean, mean_action)
    return penalty * beyond(raw) - value.mean()


def members_actor_loss(members: MembersSide, periods: Periods, penalty: float, pull: float = 0.0) -> Tensor:
    """Of the members' actor; `pull`: towards the middle of the unit box."""
    inputs = members.joined(periods.learned, periods.leader_action)
    raw = members.pi.raw(inputs)
    with frozen(members.qf):
        value = members.qf(torch.cat([inputs, squashed(raw)], dim=-1), periods.mean, periods.mean_action)
    return penalty * beyond(raw) + pull * raw.square().mean() - value.mean()
