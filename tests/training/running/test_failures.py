"""Games that raise are started again a few times, games that hang are stopped; both by name, with what they said."""

import signal
import time
from types import FunctionType

import numpy as np
import pytest
from typer.testing import CliRunner

from rllib_stackelberg.cli import app
from rllib_stackelberg.errors import GameError, InterruptedRunError, InvalidFieldError, RulesError
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.running.checkpoints import Checkpoints
from rllib_stackelberg.training.running.deadlines import DeadlineError, TimeIsUpError, deadline, until
from rllib_stackelberg.training.running.failures import EpisodesLostError, Failures, WorkerLeaderEnv, final_error
from rllib_stackelberg.training.running.interruptions import interruptible
from rllib_stackelberg.training.runs import resume, train
from tests.games_for_tests import NoisyAllocation
from tests.games_that_fail import FailingGame


def options(tmp_path, iterations=4, **params):
    faults = {"folder": str(tmp_path), **{name: value for name, value in params.items() if name != "game_timeout"}}
    limits = {name: value for name, value in params.items() if name == "game_timeout"}
    return TrainOptions.checked(
        game="tests.games_that_fail:FailingGame", params=faults, settings={"response_updates": 5},
        max_iterations=iterations, stop_at_optimum=False, out=tmp_path / "run", **limits,
    )  # fmt: skip


def test_a_game_that_ends_python_has_failed(tmp_path):
    """`sys.exit(0)` would end the command with 0 and without a result."""
    game = FailingGame(str(tmp_path), how="exit")
    failures = Failures(most=2)
    with pytest.raises(GameError, match=r"failed 3 times: SystemExit\(0\)") as stopped:
        failures.survived(game.start, np.zeros((1, 2)), None)
    assert 'games_that_fail.py", line' in str(stopped.value)
    done = CliRunner().invoke(app, ["solve", "tests.games_that_fail:FailingGame", f"folder={tmp_path}", "how=exit"])
    assert done.exit_code == 1
    assert "sys.exit(0)" in done.stderr


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_the_end_of_a_runs_time_is_kept_within_a_play_and_what_was_cut_is_no_part_of_the_run(tmp_path, monkeypatch):
    """One batch of plays never ends, after a generation was saved; the game may take minutes, the run three seconds."""
    monkeypatch.setattr("rllib_stackelberg.training.running.generations.SAVE_ITERATIONS", saved := 3)
    generation = f"run/checkpoints/generation-{saved:06d}"
    faults = {"folder": str(tmp_path), "how": "hang", "first": 5, "last": 6, "after": generation}
    given = {"game": "tests.games_that_fail:FailingGame", "params": faults, "settings": {"response_updates": 5}}
    result = train(TrainOptions.checked(**given, max_seconds=3, stop_at_optimum=False, out=tmp_path / "run"))
    assert 3 <= result["seconds"] < 4.5
    lines = (tmp_path / "run" / "progress.jsonl").read_text().splitlines()
    assert result["iterations"] == len(lines) >= saved
    again = resume(tmp_path / "run", game=given["game"], max_iterations=result["iterations"] + 2)
    assert again["iterations"] == result["iterations"] + 2
    kept = len(lines) - len(lines) % saved
    assert (tmp_path / "run" / "progress.jsonl").read_text().splitlines()[:kept] == lines[:kept]


def test_an_alarm_from_outside_rings_in_time_within_a_deadline():
    began, handler, alarm = time.monotonic(), signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with pytest.raises(TimeIsUpError), until(time.monotonic() + 0.2), deadline(60, 10):
        time.sleep(5)
    assert 0.15 < time.monotonic() - began < 1
    assert signal.getsignal(signal.SIGALRM) is handler  # pytest's own, which goes on
    assert alarm[0] - 2 < signal.getitimer(signal.ITIMER_REAL)[0] <= alarm[0]


def slow(seconds, times):
    for _ in range(times):
        time.sleep(seconds)


