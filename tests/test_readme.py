"""The README: one screen, whose game and commands work, and whose findings are those of the recorded results."""

import json
import math
import re

import pytest

import rllib_stackelberg
from rllib_stackelberg import evaluate, evaluate_strategy, make_game, solve
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.testing import game_test
from tests.docs.written import README, ROOT, block_after, text_of, whole


def test_it_is_of_one_screen():
    assert len(README.encode()) <= 8_000


def test_your_own_game_is_under_40_lines_and_works(tmp_path, monkeypatch):
    code = block_after(README, "## Your own game")
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
    (tmp_path / "posted_price.py").write_text(block_after(README, "## Your own game"))
    monkeypatch.chdir(tmp_path)
    game = "posted_price.py:PostedPrice"
    result = rllib_stackelberg.train(game, {"values": 4}, max_iterations=12, out=tmp_path / "run")
    assert result.value == pytest.approx(5 / 8 * 2 / 4)  # the two of four who value it above 5/8
    assert result.certificate.equilibrium
    assert evaluate(tmp_path / "run", game) == result.data
    # The gap to .375 is explained, in the words of the page on ties.
    quoted = re.search(
        r"<!-- gap note -->\n```\n(.*?)```", (ROOT / "docs" / "ties.md").read_text(encoding="utf-8"), re.S
    ).group(1)
    assert result.data["gap"] == pytest.approx(0.0625)
    assert result.data["gap_note"] == " ".join(quoted.split())
    helped = rllib_stackelberg.train(game, {"values": 4}, max_iterations=12, ties="leader", out=tmp_path / "helped")
    assert (helped.value, helped.data["gap"]) == pytest.approx((0.375, 0))
    assert evaluate(tmp_path / "helped", game) == helped.data
    assert evaluate(tmp_path / "helped", game, ties="lowest")["leader_value"] == pytest.approx(0.25)


def numbers_in(page, pattern):
    """Every row of a page's tables that has that form, as numbers."""
    found = [match.groups() for match in re.finditer(pattern, whole(text_of(page)), re.M)]
    return [[float(number.replace(",", "")) for number in row] for row in found]


NUMBER = r"(-?[.\d,]*\d)"


def test_small_games_are_solved_as_it_says():
    found = numbers_in("measured/small_games.md", rf"^\| `\w.*?\| {NUMBER} \| {NUMBER}, {NUMBER} \|")
    assert len(found) == 11
    assert max((optimum - worst) / optimum for optimum, _, worst in found) < 0.002


def test_the_ablation_says_what_it_says():
    data = json.loads((ROOT / "tuned_examples" / "results" / "ablation.json").read_text(encoding="utf-8"))
    arms = {(arm["instance"], arm["arm"]): arm for arm in data["arms"]}
    for game in ("simple-allocation, 3 messages", "matrix-design"):
        central, local = (arms[game, f"Stackelberg POMDP, {name}"] for name in ("MAPPO", "PPO"))
        assert central["mean"] - local["mean"] < 2 * math.hypot(central["error"], local["error"])
        for complete, name in ((central, "MAPPO"), (local, "PPO")):
            assert 0.19 < 1 - arms[game, f"Basic POMDP, {name}"]["mean"] / complete["mean"] < 0.34


def test_other_findings_are_those_of_the_pages():
    ratios = numbers_in("measured/speed.md", rf"^\| `[^|]*` \| {NUMBER} \| (\d+\.\d\d) \| {NUMBER} \|$")
    assert (len(ratios), min(each[2] for each in ratios), max(each[2] for each in ratios)) == (7, 392, 1152)
    worth = rf"^\| `[^|]*messages=[23]\b[^|]*` \| 0(?:,| \|) {NUMBER} \|[^|]*\| {NUMBER}, {NUMBER} \|"
    messages = numbers_in("measured/messages.md", worth)
    assert len(messages) == 5
    assert all(median == 0 and worst / silent < 0.03 for silent, median, worst in messages)
    kept = rf"^\| (?:18 |`bayesian seed=18` |)\| (?:weights|the mixture) \|[^|]*\|[^|]*\| {NUMBER} (?:±[^|]*)?\|"
    bests = [number for (number,) in numbers_in("measured/robust_leaders.md", kept)]
    assert bests[:2] == pytest.approx([0.25, 0.75], abs=0.005)  # under best responses, in the first game
    gains = numbers_in("measured/pricing_algorithms.md", rf"^\| {NUMBER} \| {NUMBER} ± {NUMBER} \| {NUMBER} \|")
    assert [cost for cost, *_ in gains] == [1, 0.875, 0.75]
    for _, gain, error, published in gains:
        assert gain == pytest.approx(published, abs=error)
    policies = rf"^\| (?:leave|hide above 1.428).*?\| {NUMBER} ±"
    (alone,), (hidden,) = numbers_in("measured/pricing_algorithms.md", policies)
    assert hidden < 0 < 0.8 < alone


def test_what_the_first_command_prints_is_what_the_guide_says():
    """Which compares it with what the command prints (`python -m pytest -m learning tests/docs`)."""
    printed = re.search(r"It ends in\n\n```\n(.*?)```", README, re.S).group(1)
    assert printed in text_of("first_mechanism.md")


def test_every_script_it_names_is_there():
    for script in re.findall(r"tuned_examples/[\w/]+\.\w+", README):
        assert (ROOT / script).exists()
