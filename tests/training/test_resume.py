"""A run that was stopped and goes on is the run that was never stopped."""

import json
import os
import resource
import signal

import pytest

from rllib_stackelberg.errors import InterruptedRunError, InvalidFieldError, StorageError
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.running.checkpoints import Checkpoints
from rllib_stackelberg.training.runs import resume, train
from tests.training.running.test_states import same

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local", "few_episodes")]

QUICK = {"game": "maintain", "params": {"mixed": True}, "settings": {"response_updates": 10}, "max_iterations": 5}
STEPS = {"leader_queries": "every_turn", "response_updates": 4}


@pytest.fixture
def few_episodes(monkeypatch):
    for name in ("PARALLEL_EPISODES", "LONG_EPISODES"):
        monkeypatch.setattr(f"rllib_stackelberg.training.leaders.algorithms.{name}", 8)


def options(folder, **changes):
    return TrainOptions.checked(**QUICK | changes, out=folder)


def stop(iteration, number=signal.SIGTERM):
    """A report that sends this process a signal."""

    def report(progress):
        if progress.iteration == iteration:
            os.kill(os.getpid(), number)

    return report


def lines(folder):
    found = (folder / "progress.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in found]


def what_counts(folder):
    """Of the last generation: weights, optimizer, followers, streams, and generators; no clocks, no random names."""
    parts = Checkpoints(folder).load()
    learner = parts["algorithm"]["learner_group"]["learner"]
    runners = [parts["algorithm"].get("env_runner", {}), *parts["runners"].values()]
    episodes = [state["leader_episodes"] for state in runners if "leader_episodes" in state]
    assert episodes
    kept = [{name: state[name] for name in ("begun", "env", "generators", "worker")} for state in episodes]
    weights = {name: learner[name] for name in ("rl_module", "optimizer", "updates", "batches")}
    run = {name: parts["run"][name] for name in ("iteration", "search", "generators")}
    return {"learner": weights, "episodes": kept, "run": run}


def without_time(result):
    """The verdict's advice names a time, too."""
    verdict = {name: value for name, value in result["verdict"].items() if name != "advice"}
    timeless = {name: value for name, value in result.items() if name not in ("seconds", "run_dir")}
    return timeless | {"verdict": verdict}


def check_the_same(tmp_path, **changes):
    whole = train(options(tmp_path / "whole", **changes))
    with pytest.raises(InterruptedRunError, match="SIGTERM") as stopped:
        train(options(tmp_path / "parts", **changes), stop(2))
    assert stopped.value.code == 143
    assert stopped.value.__notes__ == [f"go on with: rllib-stackelberg resume {tmp_path / 'parts'}"]
    assert [path.name for path in Checkpoints(tmp_path / "parts").generations()][-1] == "generation-000002"
    assert not (tmp_path / "parts" / "result.json").exists()
    went_on = resume(tmp_path / "parts")
    same(what_counts(tmp_path / "parts"), what_counts(tmp_path / "whole"))
    assert lines(tmp_path / "parts") == lines(tmp_path / "whole")
    assert without_time(went_on) == without_time(whole)


def test_a_resumed_run_is_the_run_that_was_never_stopped(tmp_path):
    check_the_same(tmp_path)


IN_PLAY = {"elicitation": "in_play", "response_updates": 5}
ALLOCATION = {"game": "simple-allocation", "params": {}}
OTHERS = {
    "closure, choices": ALLOCATION | {"settings": {"response_updates": 10}},
    "in play, continuous": {"settings": IN_PLAY},
    "in play, choices": ALLOCATION | {"settings": IN_PLAY},
    "in play, followers kept": ALLOCATION | {"settings": IN_PLAY | {"keep_followers": True}},
    "step by step, choices": ALLOCATION | {"settings": STEPS},
    "step by step, continuous": {"settings": STEPS},
    "fresh starts": {"restart_after": 2},
    "experience": {"game": "iterated-bimatrix", "params": {"rounds": 2}, "settings": {"response_updates": 20}},
}


@pytest.mark.learning
@pytest.mark.parametrize("case", OTHERS)
def test_however_the_leader_is_asked(tmp_path, case):
    check_the_same(tmp_path, **OTHERS[case])


@pytest.mark.remote
def test_remote_env_runners_go_on_with_their_own_episodes(tmp_path):
    check_the_same(tmp_path, num_env_runners=2)


@pytest.mark.remote
def test_limits_count_from_the_beginning_and_a_finished_run_can_be_taken_further(tmp_path):
    first = train(options(tmp_path / "run", max_iterations=2))
    again = resume(tmp_path / "run")
    assert without_time(again) == without_time(first)
    trained = json.loads((tmp_path / "run" / "progress.jsonl").read_text().splitlines()[-1])["seconds"]
    assert again["seconds"] >= trained > 0
    longer = resume(tmp_path / "run", max_iterations=3)
    assert longer["iterations"] == len(lines(tmp_path / "run")) == 3
    assert json.loads((tmp_path / "run" / "config.json").read_text())["max_iterations"] == 3
    with pytest.raises(InvalidFieldError, match="max_seconds"):
        resume(tmp_path / "run", max_seconds=-1)


@pytest.mark.remote
def test_a_damaged_generation_costs_no_more_than_itself(tmp_path):
    whole = train(options(tmp_path / "run", max_iterations=3))
    generation = Checkpoints(tmp_path / "run").generations()[-1]
    assert generation.name == "generation-000003"
    (generation / "run.json").unlink()
    with pytest.warns(RuntimeWarning, match="generation-000003 is damaged"):
        again = resume(tmp_path / "run")  # has a result, and is left as it is
    assert without_time(again) == without_time(whole)
    assert Checkpoints(tmp_path / "run").generations()[0] == generation
    (tmp_path / "run" / "result.json").unlink()
    with pytest.warns(RuntimeWarning, match="generation-000003 is damaged"):
        again = resume(tmp_path / "run")  # goes on from the second generation
    assert without_time(again) == without_time(whole)
    assert Checkpoints(tmp_path / "run").generations()[-1] == generation
    assert len(lines(tmp_path / "run")) == 3


def test_a_full_disk_stops_the_run_and_costs_nothing(tmp_path):
    """Files may not grow beyond a size that the next generation needs; then they may again."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(progress):
        if progress.iteration == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))

    whole = train(options(tmp_path / "whole", max_iterations=3))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*parts: File too large"):
            train(options(tmp_path / "parts", max_iterations=3), fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in Checkpoints(tmp_path / "parts").path.iterdir()] == ["generation-000000"]
    assert without_time(resume(tmp_path / "parts")) == without_time(whole)


@pytest.mark.remote
def test_a_folder_is_worked_on_by_one_process(tmp_path):
    def again(_):
        with pytest.raises(InvalidFieldError, match="in use"):
            resume(tmp_path / "run")

    train(options(tmp_path / "run", max_iterations=1), again)
