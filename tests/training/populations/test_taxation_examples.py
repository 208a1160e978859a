"""How the examples of `taxation` measure and what they keep: policies made by hand, nothing is trained."""

import importlib
import statistics
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rllib_stackelberg.envs.taxation_v0 import LEAST, MOST
from scipy.stats import gmean, ttest_1samp

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.play import PopulationPlays
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.streams import Purpose, Streams

sys.path.insert(0, str(Path(__file__).parents[3] / "tuned_examples" / "smfrl"))
estimates, kept, measures, figures, baselines, exploited, steadiness, seen_at, ties = map(
    importlib.import_module,
    (
        "estimates", "kept_runs", "taxation_measures", "taxation_figures", "taxation_baselines", "exploitability_smfrl",
        "steadiness_smfrl", "steadiness_measures", "taxation_ties",
    ),
)  # fmt: skip

PARAMS = {"households": 8, "task": "gdp", "years": 20}
VALUES = [0.5, 3.0, 2.0, 700.0, 1.0, 4.0, 2.5]
SHOCK_YEAR = 4
ROW = {"years": 10.0, "GDP per head": 1e5, "wealth Gini": 0.4, "adopters": 8.0, "non-adopters": 9.0}


def constant(actions, seen, shown=0):
    """An actor that does the same whatever it sees."""
    target = np.asarray(actions, dtype=np.float64)
    low, high = np.full(len(target), LEAST), np.full(len(target), MOST)
    unit = np.clip((target - low) / (high - low), 1e-9, 1 - 1e-9)
    layers = ((np.zeros((len(target), seen + shown)), np.arctanh(2 * unit - 1)),)
    return BoxActor(layers, np.zeros(seen), np.ones(seen), np.ones(seen, dtype=bool), low, high)


def saved(members=(0.6, 0.4), leader=(0.1, 0.02, 0.05, 0.02, 0.1), **params):
    """A run whose policies do the same every year."""
    policy = PopulationPolicy(constant(leader, 6), constant(members, 2, len(leader)))
    return measures.SavedRun(PARAMS | params, policy, seed=3)


def ruinous(**params):
    """Ends early: nobody works enough for what is consumed and spent."""
    return saved(members=(0.01, 0.05), leader=(0.001, 0.001, 0.001, 0.001, 0.3), **params)


def by_hand(run, plays):
    """What the plays of a run come to, stepped one by one until each ends."""
    game = run.game()
    for play in range(plays):
        played = PopulationPlays(game, Streams(run.seed, Purpose.REPORT), [play])
        output, paid = [], np.zeros(2)
        while len(played.running):
            leader, members = played.step(*run.policy.play(game, played.state))
            output.append(played.state.output[0] / game.members)
            paid += leader[0], members.mean()
        yield len(output), np.mean(output), *paid


@pytest.mark.parametrize("run", [saved(), ruinous(), saved(leader=[0.2], taxes="saez")])
def test_accounts_are_those_of_plays_taken_one_by_one(run):
    found = measures.as_trained(run, plays=5)
    years, output, leader, members = map(np.array, zip(*by_hand(run, 5), strict=True))
    assert found["years"] == pytest.approx(years.mean())
    assert found["GDP per head"] == pytest.approx(gmean(output))
    assert found["welfare"] == pytest.approx(members.mean())
    assert found["government"] == pytest.approx(leader.mean())


@pytest.mark.parametrize("run", [saved(), ruinous()])
def test_consumption_equivalents_are_what_scaled_consumption_pays(run):
    """A household that consumes c and works h is paid c / (c + 1000 exp(10 h^3 / 3)): by hand, with c scaled."""
    welfare = evaluate_population(run.game(), run.policy, run.seed, Purpose.REPORT, measures.COURSES).members.mean()
    assert run.enjoyed.sum(axis=0).mean() == pytest.approx(welfare)
    assert measures.consumption_equivalent(run.enjoyed, welfare) == pytest.approx(1)
    consumed, worked = np.array([500.0, 1e5]), np.array([0.2, 0.5])

    def pay(c):
        return c / (c + 1000 * np.exp(10 * worked**3 / 3))

    assert measures.with_consumption(pay(consumed), 0.7) == pytest.approx(pay(0.7 * consumed))
    better = measures.with_consumption(run.enjoyed, 1.25).sum(axis=0).mean()
    assert measures.consumption_equivalent(run.enjoyed, better) == pytest.approx(1.25)


