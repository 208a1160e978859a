"""The page about a population: everything on it is the run's, and one folder gives one page."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.course import course
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy
from rllib_stackelberg.reports import write_figures, write_report
from rllib_stackelberg.rounding import estimate
from rllib_stackelberg.rules.registry import make_population
from rllib_stackelberg.runs.evaluate import evaluate
from rllib_stackelberg.runs.folder import RunFolder, versions
from rllib_stackelberg.runs.population_options import PopulationOptions
from tests.reports.drawing import drawing_once

PARAMETERS = {"households": 5, "years": 12}


def an_actor(rng, seen, shown, actions):
    sizes = (seen + shown, 4, len(actions.low))
    layers = tuple((rng.normal(size=(b, a)) / a, np.zeros(b)) for a, b in pairwise(sizes))
    return BoxActor(layers, np.zeros(seen), np.ones(seen), np.ones(seen, dtype=bool), actions.low, actions.high)


def a_policy(game, seed=0):
    rng = np.random.default_rng(seed)
    leader = an_actor(rng, game.leader_space.shape[0], 0, game.leader_actions)
    shown = game.leader_actions.shape[0]
    return PopulationPolicy(leader, an_actor(rng, game.member_space.shape[0], shown, game.member_actions))


def a_run(place, game, params):
    """A finished run, as training leaves it."""
    options = PopulationOptions.checked(game=game, params=params, max_iterations=2, plays=8, out=place)
    folder = RunFolder(place)
    folder.write("config", options.resolved() | {"versions": versions()})
    a_policy(options.rules).save(place)
    line = {"mean_return": None, "value": 1.5, "members_return": 2.0, "members_value": 2.5}
    for iteration in (1, 2):
        folder.append_progress(line | {"iteration": iteration})
    folder.write("training", {"iterations": 2, "periods": 600, "seconds": 3.0, "final_value": 1.5})
    folder.write("result", evaluate(place))
    return folder


@pytest.mark.usefixtures("drawn_once")
def test_the_page_says_what_the_result_says_and_needs_nothing_else(tmp_path):
    run = a_run(tmp_path, "taxation", PARAMETERS)
    page = write_report(run.path).read_text()
    result = json.loads((run.path / "result.json").read_text())
    assert estimate(result["leader_value"], result["standard_error"]).value in page
    assert all(f">{name}<" in page for name in make_population("taxation").units)
    assert "leader: spending / GDP" in page
    assert "was not measured" in page
    assert not re.findall(r"(?:src|href)=[\"']?http", page)


def test_one_folder_gives_one_page_and_exploitability_is_shown_where_it_was_measured(tmp_path):
    run = a_run(tmp_path, "public-investment", {"households": 3, "periods": 2})  # has the fewest figures
    first = write_report(run.path).read_bytes()
    assert write_report(run.path).read_bytes() == first
    assert b"was not measured" in first
    sides = {side: {"before": 1.0, "after": 1.25, "gain": 0.25} for side in ("leader", "members")}
    run.write("exploitability", {"total": 0.5, "epochs": 7, **sides})
    run.write("result", evaluate(run.path))
    with drawing_once():
        page = write_report(run.path).read_text()
    assert "50 %" in page
    assert "for 7 epochs" in page


def test_the_course_is_of_the_plays_that_are_valued():
    """Period by period it is what the evaluation averages, and what it finds at the end."""
    game = make_population("taxation", **PARAMETERS)
    policy = a_policy(game)
    found, valued = course(game, policy, seed=3, plays=8), evaluate_population(game, policy, seed=3, plays=8)
    for name, figures in found.figures.items():
        np.testing.assert_allclose(np.nanmean(figures, axis=0), valued.average[name], rtol=1e-9)
        lasted = np.isfinite(found.leader[:, :, 0]).sum(axis=0)
        np.testing.assert_array_equal(lasted, valued.periods)
        np.testing.assert_array_equal(figures[lasted - 1, range(8)], valued.final[name])
    assert found.members.shape == (valued.periods.max(), 8, 2)


def test_figures_of_a_run_are_files_all_or_none(tmp_path):
    (tmp_path / "run").mkdir()
    run = a_run(tmp_path / "run", "labour-supply", {"households": 5})
    files = [tmp_path / f"{name}.svg" for name in ("mechanism", "learning")]
    with pytest.raises(InvalidFieldError, match=r"figure: got gap\.svg; allowed: mechanism\.svg, learning\.svg"):
        write_figures(run.path, [*files, tmp_path / "gap.svg"])
    assert not any(file.exists() for file in files)
    write_figures(run.path, files)
    assert "progressivity" in files[0].read_text()
    assert "members, mean" in files[1].read_text()
