"""Tables of experiments: every arm can be run, what was run is kept, a budget shortens, what is written is right."""

import io
import json
import statistics
from dataclasses import replace

import pytest
from rich.console import Console

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.experiments.tables import COLUMNS, Arm, ExperimentTable, Plan, chosen_tables, experiment_tables
from rllib_stackelberg.reports import tables
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training import reproduction
from rllib_stackelberg.training.reproduction import Task, reproduce_table, run_arm, tasks_of

ARMS = [(name, k) for name, table in experiment_tables().items() for k in range(len(table.arms))]
ALLOCATION = {"messages": 2, "types": 2}
SMALL = ExperimentTable(
    "small",
    "Small",
    "One can be told.",
    (
        Arm("two types", "random", "simple-allocation", ALLOCATION, {"response_updates": 20}, "random", episodes=200),
        Arm("two types", "always item 0", "simple-allocation", ALLOCATION, method="strategy", answers=(0, 0)),
        Arm("three types", "optimum", "simple-allocation", {"types": 3, "messages": 2}, method="strategy"),
    ),
    references=(("two types", "1.0 after 3 s", "somebody"),),
)


@pytest.mark.parametrize(("name", "k"), ARMS)
def test_every_arm_is_accepted_before_anything_runs(name, k):
    arm = experiment_tables()[name].arms[k]
    options = reproduction.arm_options(arm, 0, 0.01, "unused")
    assert isinstance(options, TrainOptions)
    assert options.resolved_settings.reward_plays is not None
    game = make_game(arm.game, **arm.params)
    assert len(arm.answers) in (0, game.leader_turn.keys)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_a_table_is_written_and_what_was_run_is_not_run_again(tmp_path, monkeypatch):
    heard = []
    summaries, file, figures = reproduce_table(SMALL, Plan(2, 1.0), 1, tmp_path, heard.append)
    assert sum(heard) == 6
    by_arm = {summary.arm: summary for summary in summaries}
    assert by_arm["random"].values == (1.0, 1.0)
    assert by_arm["always item 0"].values == (0.5, 0.5)
    assert (by_arm["optimum"].mean, by_arm["optimum"].exact) == pytest.approx((2 / 3, 2 / 3))
    assert [path.name for path in figures] == ["small-two-types.svg", "small-three-types.svg"]
    data = json.loads(file.read_text())
    assert [arm["values"] for arm in data["arms"]] == [[1.0, 1.0], [0.5, 0.5], [pytest.approx(2 / 3)] * 2]
    assert data["circumstances"]["seeds"] == 2
    page = (tmp_path / "small.md").read_text()
    assert "| two types | always item 0 | 0.5 | 1 | 2 of 2 |" in page
    assert "| two types | somebody | 1.0 after 3 s |" in page
    (tmp_path / "runs" / "small" / "1-1.json").unlink()
    ran = []
    monkeypatch.setattr(reproduction, "run_arm", lambda *task: ran.append(task) or run_arm(*task))
    again, *_ = reproduce_table(SMALL, Plan(2, 1.0), 1, tmp_path, heard.append)
    assert [(arm.name, seed) for arm, seed, _ in ran] == [("always item 0", 1)]
    assert [summary.values for summary in again] == [summary.values for summary in summaries]


def test_a_kept_row_of_another_task_is_not_taken(tmp_path):
    task = tasks_of(SMALL, Plan(1, 1.0), tmp_path)[1]
    row = reproduction.run_and_keep(task)
    assert task.kept() == row
    assert Task(task.table, replace(task.arm, answers=(0, 1)), 0, 1.0, task.file).kept() is None
    assert Task(task.table, task.arm, 0, 0.5, task.file).kept() is None


def test_mean_and_standard_error_are_over_seeds():
    rows = [{"value": v, "exact": 1.0, "deviation_gain": g, "seconds": 1.0} for v, g in ((0.5, 0.0), (0.7, 0.1))]
    summary = reproduction.Summary.of(SMALL.arms[0], "value", rows)
    assert summary.error == pytest.approx(statistics.stdev([0.5, 0.7]) / 2**0.5)
    assert summary.cells[2:5] == ("0.60 ± 0.10", "1", "1 of 2")
    shown = Console(width=120, record=True, file=io.StringIO())
    shown.print(tables.experiment(SMALL, [summary]))
    assert "0.60 ± 0.10" in shown.export_text()
    assert len(summary.cells) == len(COLUMNS)


def test_all_tables_fit_their_budgets():
    every = chosen_tables(None)
    ten_minutes = Plan.within(every, seeds=3, minutes=10, jobs=2)
    assert ten_minutes.seeds == 1
    assert ten_minutes.scale > 0.5
    assert Plan.within(every, seeds=3, minutes=120, jobs=2) == Plan(3, 1.0)


def test_an_unknown_table_is_refused_by_name():
    with pytest.raises(InvalidFieldError, match=r"^table: got 'nothing'; allowed: .*ablation"):
        chosen_tables("nothing")
