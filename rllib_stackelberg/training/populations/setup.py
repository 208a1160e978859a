"""A population run, configured and started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.populations.alternation import Alternation
from rllib_stackelberg.training.populations.smfrl import SMFRL, SMFRLConfig, config_for

Configure = Callable[[SMFRLConfig], Any]


def configured(options: PopulationOptions, configure: Configure | None = None) -> SMFRLConfig:
    """The RLlib configuration of a run."""
    config = config_for(options.entries, options.resolved_settings, options.seed)
    config.env_runners(num_env_runners=options.num_env_runners)
    if configure:
        configure(config)
    return config


def started(options: PopulationOptions, configure: Configure | None = None) -> SMFRL | Alternation:
    """What the run iterates; `configure` is for SMFRL alone."""
    return Alternation(options) if options.algo == "PPO" else configured(options, configure).build_algo()
