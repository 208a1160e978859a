"""Independent learning end to end: a policy per agent, each on its own observation; runs repeat; values are right."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ray.rllib.env.env_context import EnvContext

from rllib_stackelberg import make_game, respond
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.independent import independent
from rllib_stackelberg.training.independent.independent import (
    independent_config,
    joint_payoffs,
    make_play_env,
    train_independent,
)
from tests.games_for_tests import BrokenGame, NoisyAllocation

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def few_plays(monkeypatch):
    monkeypatch.setattr(independent, "PARALLEL_PLAYS", 16)


def run(game, seed=0, iterations=1, **params):
    return train_independent(TrainOptions.checked(game=game, params=params, seed=seed, max_iterations=iterations))


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "few_plays")
def test_every_policy_learns_at_the_same_time():
    """A leader with a continuous action, a follower with choices."""
    algo = independent_config(game="maintain", game_config={"mixed": True}).build_algo()
    try:
        before = {agent: algo.get_module(agent).get_state() for agent in ("leader_0", "follower_0")}
        result = algo.train()
        for agent, weights in before.items():
            after = algo.get_module(agent).get_state()
            assert any(np.any(after[name] != weights[name]) for name in weights if name.startswith("pi"))
            assert np.isfinite(result["learners"][agent]["total_loss"])
        assert result["env_runners"]["agent_episode_returns_mean"].keys() == before.keys()
    finally:
        algo.stop()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "few_plays")
def test_the_same_seed_repeats_the_result():
    """The result: the leader's value as a commitment, and everybody's in play."""
    first, second = (run("simple-allocation", seed=3) for _ in range(2))
    assert first.pop("seconds") > 0
    assert first == {name: value for name, value in second.items() if name != "seconds"}
    assert first["exact_value"] == 1
    assert respond(make_game("simple-allocation"), first["leader_strategy"]).leader_value == first["leader_value"]
    assert first["joint_value"] == first["joint_values"][0] == first["joint_values"][1]  # common interest
    assert (first["joint_error"], first["iterations"], first["episodes"]) == (0, 1, 16)
    assert first["mean_returns"].keys() == {"leader_0", "follower_0"}


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.usefixtures("ray_local", "few_plays")
def test_a_game_class_reaches_a_remote_worker():
    class Local(NoisyAllocation):
        """Importable nowhere."""

    config = independent_config(game=Local, game_config={"noise": 0.1})
    config.env_runners(num_env_runners=1, num_envs_per_env_runner=8)
    algo = config.build_algo()
    try:
        returns = algo.train()["env_runners"]["agent_episode_returns_mean"]
        workers = algo.env_runner_group.foreach_env_runner(
            lambda runner: {(env.unwrapped.worker, env.unwrapped.name) for env in runner.env.envs},
            local_env_runner=False,
        )
    finally:
        algo.stop()
    assert 0 <= returns["leader_0"] == returns["follower_0"] <= 1
    assert workers == [{(1, "Local")}]


SCRIPT = """
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.independent import train_independent
result = train_independent(TrainOptions.checked(game="matrix-design", max_iterations=2))
print(result["joint_values"], result["mean_returns"]["leader_0"], result["leader_strategy"])
"""


@pytest.mark.learning
@pytest.mark.ray
def test_processes_with_other_hash_seeds_learn_the_same():
    told = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    ]  # fmt: skip
    assert told[0]
    assert len(set(told)) == 1


BREAKS, PASSES = 0, 3
"""Seeds whose random first play does and does not have the leader allocate item 1."""


class Table:
    """A player that answers from a table: the position of the largest number it sees -> action."""

    def __init__(self, *actions):
        self.actions = actions

    def greedy(self, seen):
        return self.actions[int(np.argmax(seen["observation"]))]


@pytest.mark.parametrize(
    ("messages", "items", "value"),
    [
        ((0, 1, 2), (0, 1, 2), 1),
        ((0, 1, 2), (2, 1, 0), 1 / 3),
        ((2, 0, 1), (1, 2, 0), 1),
        ((0, 0, 0), (1, 0, 0), 1 / 3),
    ],
)
def test_joint_play_is_valued_exactly_over_types(messages, items, value):
    players = {"leader_0": Table(*items), "follower_0": Table(*messages)}
    values, error = joint_payoffs(make_game("simple-allocation"), players)
    assert values == pytest.approx([value, value])
    assert error == 0


def test_chance_counts_with_its_probability_and_large_games_are_sampled(monkeypatch):
    players = {"leader_0": Table(0, 1, 0), "follower_0": Table(0, 1, 0)}
    game = NoisyAllocation(noise=0.2)
    assert joint_payoffs(game, players)[0] == pytest.approx([0.8, 0.8])
    monkeypatch.setattr(independent, "EXACT_PLAYS", 3)
    values, error = joint_payoffs(game, players, seed=1)
    assert values[0] != 0.8
    assert abs(values[0] - 0.8) < 4 * error < 0.1


def test_configurations_are_refused_by_name():
    with pytest.raises(InvalidFieldError, match="algorithm"):
        independent_config("Nope", game="escape")
    with pytest.raises(InvalidFieldError, match="messages"):
        independent_config(game="simple-allocation", game_config={"messages": 0})
    with pytest.raises(InvalidFieldError, match="stop_at_optimum"):
        train_independent(TrainOptions.checked(game="escape", max_iterations=1, stop_at_optimum=True))
    with pytest.raises(InvalidFieldError, match="restart_after"):
        train_independent(TrainOptions.checked(game="escape", max_iterations=1, restart_after=2))


def test_a_game_that_breaks_its_rules_is_refused_before_ray_starts():
    with pytest.raises(RulesError, match="BrokenGame"):
        independent_config(game=BrokenGame, game_config={"noise": 0}, seed=BREAKS)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "few_plays")
def test_a_game_that_breaks_later_stops_the_run_by_name():
    with pytest.raises(RulesError, match=r"BrokenGame.*leader_0.*allocate"):
        run("tests.games_for_tests:BrokenGame", PASSES, noise=0)


def test_it_is_an_ordinary_configuration_that_acts_within_the_masks():
    config = independent_config(game="message-spm", game_config={"messages": 3, "leader": "scores"})
    assert config.disable_env_checking  # RLlib's own check acts outside them
    assert list(config.policies) == ["leader_0", "follower_0", "follower_1"]
    assert config.rl_module_spec.rl_module_specs["follower_1"].observation_space["action_mask"].shape == (3,)
    config.training(lr=1e-4)
    config.validate()


def test_a_follower_sees_its_own_type_and_no_other():
    game = make_game("message-spm", leader="scores")
    config = independent_config(game="message-spm", game_config={"leader": "scores"})
    env = make_play_env(EnvContext(config.env_config, worker_index=0))
    seen = {}
    for nature in game.nature.support()[0]:
        observations, _ = env.reset(options={"nature": nature})
        seen.setdefault(int(nature[0]), set()).add(observations["follower_0"]["observation"].tobytes())
    assert [len(of_type) for of_type in seen.values()] == [1, 1, 1]
    assert len(set.union(*seen.values())) == 3


def tuned_example():
    path = REPOSITORY / "tuned_examples" / "ppo" / "independent_ppo.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


@pytest.mark.learning
@pytest.mark.usefixtures("ray_local")
def test_the_tuned_example_meets_its_bars():
    example = tuned_example()
    found = {instance.name: [instance.run(seed=0, max_seconds=30.0)] for instance in example.INSTANCES}
    assert example.missed(found) == []


def test_the_tuned_example_is_built_and_judged():
    example = tuned_example()
    for instance in example.INSTANCES:
        options = instance.options(0, 1.0)
        assert len(independent_config(game=options.game, game_config=options.params).policies) >= 2
    found = {"escape": [{"commitment": value, "exact": 1.0} for value in (1.0, 0.5)]}
    assert example.missed(found) == []
    found["escape"].append({"commitment": -1.0, "exact": 1.0})
    found["maintain mixed=True"] = [{"commitment": 0.9167, "exact": 11 / 12}, {"commitment": 0.2, "exact": 11 / 12}]
    assert example.missed(found) == ["escape", "maintain mixed=True"]  # too low on average; above the optimum