def valued(calls):
    """As the platform, which calls games."""
    for seconds in calls:
        slow(seconds, 1)


def test_a_hang_in_a_valuation_is_found_after_the_limit_of_one_call_and_slowness_is_none(monkeypatch):
    """A call that never returns, among many; calls that take longer together than one may."""
    monkeypatch.setitem(valued.__globals__, "__name__", "rllib_stackelberg.test")
    foreign = FunctionType(slow.__code__, {"__name__": "somebody", "time": time, "range": range}, "slow")
    monkeypatch.setitem(valued.__globals__, "slow", foreign)
    failures = Failures(most=0, seconds=0.4)
    failures.survived(valued, [0.15] * 6, long=True)
    began = time.monotonic()
    with pytest.raises(GameError, match=r"a call did not return within 0\.4 s"):
        failures.survived(valued, [0.1, 60], long=True)
    assert time.monotonic() - began < 1.5


def played(tmp_path):
    return (tmp_path / "count").stat().st_size


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_a_game_that_always_raises_stops_the_run_with_its_own_traceback_and_repaired_goes_on(tmp_path):
    """After the first batches, so that there is a generation; repaired, it is the same game without faults."""
    with pytest.raises(GameError) as stopped:
        train(options(tmp_path, first=25))
    assert "the game failed 6 times: ConnectionError('the simulator went away in batch" in str(stopped.value)
    assert 'games_that_fail.py", line' in str(stopped.value)
    assert "in fail" in str(stopped.value)
    assert Checkpoints(tmp_path / "run").load()
    config = (tmp_path / "run" / "config.json").read_text()
    (tmp_path / "run" / "config.json").write_text(config.replace('"first": 25', '"first": 1000000000'))
    assert resume(tmp_path / "run", game="tests.games_that_fail:FailingGame")["iterations"] == 4


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(
    "first",
    [pytest.param(28, marks=pytest.mark.remote)] + [pytest.param(k, marks=pytest.mark.learning) for k in (2, 10, 45)],
)
def test_a_game_that_raises_a_few_times_recovers_wherever_it_is_played(tmp_path, first):
    result = train(options(tmp_path, first=first, last=first + 5))
    assert result["iterations"] == 4
    assert result["leader_value"] >= 0.5
    assert played(tmp_path) > first + 5


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.usefixtures("ray_local")
def test_a_game_that_hangs_stops_the_run(tmp_path):
    began = time.monotonic()
    with pytest.raises(
        GameError, match=r"the game did not return: DeadlineError\('(no return|a call did not return) within 1 s'\)"
    ) as stopped:
        train(options(tmp_path, first=28, how="hang", game_timeout=1.0))
    assert "time.sleep(0.01)" in str(stopped.value)
    assert time.monotonic() - began < 60
    assert Checkpoints(tmp_path / "run").load()


def test_failures_are_counted_over_calls_and_bounded():
    failures = Failures(most=2)
    calls = iter([ValueError, 5, KeyError, 6, ValueError])

    def call():
        found = next(calls)
        if isinstance(found, int):
            return found
        raise found

    assert failures.survived(call) == 5
    assert failures.survived(call) == 6
    with pytest.raises(GameError, match="failed 3 times: ValueError"):
        failures.survived(call)


def test_broken_rules_are_not_tried_again():
    failures = Failures(most=2)
    with pytest.raises(RulesError, match="NaN"), failures.counted(10):
        raise RulesError("NaN")
    assert failures.count == 0
    with pytest.raises(EpisodesLostError), failures.counted(10):
        raise GameError("a foreign environment raised")
    assert failures.count == 1


def test_a_refusal_is_no_fault_of_the_game_and_not_tried_again():
    failures, tries = Failures(most=2), []

    def refuse():
        tries.append(1)
        raise InvalidFieldError("response_updates", "got 10^9", "at most 10^6")

    with pytest.raises(InvalidFieldError, match="response_updates"):
        failures.survived(refuse, long=True)
    assert (len(tries), failures.count) == (1, 0)


