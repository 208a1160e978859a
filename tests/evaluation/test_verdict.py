"""A result that is no success is not shown as one, on the terminal, on the page and in JSON."""

import io
import json

import numpy as np
import pytest

from rllib_stackelberg import make_game, respond
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.evaluation.strategies import evaluate_strategy
from rllib_stackelberg.evaluation.verdict import Kind, population_verdict, verdict, with_verdicts
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports.glossary import ONLINE_WORDS, WORDS, explained, words_of
from rllib_stackelberg.reports.result_tables import response, result
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.terminal import Terminal
from tests.games_for_tests import BayesianGame

CERTIFICATE = {
    "play": "argmax", "bcce_gap": 0.02, "deviation_gain": 0.0, "regret": 1.0, "regret_bound": 20.0,
    "regret_bound_vacuous": False, "updates": 250, "response_samples": 64, "exact_expectation": True,
    "deviation_error": 0.0, "deviation_plays": 0, "equilibrium": True,
}  # fmt: skip
RESULT = {
    "game": "stackelberg/message-spm-v0", "params": {"types": 4}, "leader_value": 0.0, "standard_error": 0.0,
    "follower_values": [0.2, 0.2], "play": "argmax", "by_play": {"argmax": 0.0}, "exact_value": 0.0, "gap": 0.0,
    "gap_note": None, "certificate": CERTIFICATE, "weights": {"follower_0": [[1.0]], "follower_1": [[1.0], [1.0]]},
    "unvisited": {"follower_0": [], "follower_1": [1]}, "leader_strategy": [], "questions": 0, "episodes": 12_345,
    "seconds": 25.3, "run_dir": "/a/long/path/of/a/run/that/would/not/fit/into/a/terminal/" + "x" * 40,
}  # fmt: skip


def changed(certificate=None, **fields):
    return RESULT | fields | {"certificate": CERTIFICATE | (certificate or {})}


GAIN = {"deviation_gain": 0.14561234, "equilibrium": False}
BOUND = {
    "bound": 0.0, "bound_method": "first best", "bound_gap": 0.0, "baselines": {"without messages": -0.03086419},
}  # fmt: skip
CASES = {
    "a gain beside a gap of nothing is no success": (
        changed(GAIN), Kind.GAIN, "bad", "a follower gains 0.1456", "--response-updates 1000",
    ),
    "an estimated gain is rounded by its error": (
        changed(GAIN | {"deviation_error": 0.0312, "deviation_plays": 256}),
        Kind.GAIN, "bad", "a follower gains 0.15 ± 0.03", "estimated",
    ),
    "the optimum, in an equilibrium": (RESULT, Kind.OPTIMUM, "good", "equilibrium, optimal", ""),
    "an equilibrium below the optimum": (
        changed(leader_value=-0.25, gap=0.25),
        Kind.BELOW_OPTIMUM, "open", "equilibrium, not optimal", "--max-seconds 51",
    ),
    "what is within its error of the optimum is not below it": (
        changed(leader_value=-0.25, gap=0.25, standard_error=0.13), Kind.OPTIMUM, "good", "equilibrium, optimal", "",
    ),
    "nothing to compare with": (changed(exact_value=None, gap=None), Kind.EQUILIBRIUM, "good", "equilibrium", ""),
    "the bound, in an equilibrium": (
        changed(exact_value=None, gap=None, **BOUND), Kind.AT_BOUND, "good", "equilibrium, at bound", "no strategy's",
    ),
    "an equilibrium below a bound": (
        changed(exact_value=None, gap=None, leader_value=-0.25, **BOUND | {"bound_gap": 0.25}),
        Kind.BELOW_BOUND, "open", "equilibrium, below bound", "within 0.25 of the bound",
    ),
    "the bound, in plays": (
        changed({"deviation_error": 0.1, "deviation_plays": 256}, exact_value=None, gap=None, **BOUND),
        Kind.NO_GAIN_FOUND, "open", "no gain found, at bound", "nothing is left to gain",
    ),
    "below a bound, in plays": (
        changed(
            {"deviation_error": 0.1, "deviation_plays": 256},
            exact_value=None, gap=None, leader_value=-0.25, standard_error=0.02, **BOUND | {"bound_gap": 0.25},
        ),
        Kind.NO_GAIN_FOUND, "open", "no gain found", "within 0.25 ± 0.02 of the bound",
    ),
    "a gain beside a bound": (
        changed(GAIN, exact_value=None, gap=None, **BOUND), Kind.GAIN, "bad", "a follower gains 0.1456", "",
    ),
    "an optimum says more than a bound": (
        changed(leader_value=-0.25, exact_value=-0.25, **BOUND), Kind.OPTIMUM, "good", "equilibrium, optimal", "",
    ),
    "no gain that was found is no proof": (
        changed({"deviation_error": 0.1, "deviation_plays": 256}),
        Kind.NO_GAIN_FOUND, "open", "no gain found", "estimated",
    ),
    "learners from experience": (
        changed({"bcce_gap": None, "regret": None}), Kind.NO_GAIN_FOUND, "open", "no gain found", "one situation",
    ),
    "a learner that never had a turn": (
        changed(unvisited={"follower_0": [], "follower_1": [0, 1]}),
        Kind.NO_TURN, "bad", "follower_1 had no turn", "begin",
    ),
    "payoffs that were all zero": (
        changed(follower_values=[0.0, 0.0]), Kind.NO_PAYOFF, "bad", "every payoff was 0", "proves nothing",
    ),
    "a response that was cut short": (
        changed(GAIN | {"regret_bound_vacuous": True}),
        Kind.GAIN, "bad", "a follower gains 0.1456", "promise nothing yet",
    ),
    "average play that is closer to an equilibrium": (
        changed(GAIN), Kind.GAIN, "bad", "a follower gains 0.1456", "misses its equilibrium (BCCE) by 0.02",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "level", "short", "said"), CASES.values(), ids=CASES)
