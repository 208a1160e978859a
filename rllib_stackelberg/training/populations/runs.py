"""Training runs on games with a population: SMFRL trains, greedy snapshots are valued, the best is kept and reported.

What is kept is the snapshot at which the side that learns (the leader, if both do) is worth most on the selection
streams, among those of the second half of the run: earlier, members have not found their answers yet, and a leader is
worth what it would never get from members that have. Values are reported of other streams.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from rllib_stackelberg.evaluation import evaluate
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.options import PopulationOptions
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.run_folder import RunFolder, versions
from rllib_stackelberg.streams import Purpose
from rllib_stackelberg.training.interruptions import Interruption, interruptible
from rllib_stackelberg.training.loop import storing
from rllib_stackelberg.training.populations.alternation import Alternation
from rllib_stackelberg.training.populations.smfrl import SMFRL, SMFRLConfig, smfrl_config
from rllib_stackelberg.training.reporting import leave_report
from rllib_stackelberg.training.sessions import ray_session, torch_threads

REPORT_SECONDS = 120.0
"""In which the page about a run must be written."""

SETTLED_SHARE = 0.5
"""Of a run, after which snapshots are candidates."""

RETURNS = ("episode_return_mean", "members_return_mean")
"""Of exploring plays, as env runners report them."""


@dataclass(frozen=True)
class PopulationProgress:
    """Where a run stands, after an epoch.

    Attributes:
        iteration: epochs; periods: played; plays: that have ended; seconds: of training; done: share of the run.
        mean_return, members_return: of the last exploring plays that have ended; NaN before the first.
        value, members_value, lasted: of the latest greedy snapshot that was valued (payoffs of a play; periods).
        best: value of the snapshot that is kept; NaN before there is one.
    """

    iteration: int
    periods: int
    plays: int
    seconds: float
    done: float
    mean_return: float
    members_return: float
    value: float
    members_value: float
    lasted: float
    best: float

    def line(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


Report = Callable[[PopulationProgress], None]
Configure = Callable[[SMFRLConfig], Any]


class Snapshots:
    """Greedy snapshots: the latest, and the best of those that count."""

    def __init__(self, options: PopulationOptions):
        self.options, self.settings, self.game = options, options.make_settings(), options.make_game()
        self.of_leader = "leader" in self.settings.learning
        self.policy: PopulationPolicy | None = None
        self.best = -math.inf
        self.found: dict[str, Any] = {}
        self._settled = False

    def look(self, policy: PopulationPolicy, done: float) -> None:
        """Value a snapshot, and keep it if it is the best."""
        plays = self.settings.evaluation_plays
        evaluated = evaluate_population(self.game, policy, self.options.seed, Purpose.SELECTION, plays)
        self.found = evaluated.data()
        value = self.found["leader_value" if self.of_leader else "members_value"]
        if done >= SETTLED_SHARE and not self._settled:
            self._settled, self.best = True, -math.inf
        if value > self.best or self.policy is None:
            self.best, self.policy = value, policy


def train_population(
    options: PopulationOptions, report: Report | None = None, configure: Configure | None = None
) -> dict[str, Any]:
    """Train both sides, keep the best greedy policies, and leave a run folder.

    Args:
        options: what to train, and for how long; report: called with the progress after every epoch.
        configure: has the last word on the RLlib configuration.

    Returns:
        The content of result.json.

    Raises:
        RunStoppedError: the run cannot go on, and why. What was best is saved.
    """
    assert options.out is not None
    folder = RunFolder.create(options.out)
    with folder.locked(), storing(folder.path), ray_session(options.num_env_runners), torch_threads():
        folder.write("config", options.resolved() | {"versions": versions()})
        training = _trained(folder, options, report, configure)
        folder.write("training", training)
        if options.exploitability:
            from rllib_stackelberg.training.populations.exploitability import exploitability

            folder.write("exploitability", exploitability(options, PopulationPolicy.load(folder.path)))
        result = evaluate(folder.path)
        folder.write("result", result)
        leave_report(folder, REPORT_SECONDS)
    return result


def _trained(
    folder: RunFolder, options: PopulationOptions, report: Report | None, configure: Configure | None
) -> dict[str, Any]:
    snapshots = Snapshots(options)
    algo = started(options, configure)
    try:
        with interruptible() as interruption:
            last = _loop(algo, snapshots, options, interruption, lambda now: _note(folder, now, report))
    finally:
        algo.stop()
        if snapshots.policy is not None:
            snapshots.policy.save(folder.path)
    return {"iterations": last.iteration, "periods": last.periods, "seconds": last.seconds, "final_value": last.value}


def configured(options: PopulationOptions, configure: Configure | None = None) -> SMFRLConfig:
    """The RLlib configuration of a run."""
    settings = options.make_settings().model_dump()
    config = smfrl_config(game=options.game, game_config=options.params, seed=options.seed, **settings)
    config.env_runners(num_env_runners=options.num_env_runners)
    if configure:
        configure(config)
    return config


def started(options: PopulationOptions, configure: Configure | None = None) -> SMFRL | Alternation:
    """What the run iterates; `configure` is for SMFRL alone."""
    return Alternation(options) if options.algo == "PPO" else configured(options, configure).build_algo()


def _note(folder: RunFolder, now: PopulationProgress, report: Report | None) -> None:
    folder.append_progress(now.line())
    if report:
        report(now)


def _loop(
    algo: SMFRL | Alternation,
    snapshots: Snapshots,
    options: PopulationOptions,
    interruption: Interruption,
    note: Callable[[PopulationProgress], None],
) -> PopulationProgress:
    began, iteration, done = time.monotonic(), 0, 0.0
    returns: dict[str, float] = {}  # reported in epochs in which plays end
    while done < 1:
        if interruption.signal is not None:
            raise interruption.error()
        reported = algo.iterate()
        returns |= {name: reported[name] for name in RETURNS if not math.isnan(reported.get(name, math.nan))}
        iteration += 1
        done = options.done(iteration, time.monotonic() - began)
        if done >= 1 or iteration % snapshots.settings.evaluate_every == 0 or not snapshots.found:
            snapshots.look(algo.policy(), done)
        now = _progress(reported | returns, snapshots, iteration, time.monotonic() - began, done)
        note(now)
    return now


def _progress(
    runners: dict[str, Any], snapshots: Snapshots, iteration: int, seconds: float, done: float
) -> PopulationProgress:
    found = snapshots.found
    return PopulationProgress(
        iteration=iteration,
        periods=int(runners["num_env_steps_sampled_lifetime"]),
        plays=int(runners.get("num_episodes_lifetime", 0)),
        seconds=seconds,
        done=min(1.0, done),
        mean_return=float(runners.get("episode_return_mean", math.nan)),
        members_return=float(runners.get("members_return_mean", math.nan)),
        value=found["leader_value"],
        members_value=found["members_value"],
        lasted=found["lasted"],
        best=snapshots.best,
    )
