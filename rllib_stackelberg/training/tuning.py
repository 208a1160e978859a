"""Leaders under Ray Tune: what a trial reports, what it may search over, and the best one restored.

Trials may differ in how their followers learn. What they are compared by must not: `report_values` adds to every
result the value of the greedy leader against one judge, with its certificate. Everything else is Tune's own:

    config = choose_responses(report_values(leader_config("PPO", game="simple-allocation")), response_updates=[25, 250])
    config.training(lr=tune.loguniform(1e-3, 1e-2))
    tune.Tuner("PPO", param_space=config, tune_config=tune.TuneConfig(metric=LEADER_VALUE, mode="max")).fit()

In a game with a population the same, with `smfrl_config`, `choose_settings` and the class `SMFRL` in place of its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from pathlib import Path
from typing import Any

from ray import tune
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModule
from ray.tune.search.sample import Categorical, Domain, Float, Integer

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.training.leaders.modules import layers_of
from rllib_stackelberg.training.populations.smfrl import POLICIES, SMFRLConfig

LEADER_VALUE = "leader/value"
"""The metric to search by."""

VALUED_PLAYS = 8

MODULE = Path("learner_group", "learner", "rl_module", DEFAULT_MODULE_ID)
"""Of the one network of an algorithm, in its checkpoints."""


def report_values(
    config: AlgorithmConfig, *, judge: LeaderSettings | None = None, every: int = 5, plays: int | None = None
) -> AlgorithmConfig:
    """Let results of a `leader_config` or of an `smfrl_config` report the greedy leader's value.

    Args:
        config: it is changed.
        judge: the followers to value against, by default those of the configuration; of games of finite types.
        every: iterations between valuations.
        plays: of a valuation, in a game with a population (8): what both sides get is reported.

    Raises:
        InvalidFieldError: a judge in a game with a population, or plays in one of finite types.
    """
    followers = config.env_config.get("settings")
    if followers is None:
        if judge is not None:
            raise InvalidFieldError("judge", "is for games of finite types", "none in a game with a population")
        found: dict[str, Any] = {"plays": VALUED_PLAYS if plays is None else plays}
    else:
        if plays is not None:
            raise InvalidFieldError("plays", "is for games with a population", "none in a game of finite types")
        found = {"settings": judge.model_dump() if judge else dict(followers)}
    return config.environment(env_config={"judge": found | {"every": every}})


def choose_settings(config: SMFRLConfig, **domains: Any) -> SMFRLConfig:
    """Let Tune choose settings of SMFRL.

    Args:
        config: an `smfrl_config`; it is changed.
        domains: of Tune, such as `tune.loguniform(1e-4, 1e-3)` or `tune.choice([1, 2])`, by name of the setting.

    Raises:
        InvalidFieldError: a value that may be chosen cannot work, by name.
    """
    held = config.population
    given = held.model_dump() if isinstance(held, PopulationSettings) else dict(held)
    fixed = {name: value for name, value in given.items() if not isinstance(value, Domain)}
    for name, domain in domains.items():
        for value in _ends(domain):
            chosen = PopulationSettings.checked(**fixed | {name: value})
            chosen.boxes(config.rules)
            chosen.capacity(config.rules)
    config.__dict__["population"] = given | domains  # made settings again in every trial
    return config


@singledispatch
def _ends(domain: Any) -> Sequence[Any]:
    """Values of a domain of Tune between which, or among which, it chooses."""
    raise InvalidFieldError("domains", f"got {domain!r}", "tune.choice, tune.uniform and others of numbers")


@_ends.register
def _(domain: Categorical) -> Sequence[Any]:
    return list(domain.categories)


@_ends.register(Float)
@_ends.register(Integer)
def _(domain: Any) -> Sequence[Any]:
    return [domain.lower, domain.upper - isinstance(domain, Integer)]


def choose_responses(
    config: AlgorithmConfig,
    *,
    followers: Sequence[Learner | tuple[Learner, ...]] = (),
    response_updates: Sequence[int] = (),
) -> AlgorithmConfig:
    """Let Tune choose among followers and lengths of the response phase.

    Args:
        config: a `leader_config`; it is changed. followers, response_updates: candidates; none: as they are.

    Raises:
        InvalidFieldError: a candidate cannot work, by name.
    """
    given = config.env_config["settings"]
    candidates = {"followers": followers, "response_updates": response_updates}
    chosen = {}
    for name, values in candidates.items():
        checked = [LeaderSettings.checked(**(given | {name: value})).model_dump()[name] for value in values]
        if checked:
            chosen[name] = tune.choice(checked)
    return config.environment(env_config={"settings": given | chosen})


def best_leader(results: tune.ResultGrid) -> tuple[LeaderNetwork, tune.Result]:
    """The most valuable leader that a checkpoint was kept of, over all trials, and its trial.

    Reads RLlib's checkpoints, which are pickles: load only your own.
    """
    path, best = _best_checkpoint(results)
    return RLModule.from_checkpoint(path / MODULE).export(), best


def best_policies(results: tune.ResultGrid) -> tuple[PopulationPolicy, tune.Result]:
    """As `best_leader`, in a game with a population: both sides' policies, of which the leader's value is best."""
    path, best = _best_checkpoint(results)
    given = best.config["env_config"]
    if "side" not in given:
        return PopulationPolicy.load(path / POLICIES), best
    module, policy, side = RLModule.from_checkpoint(path / MODULE), given["policy"], given["side"]
    return policy.with_side(side, replace(policy.of_side(side), layers=tuple(layers_of(module.pi)))), best


def _best_checkpoint(results: tune.ResultGrid) -> tuple[Path, tune.Result]:
    best = results.get_best_result(LEADER_VALUE, "max", scope="all")
    return Path(best.get_best_checkpoint(LEADER_VALUE, "max").path), best
