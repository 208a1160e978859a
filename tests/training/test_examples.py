"""What tuned examples share: arms that play the same episodes, and tables over seeds."""

import importlib.util
import json
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.evaluation import estimates
from rllib_stackelberg.reports.recorded_tables import WRITTEN_BY
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training import examples
from rllib_stackelberg.training.batches import turns_of_an_episode
from rllib_stackelberg.training.example_tables import mean_of, median_and, median_of, optimum
from rllib_stackelberg.training.examples import COLUMNS, Example

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


def test_a_line_summarises_what_is_known_over_seeds():
    rows = [{"value": value, "exact": None, "bound": bound} for value, bound in ((1.0, 4), (2.0, 4), (3.0, None))]
    assert mean_of("value")(None, rows) == "2.0 ± 0.6"
    assert mean_of("value")(None, rows[:1]) == "1"
    assert median_and(min, "value")(None, rows) == "2, 1"
    assert median_and(max, "exact")(None, rows) == "-, -"
    assert median_of("episodes")(None, [{"episodes": 12_480}]) == "12,480"
    assert optimum(None, rows) == "at most 4"


MANY = Path(__file__).parents[2] / "tuned_examples" / "ppo" / "many_followers_ppo.py"


@pytest.fixture(scope="module")
def many():
    spec = importlib.util.spec_from_file_location(MANY.stem, MANY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_many_followers_are_led_by_the_plain_defaults(many, tmp_path):
    """What the command makes of the game's parameters and `--max-seconds` alone."""
    for example in many.EXAMPLES:
        plain = TrainOptions.checked(
            game="message-spm", params=example.params, max_seconds=example.max_seconds, seed=3, out=tmp_path
        )
        assert example.options(3, tmp_path) == plain


def made_row(seed, value, **columns):
    return {
        "seed": seed, "value": value, "error": 1e-4, "exact": None, "exact_without": -0.03, "bound": 0.0,
        "deviation_gain": 0.0, "equilibrium": True, "mean_return": value - 0.002, "random_best": -0.01,
        "random_mean": -0.1, "random_judged": -0.05, "episodes": 640, "seconds": 60.0,
    } | columns  # fmt: skip


def run_main(monkeypatch, examples_of, found, *options, **tables):
    """The command line, with rows in the place of training."""
    run = lambda self, seed, out: made_row(seed, found[seed], mean_return=-0.004)  # noqa: E731
    monkeypatch.setattr(Example, "run", run)
    monkeypatch.setattr(examples, "ray_session", nullcontext)
    monkeypatch.setattr(sys, "argv", [str(MANY), "--seeds", str(len(found)), *options])
    examples.main(examples_of, None, **tables)


def test_instances_are_run_one_by_one_and_all_are_shown(many, tmp_path, monkeypatch, capsys):
    """Lines of other instances stay in the table; a seed counts that is within its bar, and one that has settled."""
    values = {"buyers=5": [-0.0009, -0.0011], "buyers=8": [-0.001, -0.0029]}
    for only, found in values.items():
        run_main(
            monkeypatch, many.EXAMPLES, found, "--only", f"{only} types=3", "--out", str(tmp_path), columns=many.SHOWN
        )
    rows = json.loads((tmp_path / f"{MANY.stem}.json").read_text())
    assert {name: [row["value"] for row in each["behind"]] for name, each in rows.items()} == {
        f"PPO message-spm {buyers} types=3": found for buyers, found in values.items()
    }
    text = (tmp_path / f"{MANY.stem}.md").read_text()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "=3` |" in line]
    assert [(line[0], line[-2:]) for line in cells] == [
        ("`message-spm buyers=5 types=3`", ["1 of 2", "1 of 2"]),
        ("`message-spm buyers=8 types=3`", ["2 of 2", "2 of 2"]),
    ]
    assert "-0.00195, -0.0029" in cells[1]
    commands = [match["command"] for match in WRITTEN_BY.finditer(text)]
    script = "python tuned_examples/ppo/many_followers_ppo.py --seeds 2"
    assert commands == [f"{script} --only '{only} types=3'" for only in values]
    shown = capsys.readouterr().out.split("over seeds")[-1]
    assert [line.split()[0:3] for line in shown.splitlines() if "=3" in line] == [
        ["message-spm", buyers, "types=3"] for buyers in values
    ]


def test_several_scripts_write_one_table_and_one_with_other_columns_is_refused(many, tmp_path, monkeypatch, capsys):
    options = ["--out", str(tmp_path), "--table", "small", "--max-seconds", "3"]
    for algo in ("PPO", "SAC"):
        run_main(monkeypatch, [Example("escape", ANY, algo=algo)], [1.0], *options)
    lines = (tmp_path / "small.md").read_text().splitlines()
    assert [line.split(" | ")[:4] for line in lines if "escape" in line] == [
        ["| `escape`", algo, "at most 0", "1, 1"] for algo in ("PPO", "SAC")
    ]
    written = [line for line in lines if "_ppo.py --seeds 1 --max-seconds 3 --table small --out DIR`" in line]
    assert len(written) == 1
    with pytest.raises(SystemExit, match="2"):
        run_main(monkeypatch, many.EXAMPLES, [1.0], *options, columns=many.SHOWN)
    assert "small.md has other columns" in capsys.readouterr().err


def test_a_command_that_is_interrupted_has_not_written_its_table(tmp_path, monkeypatch):
    interrupted = [Example("escape", ANY), Example("maintain", ("fails", lambda rows: rows[1]))]
    with pytest.raises(IndexError):
        run_main(monkeypatch, interrupted, [1.0], "--out", str(tmp_path))
    text = (tmp_path / f"{MANY.stem}.md").read_text()
    assert "`escape`" in text
    assert not WRITTEN_BY.search(text)


def test_bars_are_failed_by_a_value_a_gain_or_a_return(many):
    bars = {example.name: example.bar[1] for example in many.EXAMPLES}
    small, large = bars["message-spm types=4"], bars["message-spm buyers=64 types=33 anonymous=True"]
    assert small([made_row(0, 0.0)])
    for bad in (made_row(0, -0.0011), made_row(0, 0.0, deviation_gain=0.1), made_row(0, 0.0, mean_return=-0.0031)):
        assert not small([bad])
    assert large([made_row(0, -0.014)] * 3)
    assert not large([made_row(0, -0.014)] * 2 + [made_row(2, -0.016)])


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
        line = {heading: cell(example, [row]) for heading, cell in COLUMNS.items()}
        assert (line["game"], line["exact optimum"], line["episodes"]) == ("`matrix-design`", "1.6667", "24")
