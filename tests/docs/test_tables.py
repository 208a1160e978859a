"""Tables of pages whose numbers are cheap to compute are what the code computes."""

import re
from fractions import Fraction

import pytest

from rllib_stackelberg import evaluate_strategy, make_game, solve
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.registry import make_rules
from rllib_stackelberg.rules.ties import RULES
from rllib_stackelberg.solvers import response_solve
from tests.docs.written import block_after, saved, text_of, whole


def game_of(text):
    """The game that a table names with its parameters, as on the command line."""
    name, *given = text.split()
    return make_rules(name, **dict(each.split("=", 1) for each in given))


def shown(number):
    """As precisely as a table shows it: half a unit of its last digit, and a little more."""
    return pytest.approx(float(number), abs=0.501 * 10.0 ** -len(number.partition(".")[2]))


def columns(page, pattern, at_least):
    found = re.findall(pattern, whole(text_of(page)), re.M)
    assert len(found) >= at_least
    return found


def test_exact_optima_are_what_solve_finds():
    small = columns("measured/small_games.md", r"^\| `([\w= -]+)`.*?\| (-?[\d.]+) \|", 10)
    design = columns("families/economic_design.md", r"^\| `([\w= -]+)` \| [-.,\w ]+ \| (-?[.\d]+) \|", 7)
    silent = columns("measured/messages.md", r"^\| `(message-spm types=\d messages=1[\w= ]*)` \| (-[.\d]+) \|", 3)
    for game, optimum in small + design + silent:
        assert solve(game_of(game)).leader_value == shown(optimum), game


def test_simpler_ways_are_worth_what_is_said():
    page = text_of("families/economic_design.md")
    (tolls,) = re.findall(r"(-\d+) without tolls", page)
    (same,) = re.findall(r"([.\d]+) with the same coverage everywhere", page)
    assert shown(tolls) in game_of("congestion network=braess").baselines().values()
    assert shown(same) in game_of("security targets=8 resources=3 types=2 seed=1").baselines().values()


def test_manipulation_is_worth_what_is_said():
    cells = r"([.\d]+) \| ([.\d]+), ([.\d]+)"
    rows = columns("measured/manipulation.md", rf"^\| (\d) \| `([\w-]+)` \| {cells} \| {cells} \|", 12)
    for seed, followers, *values in rows:
        game = make_game("random-bimatrix", sees_leader=True, seed=seed)
        settings = LeaderSettings.checked(followers=followers)
        found = evaluate_strategy(response_solve(game, settings).leader_strategy, settings, game=game)
        exact = [found.leader_value] * 3 + [found.follower_values[0]] * 3  # every seed found the optimum
        assert exact == [shown(value) for value in values], (seed, followers)


PRINTED = {
    "progressivity xi =": "leader",
    "welfare": "welfare",
    "output": "output",
    "a tax of 1 - alpha =": "leader",
    "growth": "growth factor",
    r"a tax of \(1 - alpha x discount\) / 2 =": "leader",
    "capital tends to": "steady capital",
    "a carbon tax of": "leader",
    "make energy with": "labour for energy",
    "untaxed": "the same untaxed",
}
"""What the page calls what an optimum holds."""


def test_closed_forms_of_populations_are_what_solve_prints():
    page, seen = "families/populations.md", 0
    for game, said in columns(page, r"^\| `solve ((?:labour|public|output|carbon).*?)` \| (.*) \|$", 7):
        known = game_of(game).optimum()
        given = {"leader": known.leader_action[0], **known.details}
        for words, name in PRINTED.items():
            for number in re.findall(rf"{words} (-?[.\d]+)", said):
                scale = 100 if name == "growth factor" else 1
                assert scale * (given[name] - (name == "growth factor")) == shown(number), (game, words)
                seen += 1
    assert seen == 13
    row = r"^\| `((?:labour|public|output)[\w= .-]*)` \| (?:progressivity|tax) \| [.\d]+ \| ([.\d]+) \|"
    exact = columns("measured/taxation.md", row, 5)
    for game, best in exact:
        assert game_of(game).optimum().leader_action[0] == shown(best), game


def test_the_table_of_auctions_is_what_bidders_learn():
    game = make_game("auction", values=100, chooses=["reserve", "second_price", "fee", "all_pay"])
    rows = re.findall(r"^\| ([\d., ]+) \| .* \| (\.\d{4}) \| ([.\d]+) \|$", text_of("families/auctions.md"), re.M)
    assert len(rows) == 8
    settings = LeaderSettings.checked(followers="regret-matching-plus", response_updates=1000)
    for terms, value, gain in rows:
        strategy = LeaderStrategy.from_pairs(game, [(0, tuple(map(float, terms.split(", "))))])
        found = evaluate_strategy(strategy, settings)
        assert found.leader_value == pytest.approx(float(value), abs=6e-5)
        assert found.certificate.deviation_gain == pytest.approx(float(gain), abs=6e-5)


def test_the_table_of_ties_is_what_solve_finds(tmp_path, monkeypatch):
    (tmp_path / "posted_price.py").write_text(saved("ties.md", "posted_price.py"))
    monkeypatch.chdir(tmp_path)
    found = solve(make_game("posted_price.py:PostedPrice", values=4))
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([.\d]+) \| ([.\d]+) \|$", text_of("ties.md"), re.M)
    assert [ties for ties, _, _ in rows] == list(RULES)
    assert found.by_ties == {ties: float(own) for ties, own, _ in rows}
    assert found.best_by_ties == {ties: float(best) for ties, _, best in rows}
    assert found.leader_strategy == ((0, 4),)


def test_the_tables_of_posted_prices_are_what_solve_finds():
    page = text_of("families/posted_prices.md")
    rows = re.findall(r"^\| `setting=([\w-]+)` \| ([.\d]+) \| ([.\d]+) \| ([.\d]+) \|$", page, re.M)
    assert len(rows) == 5
    for setting, static, optimum, bound in rows:
        game = make_game("posted-prices", setting=setting)
        found = game.baselines()["the same prices for everybody"], solve(game).leader_value, game.bound().value
        assert found == pytest.approx([float(static), float(optimum), float(bound)], rel=2e-5)
    (apart,) = re.findall(r"^\| 5, 5 \| ([.\d]+) \| ([.\d]+) \|", page, re.M)
    game = make_game("posted-prices", prices="items")
    static = game.baselines()["the same prices for everybody"]
    assert [static, solve(game).leader_value] == pytest.approx(list(map(float, apart)), abs=5e-4)


def test_the_table_of_trees_is_what_solve_finds(capsys):
    page, found = text_of("families/extensive_form.md"), []
    for commands, optima in re.findall(r"^\| (`solve .*`) \| ([^|:]+)", page, re.M):
        for command, optimum in zip(re.findall(r"`solve ([^`]+)`", commands), optima.split(","), strict=True):
            name, *given = command.split()
            value = solve(make_game(name, **dict(each.split("=", 1) for each in given))).leader_value
            assert value == pytest.approx(float(Fraction(optimum.strip())), abs=5e-5), command
            found.append(command)
    assert len(found) >= 9
    exec(compile(block_after(page, "Your own tree"), "extensive_form.md", "exec"), {})
    assert capsys.readouterr().out == "2.0\n"