def test_governments_are_compared_on_the_same_plays():
    run, other = saved(), saved(leader=(0.1, 0.02, 0.05, 0.02, 0.12))
    same, differs = measures.against(run, run), measures.against(other, run)
    assert same[measures.GROWTH] == 0
    assert same[measures.FACTOR] == 1
    assert same[measures.WELFARE] == pytest.approx(1)
    rates = [np.mean((one.output[-1] / one.output[0]) ** (1 / 19)) - 1 for one in (other, run)]
    assert 100 * (rates[0] - rates[1]) == pytest.approx(differs[measures.GROWTH])
    assert differs[measures.WELFARE] == differs[measures.WHILE_BOTH_LAST] < 1  # all plays last as long


def test_welfare_of_years_that_both_last_leaves_the_others_out():
    """Play by play and year by year: scaled consumption pays as much in them."""
    run, short = saved(), ruinous()
    found = measures.against(run, short)[measures.WHILE_BOTH_LAST]
    scaled, there = measures.with_consumption(short.enjoyed, found), 0.0
    here = 0.0
    for play in range(measures.COURSES):
        years = np.isfinite(short.output[:, play]).sum()
        assert years < np.isfinite(run.output[:, play]).sum()
        here += scaled[:years, play].mean(axis=-1).sum()
        there += run.enjoyed[:years, play].mean(axis=-1).sum()
    assert here == pytest.approx(there)


def test_a_seed_without_a_value_leaves_no_mean_of_welfare():
    rows = [{measures.WELFARE: value, "years": 3.0, measures.WHILE_BOTH_LAST: 1.0} for value in (0.5, np.nan)]
    assert estimates.cell(measures.over_seeds(rows)[measures.WELFARE]) == "-"
    assert measures.over_seeds(rows)["years"]["mean"] == 3


def test_output_is_followed_to_the_end_of_each_play():
    for run in (saved(), ruinous()):
        years = evaluate_population(run.game(), run.policy, run.seed, plays=measures.COURSES).periods
        assert run.output.shape == (PARAMS["years"], measures.COURSES)
        assert np.isfinite(run.output).sum(axis=0).tolist() == years.tolist()
    assert years.max() < PARAMS["years"]


def test_a_shock_changes_output_as_the_rules_say():
    """Who does the same all the time produces .8 of it; halved wealth leaves capital, but bears less to consume."""
    run = saved()
    fall, halved = (run.relative_output(shock, SHOCK_YEAR) for shock in measures.SHOCKS)
    for relative in (fall, halved):
        np.testing.assert_allclose(relative[: SHOCK_YEAR - 1], 1)
    np.testing.assert_allclose(fall[SHOCK_YEAR - 1], 0.8)
    np.testing.assert_allclose(halved[SHOCK_YEAR - 1], 1)
    assert (halved[SHOCK_YEAR:] > 1).all()
    later = measures.shocked(run, "productivity", SHOCK_YEAR, plays=measures.COURSES)
    assert later[measures.OUTPUT] == pytest.approx(gmean(fall[SHOCK_YEAR - 1 + measures.AFTER]))
    assert later["welfare"] < measures.as_trained(run, plays=measures.COURSES)["welfare"]


def test_where_no_play_gets_so_far_nothing_is_said_of_output():
    row = measures.shocked(ruinous(), "productivity", SHOCK_YEAR, plays=4)
    assert np.isnan(row[measures.OUTPUT])
    assert estimates.cell(measures.over_seeds([row, row])[measures.OUTPUT]) == "-"
    assert np.isnan(measures.shocked(saved(), "wealth", PARAMS["years"], plays=2)[measures.OUTPUT])


