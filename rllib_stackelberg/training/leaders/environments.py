"""The leader's environment as RLlib makes it on every env runner; importing this registers it by name.

Whatever of a leader's algorithm is unpickled (its configuration, env runner, learner) imports this, so a checkpoint can
be read by a process that has made no configuration of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ray.tune.registry import register_env

from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.held import rules_in
from rllib_stackelberg.rules.registry import finite, rules_of
from rllib_stackelberg.training.running.failures import Failures, WorkerLeaderEnv

LEADER_ENV = "stackelberg_leader"


def make_leader_env(context: Mapping[str, Any]) -> StackelbergPOMDP:
    """A batch of leader episodes carrying its own followers."""
    settings = LeaderSettings.checked(**context["settings"])
    envs, seed = int(context.get("num_envs", 1)), int(context["seed"])
    failures = Failures(context["most_failures"], context["game_seconds"])
    game = finite(failures.survived(rules_in, context))
    return WorkerLeaderEnv(partial(game_anew, context), settings, envs, seed, failures, game)


def game_anew(context: Mapping[str, Any]) -> StackelbergGame:
    """Another game of an environment's configuration, in place of one that has failed."""
    return finite(rules_of(context["game"], context["game_config"]))


def name_leader_env() -> None:
    """Tell Ray which environment a leader's configuration means; a Ray that is started later has to be told again."""
    register_env(LEADER_ENV, make_leader_env)


name_leader_env()