def test_every_case_is_told(data, kind, level, short, said):
    found = verdict(data)
    assert (found.kind, found.level, found.short) == (kind, level, short)
    assert said in "\n".join((found.words, *found.advice))
    assert len(found.short) <= 28
    assert bool(found.advice) == (level == "bad" or kind in (Kind.BELOW_OPTIMUM, Kind.BELOW_BOUND))
    assert ("optimum" in found.words) == (data["exact_value"] is not None and level != "bad" and "found" not in short)
    assert json.loads(json.dumps(found.data()))["kind"] == kind.value


@pytest.mark.parametrize("data", [case[0] for case in CASES.values()], ids=CASES)
@pytest.mark.parametrize("show", [result, response])
def test_tables_fit_80_columns_and_paths_stay_whole(data, show):
    stream = io.StringIO()
    Terminal(file=stream, width=80).print(show(dict(data)))
    lines = stream.getvalue().splitlines()
    assert all(len(line.rstrip()) <= 80 or RESULT["run_dir"] in line for line in lines)
    assert "…" not in stream.getvalue()
    row = next(line for line in lines if "argmax" in line)
    assert verdict(data).short in row  # on one line, beside the value
    assert any(RESULT["run_dir"] in line for line in lines) == (show is result)


def test_a_bound_stands_where_there_is_no_optimum():
    stream = io.StringIO()
    bounded = changed(exact_value=None, gap=None, leader_value=-0.25, **BOUND | {"bound_gap": 0.25})
    Terminal(file=stream, width=80).print(result(bounded))
    shown = stream.getvalue()
    assert [" ".join(line.split()) for line in shown.splitlines()[2:5:2]] == [
        "learned value bound bound gap verdict play", "-0.25 0 0.25 equilibrium, below bound argmax"
    ]  # fmt: skip
    assert "bound: first best" in shown
    assert "without messages: -0.0308642" in shown
    assert "optimum" not in shown
    assert list(words_of(bounded))[:3] == ["learned value", "bound", "bound gap"]


def test_words_are_explained_in_one_line_each():
    for word, meaning in (WORDS | ONLINE_WORDS).items():
        assert len(f"{word}: {meaning}") <= 80
    assert list(words_of(RESULT)) == [
        "learned value",
        "exact optimum",
        "gap",
        "argmax",
        "equilibrium",
        "BCCE gap",
        "regret",
    ]
    untold = changed({"bcce_gap": None, "play": "last"}, exact_value=None)
    assert list(words_of(untold)) == ["learned value", "last", "equilibrium"]
    assert explained(["nothing"]) == {}


def test_average_play_has_a_verdict_of_its_own():
    assert verdict(changed({"play": "average"} | GAIN)).advice[0].startswith("longer responses")
    assert not any("average" in what for what in verdict(changed({"play": "average"} | GAIN)).advice)


def test_each_model_of_followers_has_its_verdict():
    game = make_game("escape")
    settings = LeaderSettings.checked(models=["mw:epsilon=0.2", "exp3-ix"], response_updates=5)
    strategy = LeaderStrategy.from_pairs(game, [(0, 2)])
    data = with_verdicts(result_data(game, strategy, evaluate_strategy(strategy, settings)))
    assert [model["verdict"]["kind"] for model in data["by_model"]] == ["equilibrium", "gain"]
    assert data["verdict"]["kind"] == "gain"
    assert "--updates 20" in data["verdict"]["advice"][0]  # what `respond` calls it; nothing was trained
    assert not any("--max-seconds" in what for what in data["verdict"]["advice"])


@pytest.mark.parametrize("game", ["bayesian", "iterated-bimatrix", "interview"])
def test_rows_without_a_turn_are_known_of_every_kind_of_response(game):
    made = make_game(game) if game != "iterated-bimatrix" else make_game(game, follower_sees="round", rounds=2)
    followers = {"iterated-bimatrix": "q-learning"}.get(game, "mw")
    turn = made.leader_turn
    answers = [(key, np.zeros(turn.width)) for key in range(turn.keys)]
    settings = LeaderSettings.checked(followers=followers, response_updates=20)
    found = evaluate_strategy(LeaderStrategy.from_pairs(made, answers), settings, samples=2)
    assert found.unvisited.keys() == found.weights.keys()
    assert all(len(rows) < len(found.weights[name]) for name, rows in found.unvisited.items())


def test_a_row_that_never_comes_up_is_told():
    game = BayesianGame(prior=[[0.5, 0.0], [0.5, 0.0]])
    found = respond(game, LeaderStrategy.from_pairs(game, [(0, 0)]), updates=20)
    assert found.unvisited == {"follower_0": [], "follower_1": [1]}


def test_populations():
    measured = {"epochs": 100, "total": 0.05, "leader": {"gain": 0.01}, "members": {"gain": 0.04}}
    assert population_verdict({"exploitability": None}).kind == Kind.NOT_MEASURED
    found = population_verdict({"exploitability": measured})
    assert found.short == "members gained 4 %"
    assert "rate_decay_epochs" in found.advice[0]  # more time alone is of no use once rates have fallen
    still = measured | {"leader": {"gain": 0.0}, "members": {"gain": 0.0}}
    assert population_verdict({"exploitability": still}).level == "good"