def test_what_is_done_from_a_year_on_matters_to_both_sides_until_the_end():
    run = saved()
    at_stake = [ties.payoffs(run, year) for year in (1, 5, 15, PARAMS["years"] + 1)]
    for side, own in (("households", "welfare"), ("government", "government")):
        ranges = [most - least for least, most in (found[side] for found in at_stake)]
        assert min(ranges[:3]) > ranges[3] == 0.0
        assert at_stake[-1][side][0] == pytest.approx(measures.as_trained(run, measures.COURSES)[own])
    late = ties.UntilYear(run.policy, ties.FixedMembers.of(run.game(), (0.9, 0.2)), 3)
    state = PopulationPlays(run.game(), Streams(0, Purpose.REPORT), [0]).state
    assert late.play(run.game(), state)[1][0, 0] == pytest.approx((0.6, 0.4))  # as the policy does
    state.period += 2
    assert late.play(run.game(), state)[1][0, 0] == pytest.approx((0.9, 0.2))


def test_shares_of_nobody_and_of_everybody_are_pure_populations():
    run, plays = saved(), 6
    nobody, everybody = (measures.mixed(run, share, plays) for share in (0.0, 1.0))
    alone, poor = measures.as_trained(run, plays), measures.as_trained(saved(measures.HAND_TO_MOUTH), plays)
    for name in ("years", "GDP per head", "wealth Gini"):
        assert nobody[name] == alone[name]
        assert everybody[name] == pytest.approx(poor[name], rel=1e-6)
    assert nobody["adopters"] == pytest.approx(alone["welfare"])
    assert everybody["non-adopters"] == pytest.approx(poor["welfare"], rel=1e-6)
    assert np.isnan([nobody["non-adopters"], everybody["adopters"]]).all()


def test_groups_of_a_mixed_population_add_up_to_it():
    """Who saves less consumes more at first, and everybody grows less rich."""
    run = saved(years=3)
    rows = [measures.mixed(run, share, plays=6) for share in measures.SHARES]
    assert all(row["non-adopters"] > row["adopters"] for row in rows[1:-1])
    assert np.all(np.diff([row["GDP per head"] for row in rows[1:]]) < 0)


def test_means_and_their_intervals_are_those_of_the_libraries():
    found = estimates.mean_of([*VALUES, np.nan])
    assert found["of"] == len(VALUES)
    assert estimates.middle(found) == pytest.approx(statistics.fmean(VALUES))
    assert estimates.ends(found) == pytest.approx(tuple(ttest_1samp(VALUES, 0).confidence_interval(0.95)))
    found = estimates.geometric_of(VALUES)
    assert estimates.middle(found) == pytest.approx(statistics.geometric_mean(VALUES))
    of_logarithms = ttest_1samp(np.log(VALUES), 0).confidence_interval(0.95)
    assert estimates.ends(found) == pytest.approx(tuple(np.exp(of_logarithms)))
    matrix = np.array([VALUES, [np.nan, *VALUES[1:]], [np.nan] * len(VALUES)])
    np.testing.assert_allclose(estimates.geometric_mean(matrix, axis=1), [gmean(VALUES), gmean(VALUES[1:]), np.nan])


def test_the_interval_of_a_median_is_of_order_statistics():
    """Of seven values the ends miss the median with probability 2 / 2^7; the next two with 16 / 2^7 > .05."""
    found = estimates.median_of(VALUES)
    assert estimates.middle(found) == statistics.median(VALUES)
    assert estimates.ends(found) == (min(VALUES), max(VALUES))
    assert estimates.largest_of(VALUES)["largest"] == max(VALUES)


def test_too_few_values_have_no_interval_and_none_no_value():
    for estimate in (estimates.mean_of, estimates.geometric_of, estimates.median_of, estimates.largest_of):
        assert np.isnan(estimates.ends(estimate([2.0]))).all()
        assert estimates.cell(estimate([2.0])) == "2"
        assert estimates.cell(estimate([np.nan])) == "-"


@pytest.mark.parametrize("name", baselines.ARMS)
def test_arms_are_accepted(name, tmp_path):
    options = baselines.ARMS[name].options(10, 9, 0, tmp_path / "run")
    game, settings = options.rules, options.resolved_settings
    assert options.max_iterations == (3 if options.algo == "PPO" else 9)
    assert settings.evaluate_every == 1
    assert settings.learning == (("members",) if name == "free-market" else ("leader", "members"))
    assert game.leader_actions.shape == ((5,) if options.params["taxes"] == "chosen" else (1,))


