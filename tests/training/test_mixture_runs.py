"""Training against several models of followers, with real Ray: what a run leaves behind."""

import json
from pathlib import Path

import pytest

from rllib_stackelberg import LeaderSettings, evaluate, evaluate_strategy, make_game
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.runs import train

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]

MODELS = ["mw:epsilon=0.5", {"name": "slow", "followers": "mw:epsilon=0.01", "reward_play": "last", "weight": 3}]


def options(path, models, **changes):
    settings = {"response_updates": 20, "models": models}
    return TrainOptions.checked(
        game="simple-allocation", params={"messages": 2}, settings=settings, max_iterations=1, out=path, **changes
    )


@pytest.mark.page
def test_a_run_reports_the_value_under_each_model(tmp_path):
    result = train(options(tmp_path / "run", MODELS))
    game = make_game("simple-allocation", messages=2)
    strategy = LeaderStrategy.from_data(game, result["leader_strategy"])
    by_model = result["by_model"]
    assert [(model["name"], model["weight"]) for model in by_model] == [("mw:epsilon=0.5", 0.25), ("slow", 0.75)]
    alone = [{"followers": "mw:epsilon=0.5"}, {"followers": "mw:epsilon=0.01", "reward_play": "last"}]
    for model, fields in zip(by_model, alone, strict=True):
        settings = LeaderSettings.checked(response_updates=20, **fields)
        assert evaluate_strategy(strategy, settings).data().items() <= model.items()
    values = [model["leader_value"] for model in by_model]
    assert result["leader_value"] == pytest.approx(0.25 * values[0] + 0.75 * values[1], abs=1e-15)
    assert result["worst_value"] == min(values)
    assert evaluate(tmp_path / "run") == result
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Under each model of followers" in page
    assert all(model["name"] in page for model in by_model)


def test_a_run_against_a_mixture_of_one_is_a_run_against_that_model(tmp_path):
    runs = {
        "one": options(tmp_path / "one", ["mw:epsilon=0.5"]),
        "plain": TrainOptions.checked(
            game="simple-allocation", params={"messages": 2}, max_iterations=1, out=tmp_path / "plain",
            settings={"response_updates": 20, "followers": "mw:epsilon=0.5"},
        ),
    }  # fmt: skip
    found = {name: train(each) for name, each in runs.items()}
    only = found["one"].pop("by_model")[0]
    assert found["one"].pop("worst_value") == only["leader_value"] == found["plain"]["leader_value"]
    timed = {"seconds": None, "run_dir": None}
    assert found["one"] | timed == found["plain"] | timed
    policies = [Path(each.out or "", "policy.safetensors").read_bytes() for each in runs.values()]
    assert policies[0] == policies[1]
    lines = [json.loads((tmp_path / name / "progress.jsonl").read_text()) for name in runs]
    assert lines[0] | {"seconds": 0} == lines[1] | {"seconds": 0}
