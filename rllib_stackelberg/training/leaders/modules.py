"""What a network must be to lead: the base class of RLModules, of the project's and of one's own.

    class Mine(LeaderRLModule, ValueFunctionAPI):
        def setup(self):
            self.pi = tanh_network([self.actor_width, 32, self.outputs])
            self.vf = tanh_network([self.actor_width, 32, 1])
            self.action_dist_cls = TorchCategorical
        ...
    leader_config("PPO", game="escape").rl_module(rl_module_spec=RLModuleSpec(module_class=Mine))

Observations are a dictionary of float32 tensors `[batch, width]`: `actor` is what the game shows the leader, all that
acting may depend on; `critic` is the hidden state, for values alone; `mask` is there if not all choices are always open
(1 where they are), and what is not open must never be played (`distributions.only_open`). An action that is a choice
and numbers is a row of both. `model_config` holds, besides what one gives,
`critic` ("central" or "local") and the middle and half width of the leader's payoffs (`value_offset`, `value_scale`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete, Tuple
from numpy.typing import NDArray
from ray.rllib.core.rl_module.apis import TargetNetworkAPI
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import nn

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.networks import Layers

WIDEST = 8_192
"""Units of a layer."""

RLLIB_DEFAULTS = asdict(DefaultModelConfig())


class LeaderRLModule(TorchRLModule):
    """A leader's network.

    One's own defines `setup`, what its algorithm needs (`_forward`, and `compute_values` for PPO, APPO and IMPALA), and
    overrides of the following as far as their defaults do not fit.

    Attributes:
        pi: the actor as `export` expects it: linear layers with tanh between them, from `actor` to scores of choices or
            to a point of the unit box.
    """

    pi: nn.Sequential
    end = 1.0
    """Share of the schedule after which exploring shrinks no more; its learner sets it."""

    actor_part = "actor"
    """Of the observation: what the actor reads."""
    takes_questions: ClassVar[bool] = False
    """Whether a learner may show it every observation once (`batches.WholeQuestions`)."""

    @classmethod
    def check_model_config(cls, given: Mapping[str, Any]) -> None:
        """Refuse, by name, what `config.rl_module(model_config=...)` cannot mean here; by default nothing.

        Raises:
            InvalidFieldError: naming the entry.
        """

    @property
    def discrete(self) -> bool:
        """Whether the leader chooses from a list."""
        return isinstance(self.action_space, Discrete)

    @property
    def actor_width(self) -> int:
        """Numbers that the actor sees."""
        return int(np.prod(self.observation_space[self.actor_part].shape))

    @property
    def choices(self) -> int:
        """How many choices there are; 0 where an action is numbers alone."""
        space = self.action_space[0] if isinstance(self.action_space, Tuple) else self.action_space
        return int(space.n) if isinstance(space, Discrete) else 0

    @property
    def numbers(self) -> int:
        """How many numbers an action has; for each choice, where there are both."""
        space = self.action_space[1] if isinstance(self.action_space, Tuple) else self.action_space
        return int(np.prod(space.shape)) if isinstance(space, Box) else 0

    @property
    def masked(self) -> bool:
        """Whether not all choices are always open."""
        return "mask" in self.observation_space.spaces

    @property
    def outputs(self) -> int:
        """Scores of choices, then coordinates of the unit box for each of them; or coordinates alone."""
        return self.choices * (1 + self.numbers) if self.choices else self.numbers

    def anneal(self, done: float) -> float:
        """Explore as fits when that share of the schedule is over; by default there is none.

        Returns:
            what the first learning rate is to be multiplied by.
        """
        return 1.0

    def restart(self) -> None:
        """Forget everything learned, in a learner: by default parameters become those of a new module."""
        new = type(self)(
            observation_space=self.observation_space,
            action_space=self.action_space,
            inference_only=self.inference_only,
            model_config=self.model_config,
        )
        self.load_state_dict(new.state_dict(), strict=False)  # target networks are made later
        copy_to_targets(self)

    def scatter(self, point: NDArray[np.float64] | None = None) -> None:
        """After `restart`, of one question of numbers: begin at a random answer, or at a point of the unit box.

        By default it begins as always.
        """

    def export(self) -> LeaderNetwork:
        """The greedy leader as data: by default the layers of `pi`.

        Raises:
            InvalidFieldError: `pi` is something else, and `export` is not overridden.
        """
        kinds = [type(layer) for layer in self.pi]
        if kinds != ([nn.Linear, nn.Tanh] * len(kinds))[: len(kinds)] or kinds[-1] is not nn.Linear:
            problem = f"pi of {type(self).__name__} is no alternation of Linear and Tanh"
            raise InvalidFieldError("module_class", problem, "such a pi, or an export() of its own")
        return LeaderNetwork(layers_of(self.pi), self.discrete, 0 if self.discrete else self.choices)


def layers_of(network: nn.Sequential) -> Layers:
    """Weights and biases as data."""
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    return tuple(
        (layer.weight.detach().cpu().numpy().copy(), layer.bias.detach().cpu().numpy().copy()) for layer in linear
    )


def copy_to_targets(module: TorchRLModule) -> None:
    """Let a module's target networks, if it has any, be what the networks are."""
    if isinstance(module, TargetNetworkAPI):
        for network, target in module.get_target_network_pairs():
            with torch.no_grad():
                target.load_state_dict(network.state_dict())


def as_mapping(given: Mapping[str, Any] | DefaultModelConfig) -> dict[str, Any]:
    """A model configuration in either of RLlib's forms as a dictionary."""
    return asdict(given) if isinstance(given, DefaultModelConfig) else dict(given)


def check_networks(given: Mapping[str, Any], own: Mapping[str, Any], activation: str = "tanh") -> None:
    """Refuse entries of a model configuration that the project's own networks cannot follow.

    Args:
        given: the entries; own: further ones that are known, with a default each; activation: the only one there is.

    Raises:
        InvalidFieldError: naming the entry, and what it may be.
    """
    if "fcnet_hiddens" in given:
        check_widths(given["fcnet_hiddens"])
    if given.get("fcnet_activation", activation) != activation:
        raise InvalidFieldError("fcnet_activation", f"got {given['fcnet_activation']!r}", activation)
    known = {"fcnet_hiddens", "fcnet_activation", *own}
    for name, value in given.items():
        if name not in known and not (name in RLLIB_DEFAULTS and value == RLLIB_DEFAULTS[name]):
            problem = f"got {value!r}, which this network does not follow"
            raise InvalidFieldError(name, problem, f"entries {', '.join(sorted(known))}, or an RLModule of your own")


def check_widths(hidden: Any) -> None:
    """Refuse widths of hidden layers that are none.

    Raises:
        InvalidFieldError: by the name of RLlib's entry.
    """
    whole = isinstance(hidden, list | tuple) and all(type(width) is int and 1 <= width <= WIDEST for width in hidden)
    if not whole:
        raise InvalidFieldError("fcnet_hiddens", f"got {hidden!r}", f"a list of whole numbers in 1..{WIDEST}")
