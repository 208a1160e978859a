"""One training run: RLlib trains, snapshots are valued, the best is kept, certified and saved."""

from __future__ import annotations

import logging
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
import torch
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import COMPONENT_RL_MODULE

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation import Evaluation, evaluate, evaluate_policy, evaluate_strategy, tabulated
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.leader_env import StackelbergPOMDP
from rllib_stackelberg.options import TrainOptions
from rllib_stackelberg.policy import LeaderNetwork
from rllib_stackelberg.run_folder import RunFolder, versions
from rllib_stackelberg.settings import LeaderSettings
from rllib_stackelberg.solvers import solve
from rllib_stackelberg.strategy import LeaderStrategy
from rllib_stackelberg.streams import Purpose
from rllib_stackelberg.training.config import leader_config
from rllib_stackelberg.training.failures import rules_error

SELECTION_SAMPLES = (32, 128, 512)
"""Responses on which a snapshot is valued: the first few, and more as long as it looks better than the one kept."""

OPTIMUM_TOLERANCE = 1e-6
"""How close to the exact value (in units of the leader's payoff range) counts as having reached it."""

SELECTION_TOLERANCE = 1e-3
"""Snapshots this close (in units of the leader's payoff range) count as equally good."""

SETTLED_TOLERANCE = 2e-3
"""How close to the exact value (in the same units) the mean return of a settled leader is."""

CALM_ITERATIONS = 10
"""Iterations in a row in which mean return and greedy value agree so well, after which a leader starts afresh."""

ANNEALED_SHARE = 0.85
"""Of a start's iterations, in which the leader's spread shrinks; in the rest it is small."""

CHECKPOINT_EVERY = 20
"""Iterations between checkpoints: counted, not timed, so that runs repeat."""


ESTIMATE_EVERY = 25
"""Iterations between valuations where a value has to be estimated from plays: it costs more than an iteration."""


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


@dataclass
class BestSnapshot:
    """The best greedy policy so far.

    Among snapshots whose value is within the tolerance of the best value seen, one whose play is an
    equilibrium is preferred, then the more valuable one.
    """

    tolerance: float
    highest: float = float("-inf")
    network: LeaderNetwork | None = None
    found: Evaluation | None = None

    def beaten_by(self, found: Evaluation) -> bool:
        """Whether a snapshot with that evaluation is better."""
        self.highest = max(self.highest, found.leader_value)
        return self.found is None or self._rank(found) > self._rank(self.found)

    def offer(self, network: LeaderNetwork, found: Evaluation) -> None:
        """Keep the snapshot if it is better."""
        if self.beaten_by(found):
            self.network, self.found = network, found

    def reaches(self, value: float) -> bool:
        """Whether the snapshot kept is worth that much, in an equilibrium of the followers."""
        return self.found is not None and self.found.leader_value >= value and self.found.certificate.equilibrium

    def _rank(self, found: Evaluation) -> tuple[bool, bool, float]:
        close = found.leader_value >= self.highest - self.tolerance
        return close, close and found.certificate.equilibrium, found.leader_value


@dataclass
class Valuer:
    """Values greedy snapshots on the selection streams; equal tables are valued once."""

    game: StackelbergGame
    settings: LeaderSettings
    seed: int
    known: dict[tuple[bytes, int], Evaluation] = field(default_factory=dict)

    @property
    def further_samples(self) -> tuple[int, ...]:
        """Sample sizes on which a snapshot that looks best is valued again; none where once is exact, or costly."""
        return SELECTION_SAMPLES[1:] if self.settings.random_response and tabulated(self.game) else ()

    def due(self, iteration: int) -> bool:
        """Whether the snapshot of an iteration is worth its valuation (the last one always is)."""
        return tabulated(self.game) or iteration % ESTIMATE_EVERY == 0

    def __call__(self, network: LeaderNetwork, samples: int) -> Evaluation:
        """Evaluation of what the network does when it does not explore."""
        policy = network.acting_in(self.game)
        if not tabulated(self.game):
            chosen = (self.settings, self.seed, Purpose.SELECTION, samples)
            return evaluate_policy(self.game, policy, *chosen, every_play=False)[1]
        strategy = LeaderStrategy.ask(self.game, policy)
        key = (strategy.signature(), samples)
        if key not in self.known:
            if len(self.known) > 1000:
                self.known.clear()
            self.known[key] = evaluate_strategy(
                strategy, self.settings, self.seed, Purpose.SELECTION, samples, every_play=False
            )
        return self.known[key]


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
    with ray_session(options), torch_threads():
        algorithm = leader_config(
            options.algo,
            game=options.game,
            game_config=options.params,
            critic=options.critic,
            seed=options.seed,
            **settings.model_dump(),
        )
        algorithm.env_runners(num_env_runners=options.num_env_runners)
        if options.restart_after and algorithm.learner_config_dict:
            algorithm.training(learner_config_dict={"anneal_updates": ANNEALED_SHARE * options.restart_after})
        if configure:
            configure(algorithm)
        algo = algorithm.build_algo()
        try:
            training = _loop(algo, folder, options, game, settings, report)
        finally:
            algo.stop()
    folder.write("training", training)
    result = evaluate(folder.path)
    folder.write("result", result)
    return result


