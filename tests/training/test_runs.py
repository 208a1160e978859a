"""Training end to end, with real Ray: what it leaves behind, what it repeats, how it stops."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ray.rllib.core.columns import Columns

from rllib_stackelberg import evaluate, leader_config, load_policy, make_game, respond
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.evaluation import estimates
from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.response import sampled_engine
from rllib_stackelberg.response.fields import PLAYS_ASKED_ONCE
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.leaders.beginnings import Beginning, Beginnings
from rllib_stackelberg.training.leaders.search import SETTLED_TOLERANCE, Search
from rllib_stackelberg.training.leaders.snapshots import BestSnapshot
from rllib_stackelberg.training.loop import restart
from rllib_stackelberg.training.runs import train, training

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]

QUICK = {"settings": {"response_updates": 30}, "max_iterations": 3, "stop_at_optimum": False}


def run(tmp_path, name="run", **changes):
    options = QUICK | {"game": "simple-allocation", "params": {"messages": 2}} | changes
    return train(TrainOptions.checked(out=tmp_path / name, **options))


def without_time(result):
    """The verdict's advice names a time, too."""
    verdict = {name: value for name, value in result["verdict"].items() if name != "advice"}
    timeless = {name: value for name, value in result.items() if name not in ("seconds", "run_dir")}
    return timeless | {"verdict": verdict}


@pytest.mark.page
def test_a_result_is_there_before_the_run_has_been_cleaned_up(tmp_path):
    options = QUICK | {"game": "escape", "max_iterations": 1}
    with training(TrainOptions.checked(out=tmp_path / "run", **options)) as result:
        assert json.loads((tmp_path / "run" / "result.json").read_text()) == json.loads(json.dumps(result))
        assert not (tmp_path / "run" / "report.html").exists()
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.page
def test_a_run_leaves_everything_behind_and_its_policy_alone_reproduces_the_result(tmp_path):
    result = run(tmp_path)
    folder = Path(result["run_dir"])
    files = {path.name for path in folder.iterdir()}
    assert files == {
        "checkpoints", "config.json", "policy.json", "policy.safetensors", "progress.jsonl", "report.html",
        "result.json", "tensorboard", "training.json",
    }  # fmt: skip
    assert json.loads((folder / "result.json").read_text()) == json.loads(json.dumps(result))
    assert len((folder / "progress.jsonl").read_text().splitlines()) == 3
    config = json.loads((folder / "config.json").read_text())
    assert config["seed"] == 0
    assert config["settings"]["response_updates"] == 30
    assert "ray" in config["versions"]
    assert evaluate(folder) == result
    keys = {
        "leader_value", "standard_error", "play", "exact_value", "gap", "certificate", "episodes", "seconds",
        "run_dir", "leader_strategy", "mean_return",
    }  # fmt: skip
    assert keys <= result.keys()
    game = make_game("simple-allocation", messages=2)
    again = respond(game, result["leader_strategy"], updates=30)
    assert again.leader_value == result["leader_value"]
    assert again.certificate.data() == result["certificate"]
    policy = load_policy(folder)
    for entry in result["leader_strategy"]:
        assert policy(np.eye(3)[entry["question"]]) == entry["action"]


