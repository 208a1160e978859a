"""What solutions and certificates show in a notebook."""

from xml.etree import ElementTree

import pytest

from rllib_stackelberg import LeaderSettings, StackelbergSolution, evaluate_strategy, make_game, solve
from rllib_stackelberg.rounding import number


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