def test_what_is_finished_with_the_same_options_is_kept(tmp_path):
    arm, out = baselines.ARMS["federal"], tmp_path / "federal-0"
    folder, chosen = RunFolder.create(out), arm.options(8, 9, 0, out)
    assert kept.finished(chosen) is None  # nothing is there
    folder.write("config", chosen.resolved())
    folder.write("result", {"lasted": 300.0})
    PopulationPolicy(constant([0.2], 6), constant([0.6, 0.4], 2, 1)).save(out)
    assert kept.finished(chosen) == {"lasted": 300.0}
    kept.train_missing([chosen])  # would take minutes
    run = measures.SavedRun.read(folder)
    assert run.game().sales == 0.065
    assert len(run.game().leader_terms) == 1
    assert run.policy.play(run.game(), run.game().start(np.full((1, 8, 2), 0.5)))[0] == pytest.approx(0.2)
    with pytest.raises(InvalidFieldError, match="is of other options"):
        kept.train_missing([arm.options(8, 10, 0, out)])
    assert kept.finished(chosen) == {"lasted": 300.0}  # untouched


def test_figures_end_where_half_of_the_plays_have_ended():
    plays = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, np.nan], [3.0, np.nan, np.nan]])
    figure = figures.growth_figure({"arm": plays, "never": np.full((3, 3), np.nan)}, shock_year=2)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert set(lines) == {"arm", "shock", "_child1"}
    assert lines["arm"].get_ydata().tolist() == [2.0, 2.5]
    assert lines["_child1"].get_marker() == "x"


def test_figures_of_non_adopters_have_the_intervals_of_the_table():
    rows = {share: [measures.mixed(saved(), share, plays=2), ROW] for share in (0.0, 1.0)}
    found = {share: measures.over_seeds(of_seeds) for share, of_seeds in rows.items()}
    years, payoffs, output = figures.mixed_figure(found, baselines.PANELS).axes
    assert [axes.get_yscale() for axes in (years, payoffs, output)] == ["linear", "linear", "log"]
    assert years.get_ylim()[0] == 0
    assert output.lines[0].get_ydata().tolist() == [one["GDP per head"]["geometric mean"] for one in found.values()]
    drawn = [segment[:, 1] for segment in output.collections[0].get_segments()]
    np.testing.assert_allclose(drawn, [estimates.ends(one["GDP per head"]) for one in found.values()])
    assert {text.get_text() for text in output.figure.legends[0].get_texts()} == {"adopters", "non-adopters"}


def test_tables_and_figures_of_exploitability_are_of_seeds():
    def gains(leader, members):
        return {"total": leader + members, "leader": {"gain": leader}, "members": {"gain": members}}

    seeds = [{"4": gains(k**3, 1.0), "8": gains(0.0, 0.25 * k)} for k in range(1, 8)]
    table = exploited.table_of(seeds, [4, 8])
    assert table["4"]["leader"]["median"] == 64
    assert (table["8"]["members"]["low"], table["8"]["members"]["high"]) == (0.25, 1.75)
    assert table["4"]["both, largest"]["largest"] == 344
    drawn = exploited.gains_figure(seeds, [4, 8]).axes[1].lines[-1].get_ydata()
    assert drawn[0] == 64
    assert np.isnan(drawn[1])  # a gain of 0 on a logarithmic axis


def test_seeds_are_kept_with_their_options_and_epochs(tmp_path):
    arguments = Namespace(households=8, at=[2, 4], exploitability=3, out=tmp_path)
    chosen, file = exploited.options(arguments, 1), tmp_path / "seed-1.json"
    assert exploited.finished(file, chosen, [2, 4]) is None
    exploited.keep(file, chosen, {"2": {"total": 1.0}, "4": {"total": 0.5}})
    assert exploited.finished(file, chosen, [2, 4]) == {"2": {"total": 1.0}, "4": {"total": 0.5}}
    for at, seed, field in (([2, 3, 4], 1, "at"), ([2, 4], 2, "out")):
        with pytest.raises(InvalidFieldError) as refused:
            exploited.finished(file, exploited.options(arguments, seed), at)
        assert refused.value.field == field


