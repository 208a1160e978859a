"""What the README shows is run."""

import re
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import rllib_stackelberg
from rllib_stackelberg import evaluate, evaluate_strategy, load_policy, make_game, solve
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.leader.policy import LeaderNetwork, SeatNetwork
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.ties import RULES
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.run import FiniteRun
from rllib_stackelberg.testing import game_test
from rllib_stackelberg.training.runs import train

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def few_responses(monkeypatch):
    """Runs are valued on few samples of the response and of plays."""
    monkeypatch.setattr("rllib_stackelberg.runs.run.evaluate_policy", partial(evaluate_policy, samples=8))
    for name in ("REWARD_PLAYS", "DEVIATION_PLAYS"):
        monkeypatch.setattr(f"rllib_stackelberg.evaluation.estimates.{name}", 16)


def block(after: str) -> str:
    return re.search(r"```python\n(.*?)```", README[README.index(after) :], re.S).group(1)


def test_your_own_game_is_under_40_lines_and_works(tmp_path, monkeypatch):
    code = block("## Your own game")
    assert len(code.strip().splitlines()) < 40
    (tmp_path / "posted_price.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    game = make_game("posted_price:PostedPrice", values=4)
    game_test(game)
    solution = solve(game)
    # Closed form: the best price times the share of values above it; at its own value a buyer may buy (optimistic).
    best = max(p / 8 * sum((v + 1) / 4 >= p / 8 for v in range(4)) / 4 for p in range(9))
    assert solution.leader_value == pytest.approx(best)
    # Learners break that tie by not buying: against them the price must leave the buyer something.
    strict = max(p / 8 * sum((v + 1) / 4 > p / 8 for v in range(4)) / 4 for p in range(9))
    reached = max(
        evaluate_strategy(LeaderStrategy.from_pairs(game, [(0, p)]), LeaderSettings()).leader_value for p in range(9)
    )
    assert reached == pytest.approx(strict)
    assert strict < best


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "no_page")
def test_your_own_game_is_trained_to_a_certified_result(tmp_path, monkeypatch):
    (tmp_path / "posted_price.py").write_text(block("## Your own game"))
    monkeypatch.chdir(tmp_path)
    game = "posted_price.py:PostedPrice"
    result = rllib_stackelberg.train(game, {"values": 4}, max_iterations=12, out=tmp_path / "run")
    assert result.value == pytest.approx(5 / 8 * 2 / 4)  # the two of four who value it above 5/8
    assert result.certificate.equilibrium
    assert evaluate(tmp_path / "run", game) == result.data
    # The gap to .375 is explained, in the README's words.
    quoted = re.search(r"<!-- gap note -->\n```\n(.*?)```", README, re.S).group(1)
    assert result.data["gap"] == pytest.approx(0.0625)
    assert result.data["gap_note"] == " ".join(quoted.split())
    helped = rllib_stackelberg.train(game, {"values": 4}, max_iterations=12, ties="leader", out=tmp_path / "helped")
    assert (helped.value, helped.data["gap"]) == pytest.approx((0.375, 0))
    assert evaluate(tmp_path / "helped", game) == helped.data
    assert evaluate(tmp_path / "helped", game, ties="lowest")["leader_value"] == pytest.approx(0.25)


def test_the_table_of_auctions_is_what_bidders_learn():
    game = make_game("auction", values=100, chooses=["reserve", "second_price", "fee", "all_pay"])
    rows = re.findall(r"^\| ([\d., ]+) \| .* \| (\.\d{4}) \| ([.\d]+) \|$", README, re.M)
    assert len(rows) == 8
    settings = LeaderSettings.checked(followers="regret-matching-plus", response_updates=1000)
    for terms, value, gain in rows:
        strategy = LeaderStrategy.from_pairs(game, [(0, tuple(map(float, terms.split(", "))))])
        found = evaluate_strategy(strategy, settings)
        assert found.leader_value == pytest.approx(float(value), abs=6e-5)
        assert found.certificate.deviation_gain == pytest.approx(float(gain), abs=6e-5)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "no_page", "few_responses")
def test_a_game_of_six_followers_is_trained_through_seats(tmp_path, monkeypatch):
    """In at most 40 lines that say something: a choice and a number, a mask, seats."""
    code = block("### A game of six followers")
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


