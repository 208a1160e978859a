"""What belongs to the user stays the user's: callbacks, networks, modules, learners, checkpoints."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchCategorical
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.training.config import leader_config
from rllib_stackelberg.training.independent.independent import independent_config
from rllib_stackelberg.training.leaders.modules import LeaderRLModule
from rllib_stackelberg.training.leaders.rl_modules import tanh_network
from rllib_stackelberg.training.populations.smfrl import smfrl_config
from rllib_stackelberg.training.tuning import report_values
from tests.populations_for_tests import Levy
from tests.training.populations.test_sides import policy

ROOT = Path(__file__).parents[3]


class Counting(RLlibCallback):
    """Counts where it is called from."""

    def on_episode_end(self, *, metrics_logger, **kwargs):
        metrics_logger.log_value("mine", 1, reduce="sum")


class Marking(RLlibCallback):
    def on_train_result(self, *, result, **kwargs):
        result["marked"] = "leader" in result


def added(*, result, **kwargs):
    result["added"] = True


class Mine(LeaderRLModule, ValueFunctionAPI):
    """A network of one's own, with every default of the protocol."""

    def setup(self):
        self.pi = tanh_network([self.actor_width, 5, self.outputs])
        self.vf = tanh_network([self.actor_width, 7, 1])
        self.action_dist_cls = TorchCategorical

    def _forward(self, batch, **kwargs):
        return {Columns.ACTION_DIST_INPUTS: self.pi(batch[Columns.OBS]["actor"])}

    def compute_values(self, batch, embeddings=None):
        return self.model_config["value_offset"] + self.vf(batch[Columns.OBS]["actor"]).squeeze(-1)


class Bare(DefaultPPOTorchRLModule):
    """RLlib's own network: it reads no leader's observation and cannot be exported."""


def small(algorithm="PPO", **given):
    return leader_config(algorithm, game="escape", response_updates=5, **given).env_runners(num_envs_per_env_runner=4)


def reported_last():
    return report_values(small().callbacks([Counting, Marking]).callbacks(on_train_result=added))


def reported_first():
    return report_values(small()).callbacks(on_train_result=added).callbacks([Marking, Counting])


def carried():
    given = PPOConfig().callbacks([Counting, Marking], on_train_result=added)
    given.training(train_batch_size_per_learner=8, minibatch_size=8, num_epochs=1)
    return report_values(small(given))


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize("order", [reported_last, reported_first, carried])
def test_all_callbacks_are_kept_in_any_order(order):
    algo = order().build_algo()
    try:
        result = algo.train()
    finally:
        algo.stop()
    assert result["env_runners"]["mine"] == result["env_runners"]["num_episodes"] > 0
    assert {"leader_value", "follower_regret", "game_failures"} <= result["env_runners"].keys()
    assert np.isfinite(result["leader"]["value"])
    assert result["marked"] is True  # the user's see what was reported
    assert result["added"] is True


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_networks_are_those_asked_for_and_an_evaluation_has_the_episodes_asked_for():
    config = small().rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[16, 8]))
    config.evaluation(evaluation_interval=1, evaluation_duration=6)
    algo = config.build_algo()
    try:
        assert [len(bias) for _, bias in algo.get_module().export().layers] == [16, 8, 3]
        assert algo.train()["evaluation"]["env_runners"]["num_episodes"] == 6
        assert len(algo.env_runner.sample(num_episodes=6)) == 6  # four environments: a round and half of one
    finally:
        algo.stop()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_a_module_of_ones_own_trains_restarts_and_is_exported_by_the_defaults():
    config = small().rl_module(rl_module_spec=RLModuleSpec(module_class=Mine, model_config={"depth": 2}))
    algo = config.build_algo()
    try:
        assert np.isfinite(algo.train()["env_runners"]["leader_value"])
        module = algo.get_module()
        assert module.model_config["depth"] == 2
        before = module.export()
        assert [len(bias) for _, bias in before.layers] == [5, 3]
        module.restart()
        assert not np.array_equal(module.export().layers[0][0], before.layers[0][0])
        assert module.anneal(0.5) == 1.0
    finally:
        algo.stop()


