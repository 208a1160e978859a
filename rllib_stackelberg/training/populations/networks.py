"""Networks of SMFRL: what normalises, what acts in the unit box, and critics with a place for the population's mean."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rllib_stackelberg.populations.policy import CLIP

SMALLEST_DEVIATION = 1e-3

SMALLEST_SHARE = 1e-2
"""Of the mean of rewards, below which their deviation counts as none."""

RECENT = 0.1
"""Least share of new rewards in what is centred."""

BETWEEN: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}
"""Activations."""


class Normaliser(nn.Module):
    """Running mean and variance of vectors; part of the state, not of what is learned by gradients."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.register_buffer("count", torch.zeros(()))

    @property
    def deviation(self) -> Tensor:
        """Square root of the variance, bounded away from 0."""
        return self.variance.sqrt().clamp(min=SMALLEST_DEVIATION)

    def forward(self, values: Tensor) -> Tensor:
        """Values `[..., width]` in deviations from the mean, cut off far from it."""
        return ((values - self.mean) / self.deviation).clamp(-CLIP, CLIP)

    def take(self, values: NDArray) -> None:
        """Count in values `[..., width]` (Chan et al.'s parallel update)."""
        rows = torch.from_numpy(values.reshape(-1, values.shape[-1]).astype(np.float64))
        total = self.count.double() + len(rows)
        mean, variance = (part.to(self.mean.device) for part in (rows.mean(dim=0), rows.var(dim=0, unbiased=False)))
        gap, share = mean - self.mean.double(), len(rows) / total
        spread = (1 - share) * self.variance.double() + share * variance + share * (1 - share) * gap**2
        self.variance.copy_(spread)
        self.mean.copy_(self.mean.double() + share * gap)
        self.count.copy_(total)


class RewardScale(nn.Module):
    """What rewards are measured in, so that critics learn numbers of order one.

    That is their root mean square so far, or of recent ones (`recent`: the least share of new ones in it). If
    `centred`, it is the deviation of recent ones from their mean: what is the same whatever is done, mean /
    (1 - gamma), would else be nearly all of a value. Nothing, which is what is paid after the end of a play, then is
    `-missing` a period, and policies are ordered as they are by what is paid.
    """

    mean: Tensor
    square: Tensor
    count: Tensor

    def __init__(self, centred: bool = False, recent: float = 0.0) -> None:
        super().__init__()
        self.centred, self.recent = centred, max(recent, RECENT) if centred else recent
        for name in ("mean", "square", "count"):
            self.register_buffer(name, torch.zeros(()))

    @property
    def origin(self) -> Tensor:
        """The reward that counts as 0."""
        return self.mean if self.centred else torch.zeros_like(self.mean)

    @property
    def unit(self) -> Tensor:
        """The reward, from there, that counts as 1."""
        if not self.count:
            return torch.ones_like(self.mean)
        smallest = torch.clamp(SMALLEST_SHARE * self.origin.abs(), min=1e-6)
        return torch.maximum((self.square - self.origin**2).clamp(min=0.0).sqrt(), smallest)

    @property
    def measure(self) -> tuple[float, float]:
        """Origin and unit, as they are now."""
        return float(self.origin), float(self.unit)

    @property
    def missing(self) -> Tensor:
        """How far, in units, nothing is below the origin."""
        return self.origin / self.unit

    def forward(self, rewards: Tensor, weight: Tensor | float = 1.0) -> Tensor:
        """Rewards in units from the origin, or weighted sums of them, of so much weight."""
        return (rewards - weight * self.origin) / self.unit

    def take(self, rewards: NDArray) -> None:
        """Count in rewards of any shape."""
        self.count.copy_(self.count + rewards.size)
        share = max(rewards.size / float(self.count), self.recent)
        for seen, new in ((self.mean, rewards), (self.square, np.square(rewards))):
            seen.copy_(seen + (float(new.mean()) - seen) * share)