class Search:
    """What a run looks for: the best snapshot, and whether there is anything left to find.

    Attributes:
        best: the snapshot kept; exact: the exact leader value, None if unknown.
        optimal: whether the snapshot kept has reached the exact value, in an equilibrium of the followers.
        settled: whether, besides, the exploring leader's mean return has come close to it.
    """

    def __init__(self, options: TrainOptions, game: StackelbergGame, settings: LeaderSettings):
        low, high = (float(x) for x in game.payoff_range[0])
        self.spread = high - low
        self.options = options
        self.best = BestSnapshot(tolerance=SELECTION_TOLERANCE * self.spread)
        self.value = Valuer(game, settings, options.seed)
        solution = solve(game)
        self.exact = solution.leader_value if solution and solution.exists else None
        self.optimal = self.settled = False
        self._begun = 0
        self._calm = 0
        self._found: Evaluation | None = None

    def look(self, iteration: int, network: LeaderNetwork, mean_return: float) -> Evaluation:
        """The value of a snapshot, or of the last one that was due; the best is kept."""
        if self._found is None or self.value.due(iteration):
            self._found = self.value(network, SELECTION_SAMPLES[0])
            self._compare(network, self._found)
        near = SETTLED_TOLERANCE * self.spread
        if self.exact is not None:
            self.optimal = self.best.reaches(self.exact - OPTIMUM_TOLERANCE * self.spread)
            self.settled = self.optimal and mean_return >= self.exact - near
        self._calm = self._calm + 1 if abs(mean_return - self._found.leader_value) <= near else 0
        return self._found

    def _compare(self, network: LeaderNetwork, found: Evaluation) -> None:
        for samples in self.value.further_samples:
            if not self.best.beaten_by(found):
                return
            found = self.value(network, samples)
        self.best.offer(network, found)

    def restarts(self, iteration: int) -> bool:
        """Whether the leader should start afresh before the given iteration.

        Its time is up, or exploring pays it as much as its best answers do: there is nothing left to learn here.
        """
        after = self.options.restart_after
        stuck = iteration - self._begun >= (after or 0) or self._calm >= CALM_ITERATIONS
        due = after is not None and not self.optimal and stuck
        if due:
            self._begun, self._calm = iteration, 0
        return due

    def finished(self, iteration: int, seconds: float) -> bool:
        """Whether the budget is used up, or nothing is left to find."""
        return self.options.finished(iteration, seconds) or (self.options.stop_at_optimum and self.settled)


def _loop(
    algo: Algorithm,
    folder: RunFolder,
    options: TrainOptions,
    game: StackelbergGame,
    settings: LeaderSettings,
    report: Callable[[Progress], None] | None,
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
        result = _train_once(algo)
        iteration += 1
        progress = _progress(result, iteration, started, search, algo)
        folder.append_progress(progress.line())
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


def _train_once(algo: Algorithm) -> dict[str, Any]:
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


@contextmanager
def ray_session(options: TrainOptions) -> Iterator[None]:
    """A Ray to run in: the one already there, or a local one for the time of the run."""
    # RLlib greets every run with a note on its API stack, and gymnasium with one that RLlib registers its env again.
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*Overriding environment rllib-single-agent-env-v0.*")
    if ray.is_initialized():
        _refuse_too_many(options)
        yield
        return
    # Workers must find a game class in the user's own script: they get the driver's search path.
    search = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH", "")]))
    local = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": max(1, options.num_env_runners)}
    ray.init(
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": search}} if options.num_env_runners else None,
        **local,
    )
    try:
        _refuse_too_many(options)
        yield
    finally:
        ray.shutdown()


def _refuse_too_many(options: TrainOptions) -> None:
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if options.num_env_runners > cpus:
        raise InvalidFieldError(
            "num_env_runners", f"{options.num_env_runners} on {cpus} CPUs", f"0..{cpus} on this Ray"
        )


@contextmanager
def torch_threads() -> Iterator[None]:
    """One torch thread while training: the networks are too small to share, and results repeat."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