def test_a_report_that_fails_does_not_cost_the_result(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("rllib_stackelberg.training.running.reporting.write_page", fail)
    with pytest.warns(RuntimeWarning, match=r"no report\.html: OSError\('disk full'\)"):
        result = run(tmp_path, max_iterations=1)
    folder = Path(result["run_dir"])
    assert json.loads((folder / "result.json").read_text())["leader_value"] == result["leader_value"]
    assert not (folder / "report.html").exists()


def test_no_other_loop_is_compiled_in_mid_training(tmp_path, monkeypatch):
    """The one for a number of actions is worth it after the first iteration, and known to be from the start."""
    choose, chosen = sampled_engine.chosen_phase, []
    monkeypatch.setattr(sampled_engine, "chosen_phase", lambda *given: chosen.append(choose(*given)) or chosen[-1])
    monkeypatch.setattr(sampled_engine, "has_kept", lambda *given: False)
    monkeypatch.setattr(sampled_engine, "_learned", Counter())
    parallel = leader_config("PPO", game="simple-allocation").num_envs_per_env_runner
    monkeypatch.setattr(sampled_engine, "MANY_UPDATES", 2 * 30 * parallel)
    run(tmp_path)
    assert len(chosen) > 5
    assert set(chosen) == {sampled_engine.sampled_phase(1, 2)}


def test_the_same_seed_repeats_the_result_and_another_does_not(tmp_path):
    first, second, other = (
        run(tmp_path, name, seed=seed, max_iterations=3) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert without_time(first) == without_time(second)
    assert first["mean_return"] != other["mean_return"]


def test_a_large_instance_trains_and_its_policy_and_answers_reproduce_the_value(tmp_path, monkeypatch):
    """Eight buyers: 6^8 questions, 6^8 outcomes; no flag is needed, and nothing is summed exactly."""
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 100)
    monkeypatch.setattr(estimates, "DEVIATION_PLAYS", 16)
    small = {"game": "message-spm", "params": {"buyers": 8}, "settings": {"response_updates": 2}, "max_iterations": 2}
    result = run(tmp_path, **small)
    folder = Path(result["run_dir"])
    assert json.loads((folder / "config.json").read_text())["settings"]["reward_plays"] == PLAYS_ASKED_ONCE
    assert len((folder / "progress.jsonl").read_text().splitlines()) == 2
    assert not result["certificate"]["exact_expectation"]
    assert result["exact_value"] is None
    assert 0 < result["questions"] == len(result["leader_strategy"]) < 6**8
    assert evaluate(folder) == result
    again = respond(make_game("message-spm", buyers=8), result["leader_strategy"], updates=2)
    assert (again.leader_value, again.standard_error) == (result["leader_value"], result["standard_error"])


def test_every_turn_trains_and_its_answers_are_executed_as_recorded():
    config = leader_config(
        "PPO", game="simple-allocation", game_config={"types": 2, "messages": 2}, leader_queries="every_turn",
        response_updates=3,
    )  # fmt: skip
    config.env_runners(num_envs_per_env_runner=4)
    config.training(train_batch_size_per_learner=200, minibatch_size=200, num_epochs=1)
    algo = config.build_algo()
    try:
        algo.train()
        checked = 0
        for episode in algo.env_runner.sample(num_timesteps=400, explore=True):
            answers = {}
            seen = episode.get_observations(slice(0, len(episode)))["actor"]
            logps = episode.get_extra_model_outputs(Columns.ACTION_LOGP)
            for actor, action, logp in zip(seen, episode.get_actions(), logps, strict=True):
                known = answers.setdefault(actor.tobytes(), (int(action), float(logp)))
                assert known == (int(action), float(logp))
                checked += 1
        assert checked >= 400
    finally:
        algo.stop()


def test_metrics_reach_rllibs_results_and_the_config_is_an_ordinary_one():
    config = leader_config("PPO", game="matrix-design", response_updates=20, critic="local")
    config.training(lr=1e-4)
    algo = config.build_algo()
    try:
        runners = algo.train()["env_runners"]
        assert 1.0 <= runners["leader_value"] <= 10 / 6
        assert runners["follower_regret"] >= 0
        assert runners["episode_return_mean"] == pytest.approx(runners["leader_value"], abs=0.1)
    finally:
        algo.stop()


def test_a_game_class_can_be_handed_over_itself():
    from tests.games_for_tests import NoisyAllocation

    config = leader_config("PPO", game=NoisyAllocation, game_config={"noise": 0.1}, response_updates=10)
    algo = config.build_algo()
    try:
        assert algo.train()["env_runners"]["leader_value"] > 0
    finally:
        algo.stop()


def test_a_game_that_breaks_stops_the_run_by_name_and_has_no_result(tmp_path):
    options = TrainOptions.checked(
        game="tests.games_for_tests:BrokenGame", params={"noise": 0}, out=tmp_path / "run", max_iterations=5
    )
    with pytest.raises(RulesError, match=r"BrokenGame.*leader_0.*allocate"):
        train(options)
    assert (tmp_path / "run" / "config.json").exists()
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("scale", [pytest.param(1e-12, marks=pytest.mark.learning), 1e12])
def test_payoffs_of_any_size_train(tmp_path, scale):
    matrices = {
        "leader": (np.array([[2, 4], [1, 3]]) * scale).tolist(),
        "follower": (np.array([[1, 0], [0, 1]]) * scale).tolist(),
    }
    result = run(tmp_path, game="bimatrix", params=matrices, max_iterations=15)
    assert result["leader_value"] == pytest.approx(3 * scale)
    assert result["gap"] == pytest.approx(0, abs=1e-9 * scale)
    assert result["mean_return"] > 2.5 * scale


@pytest.mark.parametrize(
    ("game", "params", "value"),
    [
        ("bimatrix", {"leader": [[3, 3], [3, 3]], "follower": [[1, 1], [1, 1]]}, 3),
        pytest.param("bimatrix", {"leader": [[3], [4]], "follower": [[0], [0]]}, 4, marks=pytest.mark.learning),
        pytest.param("simple-allocation", {"types": 1, "messages": 1}, 1, marks=pytest.mark.learning),
    ],
)
def test_degenerate_games_train(tmp_path, game, params, value):
    result = run(tmp_path, game=game, params=params, max_iterations=4)
    assert result["leader_value"] == pytest.approx(value)
    assert result["gap"] == pytest.approx(0)


def test_bad_algorithms_are_refused():
    with pytest.raises(InvalidFieldError, match="algorithm"):
        leader_config("Nope", game="escape")
    with pytest.raises(InvalidFieldError, match="critic"):
        leader_config("PPO", game="escape", critic="none")
    with pytest.raises(InvalidFieldError, match="messages"):
        leader_config("PPO", game="simple-allocation", game_config={"messages": 0})


class Found:
    def __init__(self, value, equilibrium):
        self.leader_value = value
        self.certificate = type("C", (), {"equilibrium": equilibrium})()


def test_the_best_snapshot_is_valuable_first_and_an_equilibrium_second():
    best = BestSnapshot(tolerance=1e-3)
    for name, value, equilibrium in [
        ("poor", 0.5, True), ("good", 0.9, False), ("stable", 0.8995, True), ("worse", 0.8993, True),
        ("loose", 0.9001, False), ("best", 0.95, False),
    ]:  # fmt: skip
        best.offer(name, Found(value, equilibrium))
        expected = {"poor": "poor", "good": "good", "best": "best"}.get(name, "stable")
        assert best.network == expected


def test_a_run_can_end_once_the_certified_optimum_is_learned(tmp_path):
    result = run(tmp_path, game="escape", params={}, max_iterations=400, stop_at_optimum=True, settings={})
    assert result["leader_value"] == 1.0
    assert result["certificate"]["equilibrium"]
    assert result["iterations"] < 400
    assert result["mean_return"] >= 1 - SETTLED_TOLERANCE


def test_leaders_restart_only_while_there_is_something_left_to_find():
    options = TrainOptions.checked(game="escape", max_iterations=9, restart_after=3)
    search = Search(options, options.rules, options.resolved_settings)
    assert [k for k in range(9) if search.restarts(k, 0.0)] == [3, 6]
    search = Search(options, options.rules, options.resolved_settings)
    search.optimal = True
    assert not any(search.restarts(k, 0.0) for k in range(9))


def test_by_default_leaders_start_afresh_where_another_schedule_fits_and_more_is_known_to_be_had():
    options = TrainOptions.checked(game="escape", max_iterations=100)
    search = Search(options, options.rules, options.resolved_settings, schedule=30)
    assert [k for k in range(100) if search.restarts(k, 0.0)] == [30, 60]  # at 90 there are ten iterations left
    by_time = options.model_copy(update={"max_iterations": None, "max_seconds": 10.0})
    search = Search(by_time, options.rules, options.resolved_settings, schedule=30)
    assert [k for k in range(100) if search.restarts(k, 0.1 * k)] == [30, 60]
    search = Search(options, options.rules, options.resolved_settings, schedule=30)
    search.target.value = None
    assert not any(search.restarts(k, 0.0) for k in range(100))
    going_on = options.model_copy(update={"stop_at_optimum": False})
    search = Search(going_on, options.rules, options.resolved_settings, schedule=30)
    assert not any(search.restarts(k, 0.0) for k in range(100))


def test_fresh_leaders_look_closely_around_the_best_answer_until_that_is_of_no_more_use():
    class Said:
        def close(self, network):
            return network

        def lucky(self, number):
            return number

    options = TrainOptions.checked(game="escape", max_iterations=9)
    search = Search(options, options.rules, options.resolved_settings)
    begun = [search.beginning(Said())]
    for name, value in [("a", 0.5), ("a", 0.5), ("b", 0.5001), ("c", 0.8), ("c", 0.8)]:
        search.best.offer(name, Found(value, True))
        begun.append(search.beginning(Said()))
    assert begun == [None, "a", None, 4, "c", 6]


def test_a_run_of_several_beginnings_repeats(tmp_path):
    """The first leader, one close to its best answer, and a lucky one."""
    given = {"game": "maintain", "params": {"mixed": True}, "settings": {"response_updates": 20}}
    found = [run(tmp_path / name, **given, max_iterations=9, restart_after=3) for name in "ab"]
    assert found[0]["leader_strategy"] == found[1]["leader_strategy"]
    assert found[0]["leader_value"] == found[1]["leader_value"] > 0.5


def test_beginnings_are_good_answers_and_repeat():
    """Tolls for eight drivers on Braess's network: no slope leads to those that are worth most."""
    game = make_game("congestion", network="braess", drivers=4)
    settings = TrainOptions.checked(game="congestion").resolved_settings
    found = [Beginnings(game, settings.fitted(game), seed=1, episodes=64).lucky(number) for number in (0, 0, 1)]
    assert np.array_equal(found[0].point, found[1].point)
    assert not np.array_equal(found[0].point, found[2].point)
    network = LeaderNetwork(((np.zeros((5, 1)), np.full(5, 0.3)),), discrete=False)
    np.testing.assert_allclose(Beginnings(game, settings.fitted(game), 1, 8).close(network).point, 0.3)
    worth = [StackelbergPOMDP(game, settings, 64, seed=5) for _ in range(2)]
    random = np.random.default_rng(0).random((64, 5))
    for env, points in zip(worth, (np.tile(found[0].point, (64, 1)), random), strict=True):
        env.begin(np.arange(64))
        env.answer(env.front(np.arange(64)), points)
    lucky, usual = (env.elicitation.value.mean() for env in worth)
    assert lucky > usual + 0.5 * (game.bound().value - usual)


def test_a_restart_reaches_learner_and_runner():
    algo = leader_config("PPO", game="maintain", game_config={"mixed": True}, response_updates=10).build_algo()
    try:
        for _ in range(3):
            algo.train()
        learned = float(algo.env_runner.module.pi[-1].weight.detach().norm())
        restart(algo)
        fresh = algo.env_runner.module
        np.testing.assert_array_equal(
            fresh.pi[-1].weight.detach().numpy(), algo.get_module().pi[-1].weight.detach().numpy()
        )
        assert float(fresh.pi[-1].weight.detach().norm()) == pytest.approx(0.01 * 3**0.5, rel=1e-3)
        assert learned > 0.02
        algo.train()  # the learner must know the runner's weights from its own
        # It is asked one question for numbers: it began afresh at a random answer, a fifth into its schedule.
        assert float(algo.get_module().log_std) == pytest.approx(-2 - 5 / 150)
        point = np.array([0.1, 0.5, 0.8])
        restart(algo, Beginning(point, 0.4, 1.3))
        begun = algo.env_runner.module.export()
        np.testing.assert_allclose(begun.greedy(np.zeros((1, begun.layers[0][0].shape[1])))[0], point, atol=1e-6)
        algo.train()
        assert float(algo.get_module().log_std) == pytest.approx(-3 - 5 / 150)
        assert algo.learner_group.get_state()["learner"]["end"] == 1.3
    finally:
        algo.stop()