def layers(sizes: Sequence[int], activation: str = "relu", layer_norm: bool = False) -> nn.Sequential:
    """Linear layers with activations between them, of what is normalised or not."""
    made: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes[:-1]):
        made += [nn.Linear(width_in, width_out), between(width_out, activation, layer_norm)]
    return nn.Sequential(*made, nn.Linear(sizes[-2], sizes[-1]))


def between(width: int, activation: str, layer_norm: bool) -> nn.Module:
    """What stands between two linear layers."""
    made = BETWEEN[activation]()
    return nn.Sequential(nn.LayerNorm(width), made) if layer_norm else made


class UnitActor(nn.Module):
    """An actor whose actions lie in the unit box. It begins in the middle, about indifferent to what it sees."""

    def __init__(self, width: int, hidden: Sequence[int], actions: int):
        super().__init__()
        self.network = layers([width, *hidden, actions])
        last = self.network[-1]
        assert isinstance(last, nn.Linear)
        nn.init.uniform_(last.weight, -3e-3, 3e-3)
        nn.init.zeros_(last.bias)

    def raw(self, inputs: Tensor) -> Tensor:
        """What is squashed."""
        return self.network(inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Actions `[..., actions]` for inputs `[..., width]`."""
        return squashed(self.raw(inputs))


def squashed(raw: Tensor) -> Tensor:
    """From any number to the unit box."""
    return 0.5 + 0.5 * torch.tanh(raw)


class MeanFieldCritic(nn.Module):
    """Q of one's own state and actions, and of the population's mean state and mean action.

    The mean state and the mean action have first layers of their own; without a mean field there are none.
    """

    def __init__(
        self,
        own: int,
        hidden: Sequence[int],
        mean_state: int = 0,
        mean_action: int = 0,
        activation: str = "relu",
        layer_norm: bool = False,
    ):
        super().__init__()
        first, *rest = hidden
        self.own = nn.Linear(own, first)
        self.mean_state = nn.Linear(mean_state, first) if mean_state else None
        self.mean_action = nn.Linear(mean_action, first) if mean_action else None
        wide = first * (1 + bool(mean_state) + bool(mean_action))
        self.between = between(wide, activation, layer_norm)
        self.rest = layers([wide, *rest, 1], activation, layer_norm)

    def forward(self, own: Tensor, mean_state: Tensor | None = None, mean_action: Tensor | None = None) -> Tensor:
        """Values `[R]` of `[R, own]`, or `[R, K]` of `[R, K, own]`; the means are `[R, ...]` either way."""
        parts = [self.own(own)]
        for layer, mean in ((self.mean_state, mean_state), (self.mean_action, mean_action)):
            if layer is not None:
                assert mean is not None
                part = layer(mean)
                parts.append(part if own.dim() == 2 else part[:, None].expand(*own.shape[:2], part.shape[-1]))
        return self.rest(self.between(torch.cat(parts, dim=-1))).squeeze(-1)


class Critics(nn.Module):
    """Critics of the same inputs that differ in how they began: what the least hopeful of them says, or their mean."""

    def __init__(self, count: int, own: int, hidden: Sequence[int], critic_value: str = "least", **given: Any):
        """`count`: how many; critic_value: what counts of what they say; the rest is as of `MeanFieldCritic`."""
        super().__init__()
        self.critic_value = critic_value
        self.each = nn.ModuleList(MeanFieldCritic(own, hidden, **given) for _ in range(count))

    def all(self, *inputs: Tensor) -> Tensor:
        """Of every critic, `[C, ...]`."""
        return torch.stack([critic(*inputs) for critic in self.each])

    @torch.no_grad()
    def rescale(self, factor: float, shift: float) -> None:
        """Make every critic say `factor` times what it said, and `shift` more."""
        for critic in self.each:
            assert isinstance(critic, MeanFieldCritic)
            last = critic.rest[-1]
            assert isinstance(last, nn.Linear)
            last.weight.mul_(factor)
            last.bias.mul_(factor).add_(shift)

    def forward(self, *inputs: Tensor) -> Tensor:
        """What counts."""
        said = self.all(*inputs)
        return said.amin(dim=0) if self.critic_value == "least" else said.mean(dim=0)
