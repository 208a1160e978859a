"""RLlib's configurations of the algorithms that train leaders: every slot stays the user's.

What leaders need is kept whatever is set later, in any order: `callbacks` adds to the one callback class that is
required; `rl_module`, `learners` and `env_runners` refuse by name what cannot lead, at once. All of it is in RLlib's
own fields, so it is still there when Ray Tune has made a dictionary of the configuration and another one of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig, NotProvided
from ray.rllib.algorithms.appo import APPOConfig
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.training.leaders.algorithms import SETUPS, LeaderSetup
from rllib_stackelberg.training.leaders.callbacks import LeaderUpkeep, others
from rllib_stackelberg.training.leaders.modules import LeaderRLModule, as_mapping
from rllib_stackelberg.training.leaders.resumable import ResumableEnvRunner


class LeaderConfig(AlgorithmConfig):
    """Mixed into a configuration of RLlib.

    Attributes:
        setup: the algorithm's parts.
    """

    setup: ClassVar[LeaderSetup]

    def callbacks(self, callbacks_class: Any = NotProvided, **functions: Any) -> Self:
        """As RLlib's; `LeaderUpkeep` stays the first of the classes."""
        if callbacks_class is not NotProvided:
            callbacks_class = [LeaderUpkeep, *others(callbacks_class, LeaderUpkeep)]
        return super().callbacks(callbacks_class, **functions)

    def rl_module(self, *, model_config: Any = NotProvided, rl_module_spec: Any = NotProvided, **kwargs: Any) -> Self:
        """As RLlib's, for one module that leads.

        Raises:
            InvalidFieldError: the module is no `LeaderRLModule` or not of the algorithm's kind, or entries of its
                configuration mean nothing to it.
        """
        if rl_module_spec is not NotProvided:
            kwargs["rl_module_spec"] = self._leading(rl_module_spec)
        if model_config is not NotProvided:
            spec: Any = kwargs.get("rl_module_spec", self.rl_module_spec)
            check_entries(spec.module_class, as_mapping(model_config))
            kwargs["model_config"] = model_config
        return super().rl_module(**kwargs)

    def _leading(self, spec: Any) -> RLModuleSpec:
        """The spec, with what the module must know of the problem."""
        if not isinstance(spec, RLModuleSpec):
            raise InvalidFieldError("rl_module_spec", f"is a {type(spec).__name__}", "an RLModuleSpec: one leader")
        module = spec.module_class or self.setup.module
        missing = [cls.__name__ for cls in (LeaderRLModule, *self.setup.needs) if not issubclass(module, cls)]
        if missing:
            is_none = f"{module.__name__} is no {', no '.join(missing)}"
            raise InvalidFieldError("module_class", is_none, "a subclass (training/leaders/modules.py says of what)")
        known, own = as_mapping(self.rl_module_spec.model_config or {}), as_mapping(spec.model_config or {})
        check_entries(module, own)
        problem = {name: known[name] for name in PROBLEM & known.keys()}
        return replace(spec, module_class=module, model_config=problem | own)

    def learners(self, *, learner_class: Any = NotProvided, **kwargs: Any) -> Self:
        """As RLlib's.

        Raises:
            InvalidFieldError: the learner does not learn from leaders' episodes.
        """
        _refuse_other("learner_class", learner_class, self.setup.learner)
        return super().learners(learner_class=learner_class, **kwargs)

    def env_runners(self, *, env_runner_cls: Any = NotProvided, **kwargs: Any) -> Self:
        """As RLlib's.

        Raises:
            InvalidFieldError: the env runner does not tell environments which streams are theirs.
        """
        _refuse_other("env_runner_cls", env_runner_cls, ResumableEnvRunner)
        return super().env_runners(env_runner_cls=env_runner_cls, **kwargs)


PROBLEM = frozenset({"critic", "value_offset", "value_scale", "layout"})
"""Entries of a model configuration that are not chosen (`problem_config`)."""


def check_entries(module: type[LeaderRLModule], given: Mapping[str, Any]) -> None:
    """Refuse, by name, chosen entries of a model configuration that a module cannot follow."""
    module.check_model_config({name: given[name] for name in given.keys() - PROBLEM})


def _refuse_other(field: str, given: Any, base: type) -> None:
    if given is not NotProvided and given is not None and not issubclass(given, base):
        raise InvalidFieldError(field, f"{given.__name__} is no {base.__name__}", f"a subclass of {base.__name__}")


class LeaderPPOConfig(LeaderConfig, PPOConfig):
    """Of PPO."""

    setup = SETUPS["PPO"]


class LeaderAPPOConfig(LeaderConfig, APPOConfig):
    """Of APPO."""

    setup = SETUPS["APPO"]


class LeaderIMPALAConfig(LeaderConfig, IMPALAConfig):
    """Of IMPALA."""

    setup = SETUPS["IMPALA"]


class LeaderSACConfig(LeaderConfig, SACConfig):
    """Of SAC."""

    setup = SETUPS["SAC"]


class LeaderDQNConfig(LeaderConfig, DQNConfig):
    """Of DQN."""

    setup = SETUPS["DQN"]


CONFIGS: dict[str, type[LeaderConfig]] = {
    "PPO": LeaderPPOConfig,
    "APPO": LeaderAPPOConfig,
    "IMPALA": LeaderIMPALAConfig,
    "SAC": LeaderSACConfig,
    "DQN": LeaderDQNConfig,
}


def begun(name: str, given: AlgorithmConfig | None, problem: dict[str, Any]) -> LeaderConfig:
    """A new configuration of an algorithm, with all that is set in the one given.

    Args:
        name: the algorithm's; problem: what the module must know of it (`problem_config`).

    Raises:
        InvalidFieldError: what is given carries what a leader cannot be trained with.
    """
    config = CONFIGS[name]()
    setup = config.setup
    own = RLModuleSpec(module_class=setup.module, model_config=problem)
    if given is None:
        return config.rl_module(rl_module_spec=own).learners(learner_class=setup.learner)
    plain, spec = type(given)(), given.rl_module_spec
    config.__dict__.update(given.copy(copy_frozen=False).__dict__)
    if spec.module_class is not plain.rl_module_spec.module_class:
        own = replace(spec, model_config=_set(spec.model_config or {}, plain) | problem)
    config.rl_module(rl_module_spec=own).rl_module(model_config=_set(given.model_config, plain))
    config.learners(learner_class=setup.learner if given.learner_class is plain.learner_class else given.learner_class)
    return config.env_runners(env_runner_cls=given.env_runner_cls)


def _set(entries: Any, plain: AlgorithmConfig) -> dict[str, Any]:
    """Entries of a model configuration but for those that RLlib adds by itself."""
    added = plain.model_config
    return {name: value for name, value in as_mapping(entries).items() if added.get(name, NotProvided) != value}
