"""How a leader draws a choice and the numbers that go with it.

RLlib's multi-distribution draws both independently of one another: one mean for each number, whatever is chosen. Then
the price that was asked of one buyer teaches the price that is asked of all, and what it earned is spread over buyers
who were never asked. Here numbers are drawn after the choice, around a mean of its own, and an action's probability
says nothing about the numbers of other choices: what it earned moves the choice and the numbers that were played.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from gymnasium.spaces import Tuple
from ray.rllib.core.distribution.distribution import Distribution
from ray.rllib.core.distribution.torch.torch_distribution import TorchDeterministic, TorchDistribution
from torch.distributions import Categorical

CLOSED = -1e9
"""Score of a choice that is not open: its probability is exactly 0, and entropies and divergences stay finite."""


def only_open(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Scores of choices `[..., choices]`, `CLOSED` where the mask is 0; no gradient reaches those."""
    return torch.where(mask > 0, scores, CLOSED)


REACH = 1.5
"""Spreads that the mean of a Gaussian leader may lie outside of the unit box: one draw in fifteen is inside."""


class _Held(torch.autograd.Function):
    """Numbers clamped to a range, past which no step of gradient descent takes them; steps back inside pass."""

    @staticmethod
    def forward(ctx: Any, numbers: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """Clamped numbers."""
        ctx.save_for_backward(numbers, low, high)
        return torch.minimum(torch.maximum(numbers, low), high)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """The gradient, but for what points outward past the range."""
        numbers, low, high = ctx.saved_tensors
        outward = ((numbers >= high) & (gradient < 0)) | ((numbers <= low) & (gradient > 0))
        return torch.where(outward, torch.zeros_like(gradient), gradient), None, None


def held_near(means: torch.Tensor, log_std: torch.Tensor) -> torch.Tensor:
    """Means of a Gaussian leader, held within `REACH` spreads of the unit box that its actions are clipped to.

    Whatever is drawn around a mean far outside is one action once it is clipped, and what that earns teaches nothing.
    A little outside a mean says that the edge is meant, and is still corrected by what is drawn inside.

    Args:
        means: `[..., numbers]`; log_std: logarithm of the spread, of all of them.
    """
    reach = REACH * log_std.exp()
    return _Held.apply(means, -reach, 1.0 + reach)


class ChoiceThenNumbers(TorchDistribution):
    """A choice, then numbers around means that belong to it, with one spread.

    Actions are rows `[..., 1 + m]`: the choice, then the numbers. Inputs are, end to end, a score for each choice
    (`k`), means of the numbers for each choice (`k * m`) and logarithms of the spread (`m`).

    Args:
        logits: inputs `[..., k + k * m + m]`.
        choices: `k`.
    """

    def __init__(self, logits: torch.Tensor, choices: int):
        numbers = (logits.shape[-1] - choices) // (choices + 1)
        super().__init__(logits[..., :choices])
        self.means = logits[..., choices : choices * (1 + numbers)].unflatten(-1, (choices, numbers))
        self.log_std = logits[..., choices * (1 + numbers) :]

    def _get_torch_distribution(self, scores: torch.Tensor) -> Categorical:
        """Of the choice."""
        return Categorical(logits=scores, validate_args=False)

    @staticmethod
    def required_input_dim(space: Any, choices: int | None = None, **kwargs: Any) -> int:
        """Of a `Tuple((Discrete(k), Box))`."""
        assert isinstance(space, Tuple)
        choice, numbers = int(space[0].n), int(space[1].shape[0])  # type: ignore[attr-defined, index]
        return choice + (choice + 1) * numbers

    def _means_of(self, choice: torch.Tensor) -> torch.Tensor:
        """Means `[..., m]` of the numbers that belong to choices `[...]`."""
        means = self.means.expand(*choice.shape, *self.means.shape[-2:])
        place = choice.long()[..., None, None].expand(*choice.shape, 1, means.shape[-1])
        return means.gather(-2, place).squeeze(-2)

    def sample(self, *, sample_shape: Any = None) -> torch.Tensor:
        """Rows of choice and numbers."""
        choice = self._dist.sample(sample_shape if sample_shape is not None else torch.Size())
        means = self._means_of(choice)
        numbers = means + self.log_std.exp() * torch.randn_like(means)
        return torch.cat([choice[..., None].to(numbers.dtype), numbers], dim=-1).detach()

    def rsample(self, *, sample_shape: Any = None) -> torch.Tensor:
        """There is none: no gradient leads through a choice."""
        raise NotImplementedError("a choice cannot be sampled with gradients")

    def logp(self, value: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        """Logarithm of the probability of the choice and the density of its numbers."""
        choice, numbers = value[..., 0], value[..., 1:]
        away = (numbers - self._means_of(choice)) / self.log_std.exp()
        density = -0.5 * away**2 - self.log_std - 0.5 * math.log(2 * math.pi)
        return self._dist.log_prob(choice) + density.sum(-1)

    def entropy(self) -> torch.Tensor:
        """Of the choice, plus that of numbers, which is the same for every choice."""
        spread = self.log_std + 0.5 * math.log(2 * math.pi * math.e)
        return self._dist.entropy() + spread.sum(-1)

    def kl(self, other: Distribution, **kwargs: Any) -> torch.Tensor:
        """Of the choice, plus those of the numbers, weighed by how likely their choice is."""
        assert isinstance(other, ChoiceThenNumbers)
        apart = ((self.means - other.means) / other.log_std.exp()[..., None, :]) ** 2
        wider = other.log_std - self.log_std
        own = (wider + 0.5 * ((-2 * wider).exp() - 1)).sum(-1)
        numbers = (self._dist.probs * 0.5 * apart.sum(-1)).sum(-1) + own
        return super().kl(other) + numbers

    def to_deterministic(self) -> TorchDeterministic:
        """The most likely choice and its means."""
        choice = self._dist.logits.argmax(-1)
        means = self._means_of(choice)
        return TorchDeterministic(loc=torch.cat([choice[..., None].to(means.dtype), means], dim=-1))
