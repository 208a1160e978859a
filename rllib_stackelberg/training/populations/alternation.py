"""A leader by PPO against members that answer by SMFRL, in turns.

A round is some epochs of SMFRL in which members learn against the leader as it is, then some iterations of PPO in which
the leader learns against the members as they are. Both learners, their critics and the members' buffer go on from round
to round; rates and exploration of members fall by rounds. What either side sees is normalised by what random play has
shown.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.populations.ppo_leader import config_of_population, leader_of
from rllib_stackelberg.training.populations.smfrl import SMFRL, config_for

MEMBERS_EPOCHS, LEADER_ITERATIONS = 4, 4
"""Of a round."""

LOOKING_EPOCHS = 2
"""Of random play, before the first round."""


def first_policy(options: PopulationOptions) -> PopulationPolicy:
    """Actors that have learned nothing, and what random play looks like."""
    settings = options.resolved_settings.model_copy(update={"random_epochs": LOOKING_EPOCHS})
    algo = config_for(options.entries, settings, options.seed).build_algo()
    try:
        for _ in range(LOOKING_EPOCHS):
            algo.train()
        return algo.policy()
    finally:
        algo.stop()


def _answer(policy: PopulationPolicy, runner: SingleAgentEnvRunner) -> None:
    """Let members of an env runner's plays answer by a policy; the local one has no plays beside remote ones."""
    if runner.env is not None:
        runner.env.unwrapped.respond(policy)


class Alternation:
    """Both learners; call `iterate` for a round. Runs in a Ray session."""

    def __init__(self, options: PopulationOptions):
        self._policy = first_policy(options)
        settings = options.resolved_settings
        falls = settings.rate_decay_epochs * MEMBERS_EPOCHS  # once in so many rounds
        settings = settings.model_copy(update={"learning": ("members",), "rate_decay_epochs": falls})
        runners = options.num_env_runners
        config = config_for(options.entries, settings, options.seed)
        self.members: SMFRL = config.env_runners(num_env_runners=runners).build_algo()
        self.members.start_from(self._policy)
        lead = config_of_population("PPO", options.rules, options.entries, self._policy, options.seed)
        self.leader: Algorithm = lead.env_runners(num_env_runners=runners).build_algo()

    def iterate(self) -> dict[str, Any]:
        """A round; returns what the members' env runners reported last."""
        result: dict[str, Any] = {}
        for _ in range(MEMBERS_EPOCHS):
            result = self.members.train()["env_runners"]
        answering = self._policy = replace(self._policy, members=self.members.policy().members)
        self.leader.env_runner_group.foreach_env_runner(partial(_answer, answering))
        for _ in range(LEADER_ITERATIONS):
            self.leader.train()
        leader = leader_of(self.leader, self._policy)
        self._policy = replace(self._policy, leader=leader)
        self.members.lead_as(leader)
        return result

    def policy(self) -> PopulationPolicy:
        """What both do at present."""
        return self._policy

    def stop(self) -> None:
        """End both."""
        self.members.stop()
        self.leader.stop()
