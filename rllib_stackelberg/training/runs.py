"""One training run: RLlib trains, snapshots are valued, the best is kept, certified and saved."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import COMPONENT_RL_MODULE

from rllib_stackelberg.evaluation import evaluate, evaluate_policy
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.leader_env import StackelbergPOMDP
from rllib_stackelberg.options import TrainOptions
from rllib_stackelberg.reports import write_report
from rllib_stackelberg.run_folder import RunFolder, versions
from rllib_stackelberg.settings import LeaderSettings
from rllib_stackelberg.training.config import leader_config
from rllib_stackelberg.training.failures import rules_error
from rllib_stackelberg.training.search import Search
from rllib_stackelberg.training.sessions import ray_session, torch_threads
from rllib_stackelberg.training.tracking import Tracking

ANNEALED_SHARE = 0.85
"""Of a start's iterations, in which the leader's spread shrinks; in the rest it is small."""

CHECKPOINT_EVERY = 20
"""Iterations between checkpoints: counted, not timed, so that runs repeat."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands; `value` is of the latest greedy snapshot that was valued."""

    iteration: int
    episodes: int
    seconds: float
    mean_return: float
    value: float
    best: float
    exact: float | None
    explained_variance: float

    def line(self) -> dict[str, Any]:
        """As plain data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def train(
    options: TrainOptions,
    report: Callable[[Progress], None] | None = None,
    configure: Callable[[AlgorithmConfig], Any] | None = None,
) -> dict[str, Any]:
    """Train a leader, keep and certify its best greedy policy, and leave a run folder.

    Args:
        options: what to train, and for how long.
        report: called with the progress after every valuation.
        configure: has the last word on the RLlib configuration.

    Returns:
        The content of result.json.

    Raises:
        RulesError: the game broke its rules (the last checkpoint is kept).
    """
    game, settings = options.make_game(), options.make_settings()
    folder = RunFolder.create(options.out or options.new_folder())
    folder.write("config", options.resolved() | {"versions": versions()})
    with ray_session(options.num_env_runners, options.ray_address), torch_threads():
        algorithm = leader_config(
            options.algo,
            game=options.game,
            game_config=options.params,
            critic=options.critic,
            seed=options.seed,
            **settings.model_dump(),
        )
        algorithm.env_runners(num_env_runners=options.num_env_runners)
        schedule = algorithm.learner_config_dict
        if options.restart_after and "anneal_updates" in schedule:
            shorter = {"anneal_updates": ANNEALED_SHARE * options.restart_after}
            algorithm.training(learner_config_dict=schedule | shorter)
        if configure:
            configure(algorithm)
        algo = algorithm.build_algo()
        try:
            with Tracking(folder.path, options) as tracking:
                training = _loop(algo, folder, options, game, settings, report, tracking)
        finally:
            algo.stop()
    folder.write("training", training)
    result = evaluate(folder.path)
    folder.write("result", result)
    _write_report(folder)
    return result


def _write_report(folder: RunFolder) -> None:
    """The page about the run; whatever goes wrong with it must not cost the result, which is written."""
    try:
        write_report(folder.path)
    except Exception as error:
        warnings.warn(f"{folder.path} has no report.html: {error!r}", RuntimeWarning, stacklevel=3)


def _loop(
    algo: Algorithm,
    folder: RunFolder,
    options: TrainOptions,
    game: StackelbergGame,
    settings: LeaderSettings,
    report: Callable[[Progress], None] | None,
    tracking: Tracking,
) -> dict[str, Any]:
    search = Search(options, game, settings)
    checkpoint(algo, folder)
    # What is compiled on first use is compiled before the clock starts.
    StackelbergPOMDP(game, settings).reset()
    search.value(algo.get_module().export(), 1)
    started = time.monotonic()
    progress: Progress | None = None
    iteration = 0
    while not search.finished(iteration, time.monotonic() - started):
        if search.restarts(iteration):
            restart(algo)
        result = train_once(algo)
        iteration += 1
        progress = _progress(result, iteration, started, search, algo)
        folder.append_progress(progress.line())
        tracking.log(progress.line(), result)
        if report:
            report(progress)
        if iteration % CHECKPOINT_EVERY == 0:
            checkpoint(algo, folder)
    assert progress is not None
    assert search.best.network is not None
    checkpoint(algo, folder)
    search.best.network.save(folder.path)
    final = algo.get_module().export().acting_in(game)
    return {
        "episodes": progress.episodes,
        "iterations": iteration,
        "seconds": time.monotonic() - started,
        "mean_return": progress.mean_return,
        "explained_variance": progress.explained_variance,
        "final_value": evaluate_policy(game, final, settings, options.seed, every_play=False)[1].leader_value,
    }


def restart(algo: Algorithm) -> None:
    """A fresh leader on the same workers, whose episodes and streams go on."""
    algo.learner_group.foreach_learner(lambda learner: learner.restart())
    # Handed over without a sequence number: with its old one a runner would take them for the weights it has.
    weights = algo.learner_group.get_weights()
    algo.env_runner_group.foreach_env_runner(lambda runner: runner.set_state({COMPONENT_RL_MODULE: weights}))


def train_once(algo: Algorithm) -> dict[str, Any]:
    """One RLlib iteration; a game that broke its rules comes out as a `RulesError`, from whatever process."""
    try:
        return algo.train()
    except Exception as error:
        broken = rules_error(error, algo)
        if broken is None:
            raise
        raise broken from error


def _progress(result: dict[str, Any], iteration: int, started: float, search: Search, algo: Algorithm) -> Progress:
    runners = result["env_runners"]
    mean_return = float(runners.get("leader_value", float("nan")))
    found = search.look(iteration, algo.get_module().export(), mean_return)
    assert search.best.found is not None
    return Progress(
        iteration=iteration,
        episodes=int(runners.get("num_episodes_lifetime", 0)),
        seconds=time.monotonic() - started,
        mean_return=mean_return,
        value=found.leader_value,
        best=search.best.found.leader_value,
        exact=search.exact,
        explained_variance=float(result["learners"]["default_policy"].get("vf_explained_var", float("nan"))),
    )


def checkpoint(algo: Algorithm, folder: RunFolder) -> None:
    """Save RLlib's state beside the old one, then swap: there is always a whole checkpoint."""
    fresh, kept, old = (folder.path / name for name in (".checkpoint.new", "checkpoint", ".checkpoint.old"))
    shutil.rmtree(fresh, ignore_errors=True)
    algo.save_to_path(str(fresh.resolve()))
    if kept.exists():
        kept.rename(old)
    fresh.rename(kept)
    shutil.rmtree(old, ignore_errors=True)
