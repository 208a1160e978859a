"""Response models beside equilibria: learners, plays, and the set they come to."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from rllib_stackelberg import BestResponse, LeaderSettings, MultiplicativeWeights, evaluate_strategy, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.certificates import bcce_gap
from rllib_stackelberg.evaluation.dependence import gap_curve, response_models, utility_learners
from rllib_stackelberg.followers import Learner, Traits
from rllib_stackelberg.plays.outcomes import outcomes_against
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports import dependence_figure, gap_curves_figure, save_svg
from rllib_stackelberg.reports.svg import COLOURS
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.solvers import coarse_correlated_range
from rllib_stackelberg.streams import Purpose, Streams

PRIOR = [[0.4, 0.1], [0.1, 0.4]]
NO_PAYMENTS = [(question, (0.0, 0.0)) for question in range(4)]


def strategy_in(name, answers, **params):
    return LeaderStrategy.from_pairs(make_game(name, **params), answers)


def pick(table, **params):
    return strategy_in("bayesian", [(0, table)], **params)


def test_registered_learners_are_listed(monkeypatch):
    names = [learner.traits.name for learner in utility_learners()]
    everybody = [learner.traits.name for learner in utility_learners(no_regret=False)]
    assert "mw" in names
    assert "best-response" in everybody
    assert "best-response" not in names
    assert set(names) <= set(everybody) <= set(Learner.registry)
    assert "q-learning" not in everybody

    monkeypatch.setattr(Learner, "registry", dict(Learner.registry))

    @dataclass(frozen=True)
    class Another(MultiplicativeWeights):
        traits: ClassVar[Traits] = Traits(name="another")

    assert Another() in utility_learners()


def test_values_are_those_of_the_plays_and_stand_beside_the_equilibria():
    """Matrix design without payments, followers who answer each other: (0, 0), (1, 1), (0, 0), ..., worth 1 or 2/3."""
    found = response_models(strategy_in("matrix-design", NO_PAYMENTS), [BestResponse()], updates=9)
    rows = dict(found.rows())
    assert list(rows)[:4] == ["worst BCCE", "pessimistic equilibrium", "optimistic equilibrium", "best BCCE"]
    assert list(rows.values())[:4] == pytest.approx([1.2, 5 / 3, 5 / 3, 5 / 3])
    plays = {play: rows[f"best-response, {play}"] for play in ("argmax", "last", "average")}
    assert plays == pytest.approx({"argmax": 2 / 3, "last": 2 / 3, "average": (5 + 4 * 2 / 3) / 9})
    # Best responses promise no regret bound, and here their play is in no BCCE.
    assert plays["average"] < rows["worst BCCE"] - 0.3
    assert found.models[0].certificate.bcce_gap > 0.1


def ends(found):
    return found.worst.values[0], found.best.values[0]


def average_into_the_set(learners):
    """The gap of sampled play is that of drawn actions, the value that of the strategies they were drawn from: the
    ends are taken of a gap a little larger."""
    for params in ({"seed": 1}, {"seed": 3, "correlated": True}):
        strategy = pick(0, types=2, actions=3, **params)
        found = response_models(strategy, learners, updates=3_000, samples=8)
        assert [model.learner for model in found.models] == list(learners or utility_learners())
        for model in found.models:
            gap = model.certificate.bcce_gap + 0.01
            worst, best = ends(coarse_correlated_range(outcomes_against(strategy.game, strategy), gap))
            assert worst - 1e-7 <= model.by_play["average"] <= best + 1e-7, model.name


def test_no_regret_play_averages_into_the_set():
    average_into_the_set([MultiplicativeWeights(0.05)])


@pytest.mark.learning
def test_the_table_and_the_figures_are_made(tmp_path):
    script = Path(__file__).parents[2] / "tuned_examples" / "figures" / "response_dependence.py"
    made = [sys.executable, script, "--games", "1", "--out", tmp_path]
    done = subprocess.run(made, capture_output=True, text=True, check=True)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if line[:1] == "|"]
    assert [line[0] for line in lines].count("mw") == 2  # one a kind of prior
    assert all(float(line[4]) == 0 for line in lines if line[0] == "mw")  # the reference loses nothing by its pick
    for line in lines:
        if line[0] in [learner.traits.name for learner in utility_learners()]:
            assert float(line[5]) > float(line[7]) >= 0
    drawn = {path.name for path in tmp_path.glob("*.svg")}
    assert drawn == {"bcce_gaps.svg", "response_models.svg"}


@pytest.mark.learning
def test_every_registered_no_regret_learner_averages_into_the_set():
    average_into_the_set(None)


def test_ends_and_equilibria_are_in_order():
    seen = set()
    for seed in range(12):
        found = response_models(pick(0, seed=seed, correlated=True), [])
        values = [value for _, value in found.rows()]
        assert (np.diff(values) >= -1e-7).all()
        seen.add(len(found.pure))
    assert 0 in seen  # no pure equilibrium: two rows only
    assert max(seen) > 1


def test_a_curve_ends_in_the_gap_of_an_evaluation():
    """The reference game: the gap of one response, from its own running sums, after every rung."""
    strategy = pick(0, seed=7, tables=1, prior=PRIOR)
    curve = gap_curve(strategy, MultiplicativeWeights(), [30, 1_000], seed=2, samples=8)
    for updates, gap in curve:
        settings = LeaderSettings.checked(response_updates=updates)
        response = Response(strategy.game, settings.followers, 8)
        streams, episodes = Streams(2, Purpose.REPORT), [(s, 0) for s in range(8)]
        response.respond(outcomes_against(strategy.game, strategy), Phase(np.arange(8), settings, streams, episodes))
        assert gap == pytest.approx(max(bcce_gap(response.record(k), np.full(2, 0.5)).max() for k in (0, 1)))
    assert curve[1][1] < curve[0][1] / 2
    settings = LeaderSettings.checked(response_updates=1_000)
    assert curve[1][1] == evaluate_strategy(strategy, settings, 2, samples=8).certificate.bcce_gap


def test_too_many_strategies_leave_pure_equilibria_out():
    game = make_game("bayesian", types=6, actions=3)  # 3^12 strategy profiles, 324 outcomes
    found = response_models(LeaderStrategy.from_pairs(game, [(0, 0)]), [])
    assert found.pure is None
    assert found.coarse.device == "omniscient"
    assert [what for what, _ in found.rows()] == ["worst BCCE", "best BCCE"]


def test_games_that_do_not_fit_are_refused():
    for name, params in (("iterated-bimatrix", {}), ("message-spm", {"buyers": 16})):
        with pytest.raises(InvalidFieldError, match="65,536 outcomes"):
            response_models(LeaderStrategy(make_game(name, **params), {}), [])


def test_figures_show_every_model_and_both_ends():
    found = {
        title: response_models(pick(0, seed=seed), [BestResponse()], updates=5) for title, seed in (("A", 0), ("B", 1))
    }
    figure = dependence_figure({title: each.data() for title, each in found.items()})
    for axes, each in zip(figure.axes, found.values(), strict=True):
        (span,) = axes.patches
        assert [span.get_x(), span.get_x() + span.get_width()] == pytest.approx(ends(each.coarse))
        drawn = {line.get_label(): line.get_xdata() for line in axes.get_lines() if line.get_marker() != "None"}
        assert drawn == {f"{play} play": [value] for play, value in each.models[0].by_play.items()}
        dashed = [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "None"]
        assert dashed == ([each.pure[0].values[0], each.pure[-1].values[0]] if each.pure else [])
    assert [bool(each.pure) for each in found.values()] == [True, False]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["best-response"]
    assert len(figure.legends[0].get_texts()) == 5


def test_their_files_follow_the_colour_scheme(tmp_path):
    found = response_models(pick(0), [BestResponse()], updates=5)
    curves = {"independent": {"mw": [(1, 0.5), (10, 0.1)]}}
    for name, figure in {"models": dependence_figure({"A": found.data()}), "curves": gap_curves_figure(curves)}.items():
        save_svg(figure, tmp_path / f"{name}.svg")
        text = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        assert not re.findall(r"#[0-9a-f]{6}\b", text[text.index("</style>") :])
        assert set(re.findall(r"var\(--(\w+)\)", text)) <= COLOURS.keys()


def test_curves_are_told_apart_and_leave_out_what_a_logarithm_cannot_show():
    names = [f"learner {k}" for k in range(12)]
    curves = {name: [(1, 0.5), (10, 0.1 * k), (100, 0.01)] for k, name in enumerate(names)}
    figure = gap_curves_figure({"independent": curves, "correlated": curves})
    for axes in figure.axes:
        lines = axes.get_lines()
        assert [line.get_label() for line in lines] == names
        assert len({(line.get_color(), str(line.get_linestyle()), str(line._dash_pattern)) for line in lines}) == 12
        assert np.isnan(lines[0].get_ydata()).tolist() == [False, True, False]
        assert lines[3].get_ydata() == pytest.approx([0.5, 0.3, 0.01])
        assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
