"""Tables of pages whose numbers are cheap to compute are what the code computes."""

import re
from fractions import Fraction

import pytest

from rllib_stackelberg import evaluate_strategy, make_game, solve
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.ties import RULES
from tests.docs.written import block_after, saved, text_of


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
