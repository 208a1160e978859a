"""Leaders under Ray Tune: what a trial reports, what it may search over, and the best one restored.

Trials may differ in how their followers learn. What they are compared by must not: `report_values` adds to every
result the value of the greedy leader against one judge, with its certificate. Everything else is Tune's own:

    config = choose_responses(report_values(leader_config("PPO", game="simple-allocation")), response_updates=[25, 250])
    config.training(lr=tune.loguniform(1e-3, 1e-2))
    tune.Tuner("PPO", param_space=config, tune_config=tune.TuneConfig(metric=LEADER_VALUE, mode="max")).fit()
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ray import tune
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModule

from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.response.settings import LeaderSettings

LEADER_VALUE = "leader/value"
"""The metric to search by."""


def report_values(config: AlgorithmConfig, *, judge: LeaderSettings | None = None, every: int = 5) -> AlgorithmConfig:
    """Let results of a `leader_config` report the greedy leader's value.

    Args:
        config: it is changed; judge: the followers to value against, by default those of the configuration;
        every: iterations between valuations.
    """
    chosen = judge.model_dump() if judge else dict(config.env_config["settings"])
    return config.environment(env_config={"judge": {"settings": chosen, "every": every}})


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
    best = results.get_best_result(LEADER_VALUE, "max", scope="all")
    checkpoint = best.get_best_checkpoint(LEADER_VALUE, "max")
    path = Path(checkpoint.path) / "learner_group" / "learner" / "rl_module" / DEFAULT_MODULE_ID
    return RLModule.from_checkpoint(path).export(), best
