"""What tuned examples share: arms that play the same episodes, and tables over seeds."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from rllib_stackelberg import make_game
from rllib_stackelberg.evaluation import estimates
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.training import examples
from rllib_stackelberg.training.examples import Example, summarise, turns_of_an_episode

ANY = ("none", lambda rows: True)


@pytest.mark.parametrize(
    ("game", "settings", "turns"),
    [
        # An update plays every own action of every follower once; the reward phase every type.
        ("simple-allocation", {"leader_queries": "every_turn"}, 10 * 3 + 3),
        ("matrix-design", {"leader_queries": "every_turn"}, 10 * 4 + 1),
        ("simple-allocation", {}, 3),
    ],
)
def test_turns_of_an_episode(game, settings, turns):
    checked = LeaderSettings.checked(response_updates=10, **settings).fitted(make_game(game))
    assert turns_of_an_episode(make_game(game), checked) == turns


def test_a_summary_shows_mean_and_standard_error():
    found = {"arm": [{"value": 1.0}, {"value": 2.0}, {"value": 3.0}]}
    shown = io.StringIO()
    Console(width=80, file=shown).print(summarise(found, ["value"]))
    assert "2.0 ± 0.6" in shown.getvalue()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_beside_a_game_without_an_optimum_stand_a_bound_and_luck_on_fresh_plays(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "LUCK_EPISODES", 128)
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 50)
    large = Example("message-spm", ANY, {"buyers": 7}, {"response_updates": 5}, parallel=8, max_iterations=1)
    row = large.run(0, tmp_path / "run")
    assert row["exact"] is None
    assert row["bound"] == 0
    assert row["without messages"] == pytest.approx(-0.0144033, abs=1e-6)
    assert row["random_mean"] < row["random_judged"] < 0


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_arms_play_the_same_number_of_episodes_however_the_leader_is_asked(tmp_path):
    once = Example(
        "matrix-design", ANY, settings={"response_updates": 4}, parallel=8, max_iterations=3,
        judged={"response_updates": 4, "update_mode": "expected"},
    )  # fmt: skip
    turns = {"leader_queries": "every_turn", "response_transitions": 0.0, "response_updates": 4}
    for name, example in {"once": once, "turns": replace(once, settings=turns)}.items():
        row = example.run(0, tmp_path / name)
        assert row["episodes"] == 3 * 8
        lines = (tmp_path / name / "progress.jsonl").read_text().splitlines()
        assert [json.loads(line)["episodes"] for line in lines] == [8, 16, 24]
        assert 1.0 <= row["judged"] <= 10 / 6 + 1e-9
        assert 1.0 <= row["random_judged"] <= 10 / 6 + 1e-9
