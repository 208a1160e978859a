"""Env runners that are lost: killed, out of memory, on a machine that went away.

RLlib starts a lost runner again and goes on with the others meanwhile. That is bounded here: a runner may be started
again so many times, and a run in which nothing has been learned for so long stops.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from rllib_stackelberg.errors import GameError, RunnersLostError
from rllib_stackelberg.runs.run_options import GAME_SECONDS
from rllib_stackelberg.training.running.failures import LONG, final_error, noted_error, told

MOST_RESTARTS = 20
"""Of one env runner."""

PROBE_SECONDS = 10.0
"""In which a lost env runner must answer before training goes on without it, for an iteration."""

RESTORE_SECONDS = 30.0
"""In which one that came back must take over the leader's weights."""

LOST_SECONDS = 75.0
"""Without a learned batch, while env runners are missing, after which a run stops."""

SAMPLE_SECONDS = LONG * GAME_SECONDS
"""In which an env runner must hand over a sample: of many questions, each with a limit of its own."""


def survive_losses(config: AlgorithmConfig) -> None:
    """Let RLlib start lost env runners again, soon and not for ever."""
    config.fault_tolerance(
        restart_failed_env_runners=True,
        restart_failed_sub_environments=False,  # games that fail are started again where they fail (failures.py)
        max_num_env_runner_restarts=MOST_RESTARTS,
        delay_between_env_runner_restarts_s=0.0,
        env_runner_health_probe_timeout_s=PROBE_SECONDS,
        env_runner_restore_timeout_s=RESTORE_SECONDS,
    )
    config.env_runners(sample_timeout_s=SAMPLE_SECONDS)


def learned(result: dict[str, Any]) -> bool:
    """Whether an iteration of RLlib came to a learner's update.

    Without one RLlib reports the learner's last figures again, and no number for the steps of this iteration.
    """
    steps = result.get("learners", {}).get("default_policy", {}).get("num_module_steps_trained", math.nan)
    return math.isfinite(steps)


def learn_once(algo: Algorithm, useful: Callable[[dict[str, Any]], bool] = learned) -> dict[str, Any]:
    """The result of the next RLlib iteration in which there was something to learn from.

    Args:
        algo: what learns.
        useful: whether a result is of such an iteration.

    Raises:
        RulesError: the game broke its rules, failed too often or did not return, in whatever process.
        InvalidFieldError: something was refused by name, in whatever process.
        RunnersLostError: no env runner is left, or one does not answer.
    """
    began = time.monotonic()
    while True:
        result = train_once(algo)
        if useful(result):
            return result
        if time.monotonic() - began > LOST_SECONDS:
            raise RunnersLostError(f"no env runner has answered for {LOST_SECONDS:.0f} s")


def train_once(algo: Algorithm) -> dict[str, Any]:
    """One RLlib iteration; a game that broke its rules comes out as a `RulesError`, a refusal as it is."""
    try:
        result = algo.train()
    except SystemExit as error:
        raise GameError(f"the game ended Python: {told(error)}") from error
    except Exception as error:
        broken = final_error(error) or noted_error(algo)
        if broken is None:
            raise
        raise broken from error
    runners = algo.env_runner_group
    if runners.num_healthy_remote_env_runners() < runners.num_remote_env_runners():
        broken = noted_error(algo)
        if broken is not None:
            raise broken
    if runners.num_env_runners_dropped_lifetime():
        raise RunnersLostError(f"an env runner has not answered for {algo.config.sample_timeout_s:.0f} s")
    return result
