"""Running tables of experiments: every arm with every seed, each run kept in a file, so that nothing is run twice."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rllib_stackelberg.evaluation.baselines import random_search
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.evaluation.strategies import evaluate_strategy
from rllib_stackelberg.experiments.tables import Arm, ExperimentTable, Plan, Summary
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports.experiments import write_tables
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.workload import RESPONSE_SAMPLES
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.registry import find_spec, make_game
from rllib_stackelberg.runs.evaluate import evaluate_against
from rllib_stackelberg.runs.folder import versions
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.solvers import solve
from rllib_stackelberg.training.batches import fill_batches
from rllib_stackelberg.training.independent.independent import train_independent
from rllib_stackelberg.training.running.ray_sessions import ray_session
from rllib_stackelberg.training.runs import train

Row = dict[str, Any]

_OPEN = ExitStack()
"""What a worker process keeps open as long as it lives: its Ray."""


@dataclass(frozen=True)
class Task:
    """One run: an arm of a table with a seed, its budget scaled, and the file its row is kept in."""

    table: str
    arm: Arm
    seed: int
    scale: float
    file: Path

    @property
    def identity(self) -> dict[str, Any]:
        """What a kept row must have been run with."""
        return json.loads(to_json({"arm": self.arm.data(), "seed": self.seed, "scale": self.scale}))

    def kept(self) -> Row | None:
        """The row of an earlier run of the same task."""
        if not self.file.exists():
            return None
        content = json.loads(self.file.read_text(encoding="utf-8"))
        return content["row"] if content["task"] == self.identity else None


def tasks_of(table: ExperimentTable, plan: Plan, folder: Path) -> list[Task]:
    """Seed by seed, so that what is done early says something about every arm."""
    return [
        Task(table.name, arm, seed, plan.scale, folder / table.name / f"{k}-{seed}.json")
        for seed in range(plan.seeds)
        for k, arm in enumerate(table.arms)
    ]


def run_tasks(
    tasks: Sequence[Task], jobs: int, started: Callable[[int], Any], done: Callable[[Task], Any]
) -> list[Row]:
    """Rows of all tasks: run what is not kept yet, some side by side; `started` hears how many are there already.

    Raises:
        whatever the first run that fails raises; rows of finished ones are kept.
    """
    rows = [task.kept() for task in tasks]
    missing = [k for k, row in enumerate(rows) if row is None]
    started(len(tasks) - len(missing))
    for k, row in _completed({k: tasks[k] for k in missing}, min(jobs, len(missing))):
        rows[k] = row
        done(tasks[k])
    return [row for row in rows if row is not None]


def _completed(tasks: Mapping[int, Task], jobs: int) -> Iterator[tuple[int, Row]]:
    """Rows as they are finished: one after the other in this process, or in several others."""
    if jobs <= 1:
        with ray_session():
            yield from ((k, run_and_keep(task)) for k, task in tasks.items())
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_open) as pool:
        waiting = {pool.submit(run_and_keep, task): k for k, task in tasks.items()}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _open() -> None:
    _OPEN.enter_context(ray_session())


def run_and_keep(task: Task) -> Row:
    """Run a task and write its row, whole or not, to its file."""
    begun = time.monotonic()
    row = run_arm(task.arm, task.seed, task.scale) | {"elapsed": time.monotonic() - begun}
    task.file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(task.file, to_json({"task": task.identity, "row": row}).encode())
    return row


def run_arm(arm: Arm, seed: int, scale: float = 1.0) -> Row:
    """One run: `value`, `exact`, `deviation_gain`, `bcce_gap`, `mean_return`, `episodes`, `seconds`.

    `mean_return` is None where nothing explores.
    """
    return {
        "train": _train,
        "judged": _train,
        "random": _random,
        "independent": _independent,
        "strategy": _strategy,
    }[arm.method](arm, seed, scale)


def _game(arm: Arm) -> StackelbergGame:
    return make_game(arm.game, **arm.params)


def _settings(arm: Arm) -> LeaderSettings:
    """The response a value is of."""
    given = find_spec(arm.game).defaults.settings | dict(arm.settings)
    return LeaderSettings.checked(**given).fitted(_game(arm))


def arm_options(arm: Arm, seed: int, scale: float, out: Path) -> TrainOptions:
    """Options of a run of an arm, its budget scaled.

    Raises:
        InvalidFieldError: what cannot work, by name.
    """
    own = {name: value for name, value in arm.options.items() if name != "parallel"}
    limited = arm.iterations is not None
    return TrainOptions.checked(
        game=arm.game,
        params=dict(arm.params),
        settings=dict(arm.settings) | dict(arm.training),
        seed=seed,
        max_iterations=max(1, round(arm.iterations * scale)) if arm.iterations else None,
        max_seconds=None if limited else arm.seconds * scale,
        out=out,
        **own,
    )


def _train(arm: Arm, seed: int, scale: float) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        options = arm_options(arm, seed, scale, Path(folder) / "run")
        result = train(options, configure=lambda config: fill_batches(config, options, arm.options.get("parallel")))
        row = _row(result, result["mean_return"], result["episodes"], result["seconds"])
        if arm.method == "judged":
            found = evaluate_against(options.out or Path(), _settings(arm))
            row |= {"value": found.leader_value, "deviation_gain": found.certificate.deviation_gain}
    return row


def _independent(arm: Arm, seed: int, scale: float) -> Row:
    result = train_independent(arm_options(arm, seed, scale, Path("unused")))
    returns = result["mean_returns"].get(_game(arm).leader)
    return _row(result, returns, result["episodes"], result["seconds"]) | {"joint_value": result["joint_value"]}


def _random(arm: Arm, seed: int, scale: float) -> Row:
    begun = time.monotonic()
    game, settings = _game(arm), _settings(arm)
    luck = random_search(game, settings, max(1, round(arm.episodes * scale)), seed)
    found = luck.evaluate(settings, seed, samples=RESPONSE_SAMPLES, every_play=False)
    result = result_data(game, luck.strategy, found)
    return _row(result, luck.mean, luck.episodes, time.monotonic() - begun)


def _strategy(arm: Arm, seed: int, scale: float) -> Row:
    begun, game = time.monotonic(), _game(arm)
    solution = solve(game)
    pairs = list(enumerate(arm.answers)) if arm.answers or solution is None else solution.leader_strategy
    strategy = LeaderStrategy.from_pairs(game, pairs)
    found = evaluate_strategy(strategy, _settings(arm), seed, samples=RESPONSE_SAMPLES, every_play=False)
    return _row(result_data(game, strategy, found), None, 0, time.monotonic() - begun)


def _row(result: dict[str, Any], mean_return: float | None, episodes: int, seconds: float) -> Row:
    return {
        "value": result["leader_value"],
        "exact": result["exact_value"],
        "deviation_gain": result["certificate"]["deviation_gain"],
        "bcce_gap": result["certificate"]["bcce_gap"],
        "mean_return": mean_return,
        "episodes": episodes,
        "seconds": seconds,
    }


def reproduce_table(
    table: ExperimentTable, plan: Plan, jobs: int, out: Path, advance: Callable[[int], Any]
) -> tuple[list[Summary], Path, list[Path]]:
    """Run what is missing of a table, then write it.

    Args:
        advance: hears of rows that are there, by their number.

    Returns:
        summaries of its arms, the data file, the figures.
    """
    begun = time.monotonic()
    rows = run_tasks(tasks_of(table, plan, out / "runs"), jobs, advance, lambda task: advance(1))
    by_arm = [rows[k :: len(table.arms)] for k in range(len(table.arms))]
    summaries = [Summary.of(arm, table.measure, own) for arm, own in zip(table.arms, by_arm, strict=True)]
    circumstances = {
        "seeds": plan.seeds,
        "budgets_scaled_by": plan.scale,
        "date": time.strftime("%Y-%m-%d"),
        "versions": versions(),
        "machine": machine() | {"runs side by side": jobs},
        "wall_seconds": round(time.monotonic() - begun),
        "seconds_of_all_runs": round(sum(row["elapsed"] for row in rows)),
    }
    return summaries, *write_tables(table, summaries, circumstances, out)


def machine() -> dict[str, Any]:
    """Size of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cores": os.cpu_count(), "memory_gib": round(memory)}