@pytest.mark.parametrize("run", [saved(), ruinous()])
def test_steadiness_is_of_the_plays_that_snapshots_are_valued_on(run):
    found = seen_at.Pass.of(run.game(), run.policy, run.seed)
    wanted = evaluate_population(run.game(), run.policy, run.seed, Purpose.SELECTION, seen_at.PLAYS)
    assert (found.value, found.lasted) == pytest.approx((wanted.leader.mean(), wanted.periods.mean()))
    assert found.welfare == pytest.approx(wanted.members.mean())
    sums, gamma = found.discounted(0.9), 0.9
    paid = np.nan_to_num(found.paid)
    for year in range(len(paid)):
        np.testing.assert_allclose(sums[year], gamma ** np.arange(len(paid) - year) @ paid[year:])


def test_errors_of_critics_are_told_in_payoffs():
    """A critic that is wrong by the same payoff everywhere, whatever its unit and its origin are."""
    played, gamma, wrong = seen_at.Pass.of(saved().game(), saved().policy, 3), 0.975, 7.0
    size = np.sqrt(np.mean(played.discounted(gamma)[: seen_at.EARLY] ** 2))
    for unit, factor in ((1.0, 1 - gamma), (3.0, 0.2)):
        scale = SimpleNamespace(unit=torch.tensor(unit))
        side = SimpleNamespace(unwrapped=lambda scale=scale: SimpleNamespace(reward_scale=scale))
        settings = SimpleNamespace(gamma=gamma)
        learner = SimpleNamespace(module={seen_at.LEADER: side}, reward_factor=factor, settings=settings)
        assert seen_at.relative(learner, factor * wrong / unit, played) == pytest.approx(wrong / size)


def test_what_the_caps_cut_off_is_no_move_that_matters():
    policy = (0.1, 0.02, 0.05, 0.02, 0.1)
    game, played = saved().game(), seen_at.Pass.of(saved().game(), saved(leader=policy).policy, 3)
    step, width = 0.01, MOST - LEAST
    other = saved(leader=(0.1 + step, *policy[1:])).policy.leader
    found = seen_at.moved(game, saved().policy.leader, other, played)
    assert found["moved"] == pytest.approx(step / width / np.sqrt(5))
    assert found["that matter"] == pytest.approx(step / (0.2 - LEAST) / np.sqrt(5))
    above = [seen_at.Pass.of(game, saved(leader=(rate, *policy[1:])).policy, 3) for rate in (0.5, 0.9)]
    found = seen_at.moved(game, other, saved(leader=(0.9, *policy[1:])).policy.leader, above[0])
    assert found["moved"] == pytest.approx(0.4 / width / np.sqrt(5), rel=1e-6)
    assert found["that matter"] == 0
    np.testing.assert_allclose(above[0].paid, above[1].paid)


def test_steadiness_is_judged_from_an_epoch_on_and_against_the_best_of_all():
    column = {"value": [-5.0, 100.0, 99.0, 90.0, 98.5], "lasted": [3.0, 20.0, 20.0, 7.0, 20.0]}
    column |= {"discounted": [0.0, 1.0, 4.0, 0.0, 0.0], "value to old answers": [0.0, 0.0, 97.0, 99.0, 94.0]}
    others = ("welfare", "moved", "that matter", "late", "critic error", "shape", "unit", "youngest", "error, of value")
    rows = [
        {name: values[k] for name, values in column.items()} | dict.fromkeys(others, 0.5) | {"oldest": 7.5}
        for k in range(5)
    ]
    found = steadiness.summary({"epochs": rows, "exploitability": {"4": 0.25}}, settled=3, years=20)
    assert found["exploitability 4"] == 0.25
    assert np.isnan(steadiness.rise(found))
    assert steadiness.rise(found | {"exploitability 9": 0.125}) == -0.125
    assert (found["best"], found["worst"], found["last"], found["end"]) == (100, 0.9, 0.985, 98.5)
    assert (found["within 2 %"], found["failed"]) == pytest.approx((2 / 3, 1 / 3))
    assert found["settled"] == pytest.approx(90 / 99)
    assert found["steady"] == 0
    assert found["fall"] == pytest.approx(0.1)
    assert found["error, of value"] == pytest.approx(0.5)
    assert found["by its move"] == pytest.approx(np.sqrt((0.03**2 + 0 + 0.04**2) / 3))
    assert found["by theirs"] == pytest.approx(np.sqrt((0.02**2 + 0.09**2 + 0.045**2) / 3))
    assert (found["value differs"], found["ages"]) == pytest.approx((np.sqrt((9 + 16 + 0) / 3), 7))
