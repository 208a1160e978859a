"""Networks that are shared between followers: actor and critic of a game that declares seats.

Every follower's entries go through one small layer, whose outputs are pooled over followers, by mean and by maximum
(Zaheer et al., Deep Sets, arXiv 1703.06114). With what is shared between all of them they make a context, and what the
actor says of a follower depends on its own entries and on the context. So permuting followers permutes what the actor
says of them and leaves the critic alone, and no weight belongs to one of them: there may be any number. Pooling by mean
loses how many there are: 1/n stands beside what is shared.

A row is a question, of which an episode has thousands; layers are narrow, and the first one is not deep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from rllib_stackelberg.networks import Layers


class _Tanh(torch.autograd.Function):
    """`torch.tanh`, up to rounding, in a third of its time on a processor."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        """By the logistic function: tanh x = 2 / (1 + exp(-2 x)) - 1."""
        found = torch.mul(values, 2).sigmoid_().mul_(2).sub_(1)
        ctx.save_for_backward(found)
        return found

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient of `torch.tanh`, from what it gave."""
        (found,) = ctx.saved_tensors
        return torch.ops.aten.tanh_backward(gradient, found)


tanh = _Tanh.apply


class _Pooled(torch.autograd.Function):
    """Mean and maximum over followers, `[..., followers, d]`; the way back goes through all entries once, not thrice.

    Several largest entries share the gradient, as they do in `torch.amax`.
    """

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and maximum, `[..., d]` each."""
        largest = values.amax(-2)
        ctx.save_for_backward(values, largest)
        return values.mean(-2), largest

    @staticmethod
    def backward(ctx: Any, of_mean: torch.Tensor, of_largest: torch.Tensor) -> torch.Tensor:
        """The gradient of both, from those of the mean and of the maximum."""
        values, largest = ctx.saved_tensors
        # Written as numbers at once: truth values are slow to compare with and to count.
        at = torch.eq(values, largest.unsqueeze(-2), out=torch.empty_like(values))
        of_all, of_those = of_mean / values.shape[-2], of_largest / at.sum(-2)
        return torch.addcmul(of_all.unsqueeze(-2), of_those.unsqueeze(-2), at)


pooled = _Pooled.apply


class Entries(nn.Module):
    """Takes entries of an observation apart: each follower's own and shared ones.

    Args:
        own: `[followers, features]`; shared: columns.
    """

    own: torch.Tensor
    shared: torch.Tensor

    def __init__(self, own: Sequence[Sequence[int]], shared: Sequence[int]):
        super().__init__()
        columns = torch.tensor(own, dtype=torch.long).reshape(len(own), -1)
        self.followers, self.features = columns.shape
        self.register_buffer("own", columns.flatten(), persistent=False)
        self.register_buffer("shared", torch.tensor(list(shared), dtype=torch.long), persistent=False)

    def forward(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Own `[..., followers, features]` and shared `[..., entries]` of observations `[..., d]`."""
        own = seen.index_select(-1, self.own).unflatten(-1, (self.followers, self.features))
        return own, seen.index_select(-1, self.shared)


class Context(nn.Module):
    """What all followers' own entries and the shared ones come to, `[..., width]`."""

    def __init__(self, features: int, shared: int, width: int):
        super().__init__()
        self.encoder = nn.Linear(features, width)
        self.first = nn.Linear(2 * width + shared + 1, width)
        self.second = nn.Linear(width, width)

    def forward(self, own: torch.Tensor, shared: torch.Tensor) -> torch.Tensor:
        """Of own `[..., followers, features]` and shared `[..., entries]`."""
        encoded = tanh(self.encoder(own))
        share = torch.full_like(shared[..., :1] if shared.shape[-1] else encoded[..., 0, :1], 1 / own.shape[-2])
        whole = torch.cat([*pooled(encoded), shared, share], dim=-1)
        return tanh(self.second(tanh(self.first(whole))))


class SeatActor(nn.Module):
    """What is said of each follower, from its own entries and the context.

    Args:
        layout: `seat_layout(...)`; width: of observations; units: of every layer.
        choices, numbers: said of each follower: choices, and numbers for each choice, or numbers alone.
    """

    def __init__(self, layout: Mapping[str, Any], width: int, units: int, choices: int, numbers: int):
        super().__init__()
        self.choices = choices
        self.entries = actor_entries(layout, width)
        features, shared = self.entries.features, len(self.entries.shared)
        self.context = Context(features, shared, units)
        self.of_own = nn.Linear(features, units, bias=False)
        self.of_context = nn.Linear(units, units)
        self.out = nn.Linear(units, choices * (1 + numbers) if choices else numbers)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Scores of all choices, then their numbers; or numbers alone: as a flat network puts them out."""
        own, shared = self.entries(seen)
        context = self.of_context(self.context(own, shared))
        said = self.out(tanh(self.of_own(own) + context[..., None, :]))
        if not self.choices:
            return said.flatten(-2)
        return torch.cat([said[..., : self.choices].flatten(-2), said[..., self.choices :].flatten(-2)], dim=-1)

    def layers(self) -> Layers:
        """As `SeatNetwork` has them."""
        joined = torch.cat([self.of_own.weight, self.of_context.weight], dim=1), self.of_context.bias
        context = self.context
        plain = [(layer.weight, layer.bias) for layer in (context.encoder, context.first, context.second)]
        return tuple(
            (weight.detach().cpu().numpy().copy(), bias.detach().cpu().numpy().copy())
            for weight, bias in (*plain, joined, (self.out.weight, self.out.bias))
        )


class SeatCritic(nn.Module):
    """What a question is worth, from the followers' entries in both parts of the observation, whoever is who.

    Args:
        layout: `seat_layout(...)`; width: of the actor's part; units: of every layer; seen: names of the parts that it
            sees, "critic" being the hidden state and any other the actor's.
    """

    def __init__(self, layout: Mapping[str, Any], width: int, units: int, seen: Sequence[str]):
        super().__init__()
        hidden = Entries(layout["critic"], layout["critic_shared"])
        parts = [hidden if part == "critic" else actor_entries(layout, width) for part in seen]
        self.entries = nn.ModuleList(parts)
        features, shared = sum(part.features for part in parts), sum(len(part.shared) for part in parts)
        self.context = Context(features, shared, units)
        self.out = nn.Linear(units, 1)

    def forward(self, *seen: torch.Tensor) -> torch.Tensor:
        """`[..., 1]` of the parts of observations, each `[..., d]`."""
        found = [entries(part) for entries, part in zip(self.entries, seen, strict=True)]
        own, shared = (torch.cat(parts, dim=-1) for parts in zip(*found, strict=True))
        return self.out(self.context(own, shared))


def actor_entries(layout: Mapping[str, Any], width: int) -> Entries:
    """Of the actor's part: what is no follower's is shared."""
    return Entries(layout["actor"], np.setdiff1d(np.arange(width), layout["actor"]).tolist())