def test_signals_in_a_row_end_a_run_once_and_are_no_fault_of_the_game(monkeypatch):
    """The first waits for the iteration, the second raises, others that say the same let what ends the run go on."""
    failures, ended = Failures(most=2), []

    def play():
        try:
            for _ in range(8):
                signal.raise_signal(signal.SIGINT)
        finally:
            for _ in range(8):
                signal.raise_signal(signal.SIGINT)
            ended.append(1)

    with interruptible() as interruption:
        with pytest.raises(InterruptedRunError, match="SIGINT") as stopped:
            failures.survived(play, long=True)
        assert (stopped.value.code, failures.count, ended) == (130, 0, [1])
        assert interruption.signal is signal.SIGINT
        monkeypatch.setattr("rllib_stackelberg.training.running.interruptions.SAME_SECONDS", 0.0)
        with pytest.raises(InterruptedRunError):  # much later: it is stuck
            signal.raise_signal(signal.SIGINT)


def test_a_refusal_behind_an_error_of_rllib_is_found():
    refused = InvalidFieldError("x", "is wrong", "right")
    wrapped = RuntimeError("of RLlib")
    wrapped.__cause__ = refused
    assert final_error(wrapped) is refused
    assert final_error(RuntimeError("of RLlib")) is None


def environment(tmp_path, **faults):
    def make():
        return FailingGame(str(tmp_path), **faults)

    settings = LeaderSettings.checked(response_updates=2, leader_queries="every_turn")
    return WorkerLeaderEnv(make, settings, 3, 0, Failures())


def test_step_by_step_episodes_that_the_game_lost_are_cut_short_and_others_begin(tmp_path):
    """Every batch of plays is one update of an environment: three at the start, two in the step that fails."""
    env = environment(tmp_path, first=5, last=6)
    before = env.game
    env.reset()
    shorts, lengths, ended = [], np.zeros(3, int), np.zeros(3, bool)
    for _ in range(40):
        _, rewards, terminated, truncated, infos = env.step(np.zeros(3, int))
        assert not (terminated & truncated).any()
        assert bool(infos) == bool(terminated.any())
        assert (rewards[truncated] == 0).all()
        shorts.append(truncated.copy())
        lengths[~ended] += 1
        ended = terminated | truncated
    cut = np.flatnonzero(np.any(shorts, axis=1))
    assert len(cut) == 1
    assert env.failures.count == 1
    assert env.game is not before
    assert env.episodes > 0
    assert (env.elicitation.episode >= 1).all()


def test_an_environment_that_hangs_does_not_hang(tmp_path):
    env = environment(tmp_path, how="hang", first=1)
    env.failures.seconds = 0.2
    with pytest.raises(GameError, match="did not return"):
        env.reset()


def test_a_deadline_interrupts_and_leaves_other_alarms_alone():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    outer = signal.setitimer(signal.ITIMER_REAL, 0.6)
    try:
        with deadline(5):
            pass
        with pytest.raises(DeadlineError, match=r"0\.1 s"), deadline(0.1):
            time.sleep(5)
        assert not rung
        time.sleep(0.7)
        assert len(rung) == 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, *outer)
        signal.signal(signal.SIGALRM, before)


def test_the_worker_environment_plays_as_its_parent_does():
    from rllib_stackelberg import StackelbergPOMDP

    settings = LeaderSettings(response_updates=3)
    one = WorkerLeaderEnv(NoisyAllocation, settings, 2, 7, Failures())
    other = StackelbergPOMDP(NoisyAllocation(), settings, num_envs=2, seed=7)
    for env in (one, other):
        env.reset(seed=3)
    for _ in range(6):
        for left, right in zip(one.step(np.ones(2, int))[1:4], other.step(np.ones(2, int))[1:4], strict=True):
            np.testing.assert_array_equal(left, right)
