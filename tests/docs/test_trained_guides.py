"""Guides that train: what they promise comes true, in few episodes."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rllib_stackelberg import evaluate, evaluate_strategy, load_policy, make_game, solve
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.leader.policy import LeaderNetwork, SeatNetwork
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.run import FiniteRun
from rllib_stackelberg.testing import game_test
from rllib_stackelberg.training.runs import train
from tests.docs.written import block_after, saved, text_of


@pytest.fixture
def few_responses(monkeypatch):
    """Runs are valued on few samples of the response and of plays."""
    monkeypatch.setattr("rllib_stackelberg.runs.run.evaluate_policy", partial(evaluate_policy, samples=8))
    for name in ("REWARD_PLAYS", "DEVIATION_PLAYS"):
        monkeypatch.setattr(f"rllib_stackelberg.evaluation.estimates.{name}", 16)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "no_page", "few_responses")
def test_a_game_of_six_followers_is_trained_through_seats(tmp_path, monkeypatch):
    """In at most 40 lines that say something: a choice and a number, a mask, seats."""
    code = saved("six_followers.md", "errand.py")
    assert len([line for line in code.splitlines() if line.strip()]) <= 40
    (tmp_path / "errand.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rllib_stackelberg.training.leaders.algorithms.LONG_EPISODES", 24)
    monkeypatch.setattr("rllib_stackelberg.evaluation.valuations.EVALUATION_LIMIT", 0)  # estimates
    game = make_game("errand.py:Errand")
    game_test(game)
    settings, seen = {"response_updates": 30}, []
    options = TrainOptions.checked(
        game="errand.py:Errand", settings=settings, max_iterations=12, seed=1, out=tmp_path / "run"
    )
    result = train(options, seen.append)
    # What the exploring leader gets rises, and the greedy one gets more than an offer of 3/4 to anybody.
    assert np.mean([each.mean_return for each in seen[-3:]]) > np.mean([each.mean_return for each in seen[:3]]) + 0.03
    assert 0.25 < result["leader_value"] < 0.75
    network = LeaderNetwork.load(tmp_path / "run")
    assert isinstance(network, SeatNetwork)
    eight = make_game("errand.py:Errand", workers=8)
    answer = network.acting_in(eight)(np.ones((1, 16), dtype=np.float32), np.ones((1, 8), dtype=bool))
    assert 0 <= answer[0, 0] < 8


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "no_page", "few_responses")
def test_somebody_elses_environment_is_led_in_under_20_lines(tmp_path, monkeypatch):
    """Training end to end: whatever is thrown is beaten, and the value of that has neither error nor exact value."""
    code = saved("lead_environment.md", "throws.py")
    assert len(code.strip().splitlines()) < 20
    (tmp_path / "throws.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, few in {"PARALLEL_EPISODES": 8, "LONG_EPISODES": 8}.items():
        monkeypatch.setattr(f"rllib_stackelberg.training.leaders.algorithms.{name}", few)
    settings = {"response_updates": 20, "reward_plays": 4}
    options = TrainOptions.checked(game="throws:Throws", settings=settings, max_iterations=2, out=tmp_path / "run")
    result = train(options)
    assert result["leader_value"] == pytest.approx(-1)
    assert result["standard_error"] == pytest.approx(0, abs=1e-12)
    assert result["exact_value"] is result["gap"] is None
    assert result["certificate"]["deviation_gain"] == 0
    assert not result["certificate"]["exact_expectation"]
    assert evaluate(tmp_path / "run", "throws:Throws") == result
    thrown = load_policy(tmp_path / "run", "throws:Throws")(np.eye(4)[3])
    assert [entry["action"] for entry in result["leader_strategy"]] == [thrown]


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_the_example_of_rllib_runs(capsys, monkeypatch):
    monkeypatch.setattr("rllib_stackelberg.training.leaders.algorithms.PARALLEL_EPISODES", 16)
    exec(compile(block_after(text_of("python.md"), "## RLlib in your own hands"), "python.md", "exec"), {})
    assert "leader_value" in capsys.readouterr().out


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "no_page")
def test_the_example_of_train_ends_in_a_certified_result(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made: dict = {}
    exec(compile(block_after(text_of("python.md"), "## One call"), "python.md", "exec"), made)
    result, game = made["result"], made["game"]
    again = evaluate(result.folder)
    assert result.value == again["leader_value"]
    assert result.certificate.data() == again["certificate"]
    assert result.folder == Path("runs/from-python")
    assert evaluate_strategy(result.strategy, FiniteRun.open(result.folder).settings).leader_value == result.value
    assert solve(game).leader_value == result.exact == 1.0


def test_the_example_of_a_mixture_makes_a_configuration():
    made: dict = {}
    exec(compile(block_after(text_of("python.md"), "## Several follower models"), "python.md", "exec"), made)
    models = LeaderSettings.checked(**made["config"].env_config["settings"]).parts
    assert [(part.name, round(part.probability, 3)) for part in models] == [("mw:epsilon=0.1", 0.333), ("hasty", 0.667)]
