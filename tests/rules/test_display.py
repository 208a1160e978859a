"""What solutions and certificates show in a notebook."""

from xml.etree import ElementTree

import pytest

from rllib_stackelberg import (
    LeaderSettings,
    LeaderStrategy,
    StackelbergSolution,
    evaluate_strategy,
    make_game,
    make_population,
    respond,
    solve,
)
from rllib_stackelberg.rounding import number
from rllib_stackelberg.runs.run import FiniteRun
from tests.reports.runs import run_folder


def facts(shown) -> dict[str, str]:
    """Rows of the table; it must be well-formed."""
    rows = ElementTree.fromstring(shown._repr_html_()).findall("tr")
    return {row.findtext("th"): row.findtext("td") for row in rows}


def test_a_solution_shows_its_value_and_strategy():
    solution = solve(make_game("conitzer", mixed=True))
    shown = facts(solution)
    assert shown["leader value"] == number(5 / 6)
    assert shown["leader strategy (question: answer)"] == "0: (0.5, 0.5)"
    assert "not certain" not in shown


def test_long_strategies_are_cut_and_text_is_escaped():
    solution = StackelbergSolution(1.0, (0.5,), tuple((k, 0) for k in range(20)), "a < b", "leader", doubt="<b>&")
    shown = facts(solution)
    assert shown["leader strategy (question: answer)"].endswith("11: 0; and 8 more")
    assert (shown["method"], shown["not certain"]) == ("a < b", "<b>&")


@pytest.mark.parametrize("followers", ["mw", "q-learning"])
def test_a_certificate_shows_what_it_has(followers):
    game = make_game("simple-allocation")
    settings = LeaderSettings.checked(followers=followers, response_updates=250)
    found = evaluate_strategy(solve(game).leader_strategy, settings, game=game).certificate
    shown = facts(found)
    assert shown["equilibrium of the followers (argmax play)"] == ("yes" if found.equilibrium else "no")
    assert shown["updates, response samples"].startswith("250, ")
    assert ("BCCE gap of time-average play" in shown) == (found.bcce_gap is not None)


def tables(shown) -> list[dict[str, str]]:
    """Rows of each table that something shows; each must be well-formed."""
    found = ElementTree.fromstring(f"<div>{shown._repr_html_()}</div>").findall("table")
    return [{row.findtext("th"): row.findtext("td") for row in table.findall("tr")} for table in found]


def test_a_response_shows_what_both_sides_get_and_its_certificate():
    game = make_game("simple-allocation", types=2, messages=2)
    found = respond(game, solve(game).leader_strategy)
    value, certificate = tables(found)
    assert value["leader value"] == "1"
    assert value["followers' values"] == "1"
    assert value["leader value under every play"].startswith("argmax 1, last ")
    assert certificate["equilibrium of the followers (argmax play)"] == "yes"


def test_a_game_shows_who_moves():
    (shown,) = tables(make_game("simple-allocation", types=4))
    assert shown["parameters"].startswith("types=4")
    assert shown["moves"] == "message (follower_0, learned); allocate (leader_0, asked of the leader)"
    assert (shown["values of types and chance"], shown["the leader's payoff lies in"]) == ("4", "0 to 1")
    (crowd,) = tables(make_game("congestion", drivers=20))
    assert crowd["moves"].endswith("and 9 more")
    (population,) = tables(make_population("labour-supply"))
    assert population["members"] == f"{make_population('labour-supply').members:,}"
    assert population["plays end by"].endswith("horizon")


def test_a_strategy_shows_its_first_answers():
    game = make_game("simple-allocation", types=20, messages=20)
    (shown,) = tables(LeaderStrategy.of(game, solve(game).leader_strategy))
    assert shown["message 0"] == "item 0"
    assert shown["more"] == "8 answers"


def test_a_run_shows_what_it_came_to_or_that_it_is_not_over(tmp_path):
    folder = run_folder(tmp_path / "run", "simple-allocation", {"types": 4}, response_updates=20)
    (shown,) = tables(FiniteRun(folder))
    result = folder.read("result")
    assert shown["leader value"] == number(result["leader_value"])
    assert shown["parameters"].startswith("types=4")
    assert shown["verdict"] == result["verdict"]["short"]
    (folder.path / "result.json").unlink()
    assert tables(FiniteRun(folder))[0]["result"] == "none yet: the run is not over"