def test_the_table_of_ties_is_what_solve_finds(tmp_path, monkeypatch):
    (tmp_path / "posted_price.py").write_text(block("## Your own game"))
    monkeypatch.chdir(tmp_path)
    found = solve(make_game("posted_price.py:PostedPrice", values=4))
    section = README[README.index("## Ties") : README.index("## Lead somebody else's environment")]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([.\d]+) \| ([.\d]+) \|$", section, re.M)
    assert [ties for ties, _, _ in rows] == list(RULES)
    assert found.by_ties == {ties: float(own) for ties, own, _ in rows}
    assert found.best_by_ties == {ties: float(best) for ties, _, best in rows}
    assert found.leader_strategy == ((0, 4),)


def test_the_tables_of_posted_prices_are_what_solve_finds():
    section = README[README.index("## Posted prices") : README.index("## Lead somebody else's environment")]
    rows = re.findall(r"^\| `setting=([\w-]+)` \| ([.\d]+) \| ([.\d]+) \| ([.\d]+) \|$", section, re.M)
    assert len(rows) == 5
    for setting, static, optimum, bound in rows:
        game = make_game("posted-prices", setting=setting)
        found = game.baselines()["the same prices for everybody"], solve(game).leader_value, game.bound().value
        assert found == pytest.approx([float(static), float(optimum), float(bound)], rel=2e-5)
    (apart,) = re.findall(r"^\| 5, 5 \| ([.\d]+) \| ([.\d]+) \|", section, re.M)
    game = make_game("posted-prices", prices="items")
    static = game.baselines()["the same prices for everybody"]
    assert [static, solve(game).leader_value] == pytest.approx(list(map(float, apart)), abs=5e-4)


def test_the_table_of_trees_is_what_solve_finds(capsys):
    section = README[README.index("## Games in extensive form") : README.index("## From Python")]
    found = []
    for commands, optima in re.findall(r"^\| (`solve .*`) \| ([^|:]+)", section, re.M):
        for command, optimum in zip(re.findall(r"`solve ([^`]+)`", commands), optima.split(","), strict=True):
            name, *given = command.split()
            value = solve(make_game(name, **dict(each.split("=", 1) for each in given))).leader_value
            assert value == pytest.approx(float(Fraction(optimum.strip())), abs=5e-5), command
            found.append(command)
    assert len(found) >= 9
    exec(compile(block("Your own tree"), "README.md", "exec"), {})
    assert capsys.readouterr().out == "2.0\n"


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local", "few_responses")
def test_somebody_elses_environment_is_led_in_under_20_lines(tmp_path, monkeypatch):
    """Training end to end: whatever is thrown is beaten, and the value of that has neither error nor exact value."""
    code = block("## Lead somebody else's environment")
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
def test_the_python_example_runs(capsys, monkeypatch):
    monkeypatch.setattr("rllib_stackelberg.training.leaders.algorithms.PARALLEL_EPISODES", 16)
    exec(compile(block("## From Python"), "README.md", "exec"), {})
    assert "leader_value" in capsys.readouterr().out


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_the_example_of_train_ends_in_a_certified_result(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made: dict = {}
    exec(compile(block("`train` is the command from Python"), "README.md", "exec"), made)
    result, game = made["result"], made["game"]
    again = evaluate(result.folder)
    assert result.value == again["leader_value"]
    assert result.certificate.data() == again["certificate"]
    assert result.folder == Path("runs/from-python")
    assert evaluate_strategy(result.strategy, FiniteRun.open(result.folder).settings).leader_value == result.value
    assert solve(game).leader_value == result.exact == 1.0


def test_the_example_of_a_mixture_makes_a_configuration():
    made: dict = {}
    exec(compile(block("One learner is one model"), "README.md", "exec"), made)
    models = LeaderSettings.checked(**made["config"].env_config["settings"]).parts
    assert [(part.name, round(part.probability, 3)) for part in models] == [("mw:epsilon=0.1", 0.333), ("hasty", 0.667)]


def test_every_command_of_the_readme_exists():
    from rllib_stackelberg.cli import app

    names = {command.callback.__name__ for command in app.registered_commands}
    used = set(re.findall(r"rllib-stackelberg ([a-z]+)", README))
    assert used <= names
    for script in re.findall(r"tuned_examples/[a-z_/]+\.py", README):
        assert (Path(__file__).parents[1] / script).exists()
