"""A population run, configured and started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.populations.smfrl import SMFRL, SMFRLConfig, config_for
from rllib_stackelberg.training.populations.turns import Turns
from rllib_stackelberg.training.running.failures import LONG

Configure = Callable[[SMFRLConfig], Any]


def configured(options: PopulationOptions, configure: Configure | None = None) -> SMFRLConfig:
    """The RLlib configuration of a run."""
    config = config_for(options.entries, options.resolved_settings, options.seed)
    limits = {"most_failures": options.max_failures, "game_seconds": options.game_timeout}
    config.environment(env_config=limits)
    config.learners(num_gpus_per_learner=int(options.device == "cuda"))
    config.env_runners(num_env_runners=options.num_env_runners, sample_timeout_s=LONG * options.game_timeout)
    if configure:
        configure(config)
    return config


def started(
    options: PopulationOptions,
    configure: Configure | None = None,
    held: tuple[PopulationPolicy, PopulationPolicy] | None = None,
) -> SMFRL | Turns:
    """What the run iterates.

    Args:
        options: of the run.
        configure: has the last word on the configuration of SMFRL for both sides.
        held: policies of a generation of turns to go on from, if there is one.
    """
    return Turns(options, held) if options.in_turns else configured(options, configure).build_algo()