def test_entries_of_a_configuration_that_is_given_are_kept():
    given = PPOConfig().rl_module(model_config={"fcnet_hiddens": [16]}).env_runners(num_env_runners=3).training(lr=0.5)
    config = leader_config(given, game="escape")
    assert config.model_config["fcnet_hiddens"] == [16]
    assert config.num_env_runners == 3
    assert config.lr == 0.5
    assert type(leader_config(config, game="maintain")) is type(config)
    dqn = leader_config(DQNConfig().rl_module(model_config={"fcnet_hiddens": [9]}), game="escape")
    assert dqn.model_config["fcnet_hiddens"] == [9]


def test_algorithms_are_found_in_any_case():
    assert type(leader_config("ppo", game="escape")) is type(leader_config("PPO", game="escape"))
    with pytest.raises(InvalidFieldError, match="PPO"):
        leader_config("ppo2", game="escape")


REFUSED = {
    "fcnet_activation": lambda: small().rl_module(model_config={"fcnet_activation": "relu"}),
    "fcnet_hiddens": lambda: small().rl_module(model_config={"fcnet_hiddens": [0]}),
    "use_lstm": lambda: small().rl_module(model_config=DefaultModelConfig(use_lstm=True)),
    "width": lambda: leader_config(PPOConfig().rl_module(model_config={"width": 3}), game="escape"),
    "module_class": lambda: small().rl_module(rl_module_spec=RLModuleSpec(module_class=DefaultPPOTorchRLModule)),
    "module_class: Mine is no TargetNetworkAPI": lambda: small("APPO").rl_module(
        rl_module_spec=RLModuleSpec(module_class=Mine)
    ),
    "module_class: Default": lambda: leader_config(
        PPOConfig().rl_module(
            rl_module_spec=RLModuleSpec(module_class=type("DefaultOwn", (DefaultPPOTorchRLModule,), {}))
        ),
        game="escape",
    ),
    "learner_class": lambda: small().learners(learner_class=PPOTorchLearner),
    "env_runner_cls": lambda: small().env_runners(env_runner_cls=SingleAgentEnvRunner),
    "model_config": lambda: smfrl_config(game="labour-supply").rl_module(model_config={"fcnet_hiddens": [16]}),
}


@pytest.mark.parametrize("field", REFUSED)
def test_what_cannot_lead_is_refused_when_it_is_set(field):
    with pytest.raises(InvalidFieldError, match=field):
        REFUSED[field]()


RESTORE = """
import sys
import rllib_stackelberg
assert not {"ray", "torch"} & sys.modules.keys()
import ray
from ray.rllib.algorithms.algorithm import Algorithm
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
for path in sys.argv[1:]:
    algo = Algorithm.from_checkpoint(path)
    before = algo.iteration
    algo.train()
    assert algo.iteration == before + 1 == 2
    algo.stop()
print("restored")
"""


KEPT = {
    "leader": small,
    "at_every_turn": lambda: small(leader_queries="every_turn"),
    "population": lambda: leader_config("PPO", game=Levy, members=policy(Levy())).training(
        train_batch_size_per_learner=8, minibatch_size=8, num_epochs=1
    ),
    "play": lambda: independent_config("PPO", game="escape").env_runners(num_envs_per_env_runner=4),
}


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.usefixtures("ray_local")
def test_checkpoints_are_read_by_a_process_that_only_imported_the_package(tmp_path):
    for name, configured in KEPT.items():
        algo = configured().build_algo()
        algo.train()
        algo.save_to_path(tmp_path / name)
        algo.stop()
    command = [sys.executable, "-c", RESTORE, *(str(tmp_path / name) for name in KEPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.endswith("restored\n"), done.stderr
