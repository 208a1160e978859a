"""Every algorithm through a whole run, and with evaluation workers of RLlib."""

import json

import numpy as np
import pytest
import torch

from rllib_stackelberg import leader_config, make_game
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.runs.evaluate import evaluate
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.leaders.algorithms import LeaderProblem
from rllib_stackelberg.training.loop import restart
from rllib_stackelberg.training.runs import train

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]

# One of either kind with the fast tests; PPO is evaluated in test_user_slots.py.
QUICK = {("IMPALA", 1), ("DQN", 0)}
"""Evaluations that are tested with every change."""
OTHERS = [pytest.param(name, marks=pytest.mark.remote) for name in ("APPO", "SAC")]
REPEATED = [pytest.param("APPO", marks=pytest.mark.learning), OTHERS[1]]


@pytest.mark.parametrize("algorithm", ["IMPALA", "DQN", *OTHERS])
def test_a_run_keeps_a_certified_policy_through_fresh_starts(algorithm, tmp_path):
    options = TrainOptions.checked(
        game="simple-allocation", params={"messages": 2}, settings={"response_updates": 20}, algo=algorithm,
        max_iterations=3, restart_after=2, out=tmp_path / "run",
    )  # fmt: skip
    result = train(options)
    assert result["leader_value"] >= 1 / 3 - 1e-9
    assert result["exact_value"] == pytest.approx(2 / 3)
    assert evaluate(tmp_path / "run") == result
    lines = [json.loads(line) for line in (tmp_path / "run" / "progress.jsonl").read_text().splitlines()]
    assert lines[-1]["episodes"] == result["episodes"] >= 3 * 32


@pytest.mark.remote
@pytest.mark.parametrize("algorithm", ["APPO", "IMPALA", "SAC", "DQN"])
def test_every_algorithm_learns_to_earn_more_than_random_answers_do(algorithm, tmp_path):
    """Three answers must fit each other: while it explores a leader that does not learn gets .7, which is checked."""
    options = TrainOptions.checked(
        game="simple-allocation", params={"messages": 3}, settings={"response_updates": 100}, algo=algorithm,
        max_iterations=130, stop_at_optimum=True, out=tmp_path / "run",
    )  # fmt: skip
    train(options)
    lines = [json.loads(line) for line in (tmp_path / "run" / "progress.jsonl").read_text().splitlines()]
    returns = [line["mean_return"] for line in lines]
    assert returns[0] < 0.8
    assert returns[-1] > 0.95


@pytest.mark.parametrize("algorithm", ["IMPALA", *REPEATED])
def test_a_run_repeats_and_a_restart_reaches_learner_and_runner(algorithm):
    """Equal seeds, equal weights; after a restart, runner and learner hold the same fresh ones."""
    found = []
    for _ in range(2):
        algo = leader_config(algorithm, game="escape", seed=4, response_updates=5).build_algo()
        try:
            algo.train()
            trained = algo.get_module().export()
            restart(algo)
            fresh = algo.get_module().export()
            weights = algo.learner_group.get_weights()["default_policy"]
        finally:
            algo.stop()
        runner, learner = fresh.layers[-1][0], np.asarray(weights[f"pi.{2 * (len(fresh.layers) - 1)}.weight"])
        np.testing.assert_array_equal(runner, learner)
        assert not np.array_equal(runner, trained.layers[-1][0])
        found.append(trained.layers[-1][0])
    np.testing.assert_array_equal(*found)


EVALUATIONS = [
    pytest.param(name, runners, marks=pytest.mark.remote if (name, runners) in QUICK else pytest.mark.learning)
    for name in ("PPO", "APPO", "IMPALA", "SAC", "DQN")
    for runners in (0, 1)
]


@pytest.mark.parametrize(("algorithm", "runners"), EVALUATIONS)
def test_evaluation_workers_value_the_greedy_leader(algorithm, runners):
    """Followers with expected updates: every episode of the evaluation is worth what the exported policy is."""
    game, settings = make_game("simple-allocation"), LeaderSettings.checked(response_updates=5, update_mode="expected")
    config = leader_config(algorithm, game="simple-allocation", **settings.model_dump())
    config.env_runners(num_env_runners=runners, num_envs_per_env_runner=8)
    config.evaluation(evaluation_interval=1, evaluation_num_env_runners=runners, evaluation_duration=8)
    algo = config.build_algo()
    try:
        for _ in range(2):
            found = algo.train()["evaluation"]["env_runners"]
            module = algo.get_module()
            kept, learned = module.state_dict(), algo.learner_group.get_weights()["default_policy"]
            for name, value in kept.items():
                assert torch.equal(value, torch.as_tensor(learned[name])), name
            value = evaluate_policy(game, module.export().acting_in(game), settings.fitted(game))[1].leader_value
            assert found["num_episodes"] >= 8
            assert found["leader_value"] == pytest.approx(value)
    finally:
        algo.stop()


@pytest.mark.parametrize(
    ("game", "params", "given", "episodes"),
    [
        ("escape", {}, {}, 128),
        ("pricing", {"levels": 4}, {"response_updates": 10**6}, 64),
        ("pricing", {}, {"response_updates": 10**6}, 20),  # 50,625 courses of play in each table
        ("message-spm", {"buyers": 8, "types": 4}, {"leader_queries": "every_turn"}, 128),
    ],
)
def test_as_many_episodes_are_played_side_by_side_as_memory_allows(game, params, given, episodes):
    made = make_game(game, **params)
    learners = {"followers": "q-learning:foresight=1"} if game == "pricing" else {}
    settings = LeaderSettings.checked(**given, **learners).fitted(made)
    assert LeaderProblem(made, settings).parallel_episodes == episodes
