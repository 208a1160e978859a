"""Runs on population games that were stopped or killed go on: same networks, same buffer, other plays."""

import json
import subprocess
import sys
import time
from argparse import Namespace

import numpy as np
import pytest

from rllib_stackelberg import evaluate
from rllib_stackelberg.errors import InterruptedRunError, InvalidFieldError
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import PopulationRun
from rllib_stackelberg.streams import Stream
from rllib_stackelberg.training.populations.buffer import PeriodEpisodeReplayBuffer, apart, together
from rllib_stackelberg.training.populations.checkpoints import PopulationCheckpoints
from rllib_stackelberg.training.populations.modules import LEADER, MEMBERS
from rllib_stackelberg.training.populations.smfrl import smfrl_config
from rllib_stackelberg.training.populations.snapshots import Snapshots
from rllib_stackelberg.training.populations.turns import policies_of
from rllib_stackelberg.training.running.generations import algorithm_parts, restore_algorithm
from rllib_stackelberg.training.running.ray_sessions import torch_threads
from rllib_stackelberg.training.running.states import from_bytes, to_bytes
from rllib_stackelberg.training.runs import resume, train
from tests.populations_for_tests import TINY, Levy
from tests.training.populations.test_sides import policy
from tests.training.populations.test_smfrl import LEVY, runner
from tests.training.running.test_states import same
from tests.training.test_resume import stop


def options(folder, iterations=4, **changes):
    given = {"game": "public-investment", "params": {"households": 4, "periods": 5}, "settings": TINY, "plays": 5}
    return PopulationOptions.checked(max_iterations=iterations, out=folder, **given | changes)


def lines(folder):
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def filled(seed=3, capacity=1000, epochs=1):
    """A buffer, and the env runner that fills it."""
    made, buffer = runner({"fails_at": 4}), PeriodEpisodeReplayBuffer(capacity, seed=seed)
    for _ in range(epochs):
        buffer.add(made.sample(num_timesteps=60))
    return buffer, made


def test_pieces_come_apart_as_they_were():
    pieces = runner({"fails_at": 4}).sample(num_timesteps=33) + runner().sample(num_timesteps=60)
    found = apart(together(pieces))
    assert {piece.is_terminated for piece in found} == {piece.is_truncated for piece in found} == {True, False}
    for one, other in zip(pieces, found, strict=True):
        same(together([one]), together([other]))


@pytest.mark.parametrize("capacity", [1000, 100])
def test_a_restored_buffer_draws_what_the_old_one_does(capacity):
    """Also where pieces that were handed over in parts had been evicted meanwhile."""
    buffer, made = filled(capacity=capacity)
    first = buffer.get_state()
    buffer.add(made.sample(num_timesteps=60))
    buffer.sample_periods(50, 3)
    second = buffer.get_state(since=first["added"])
    assert sum(part["lengths"].sum() for part in second["pieces"]) == 60
    restored = PeriodEpisodeReplayBuffer(capacity, seed=9)
    state = second | {"pieces": [*first["pieces"], *second["pieces"]]}
    restored.set_state(from_bytes(*to_bytes(state)))
    assert len(restored) == len(buffer) == min(capacity // 4 * 4, 120)
    same(restored.get_state(), buffer.get_state())
    for one, other in zip(buffer.sample_periods(200, 5), restored.sample_periods(200, 5), strict=True):
        same(one, other)


def test_an_env_runner_goes_on_with_plays_that_it_has_not_played():
    made = runner({"members": 50}, kept_members=10)
    made.sample(num_timesteps=75)
    again = runner({"members": 50}, kept_members=10)
    again.set_state(from_bytes(*to_bytes(made.get_state(not_components="rl_module"))))
    assert again.num_env_steps_sampled_lifetime == 75
    assert (again.env.episodes == made.env.episodes + 1).all()
    unused = [again.env.generator(0, stream) for stream in (Stream.NATURE, Stream.MEMBERS)]
    unused[0].random((50, Levy().start_draws))  # of the start
    for mine, fresh in zip((again.env._nature[0], again._subsets[0]), unused, strict=True):
        assert mine.random() == fresh.random()
    elsewhere = runner()
    elsewhere.set_state({"leader_episodes": {"worker": 7, "episodes": np.full(3, 9)}})
    assert (elsewhere.env.episodes == 0).all()


def check_files(checkpoints, iterations):
    """Every generation can be read, and there are no other files."""
    assert [generation.name for generation in checkpoints.generations()] == [f"generation-{k:06d}" for k in iterations]
    needed = {name for generation in checkpoints.generations() for name in checkpoints.needs(generation)}
    assert needed == {file.stem for file in checkpoints.plays.place.iterdir()}
    for generation in checkpoints.generations():
        held = sum(part["lengths"].sum() for part in checkpoints.read(generation)["buffer"]["pieces"])
        assert held >= checkpoints.read(generation)["buffer"]["periods"]


def test_plays_are_written_once_and_deleted_when_no_generation_needs_them(tmp_path):
    checkpoints, (buffer, made) = PopulationCheckpoints(tmp_path), filled(capacity=130)
    written = []
    for iteration in range(7):
        checkpoints.save(iteration, {"run": {"iteration": iteration}, "buffer": buffer.get_state(checkpoints.added)})
        written.append({file.name for file in checkpoints.plays.place.iterdir()})
        buffer.add(made.sample(num_timesteps=60))
    assert len(set().union(*written)) == 7
    assert len(written[-1]) == 5  # of 130 periods in parts of 60 three, and two that older generations need
    check_files(checkpoints, (4, 5, 6))
    again = PopulationCheckpoints(tmp_path)
    parts = again.load()
    restored = PeriodEpisodeReplayBuffer(130)
    restored.set_state(parts["buffer"])
    assert (len(restored), restored.get_added_timesteps(), again.added) == (128, 420, 420)
    restored.add(made.sample(num_timesteps=60))
    again.save(8, {"run": {"iteration": 8}, "buffer": restored.get_state(again.added)})
    check_files(again, (5, 6, 8))


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_without_its_plays_a_generation_is_passed_over(tmp_path, damage):
    checkpoints, (buffer, made) = PopulationCheckpoints(tmp_path), filled()
    for iteration in (1, 2):
        checkpoints.save(iteration, {"run": {"iteration": iteration}, "buffer": buffer.get_state(checkpoints.added)})
        buffer.add(made.sample(num_timesteps=60))
    file = checkpoints.plays.place / f"{checkpoints.needs(checkpoints.generations()[-1])[-1]}.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink()
    if damage == "changed":
        file.write_bytes(content)
    again = PopulationCheckpoints(tmp_path)
    with pytest.warns(RuntimeWarning, match=r"generation-000002 is damaged .* plays"):
        parts = again.load()
    assert parts["run"]["iteration"] == 1
    assert again.added == 60


def test_snapshots_go_on():
    made = runner()
    sides = zip((LEADER, MEMBERS), made.boxes, made._logged, strict=True)
    found = PopulationPolicy(*(made.module[side].export(box.low, box.high, logged) for side, box, logged in sides))
    kept = Snapshots(options(None, game=LEVY, params={}, settings=TINY | {"keep": "best"}))
    kept.look(found, done=0.6)
    again = Snapshots(kept.options)
    again.set_state(from_bytes(*to_bytes(kept.get_state())))
    same(again.get_state(), kept.get_state())
    kept.best = again.best = 1e9
    again.look(found, done=0.7)
    assert again.best == 1e9  # still in the second half
    again.look(found, done=0.4)
    again.look(found, done=0.6)
    assert again.best < 1e9  # of a longer run, which has come to its second half again


def test_a_snapshot_whose_plays_end_earlier_does_not_replace_another(monkeypatch):
    """Two that last six periods, one that lasts five, of which the leader would have most."""
    snapshots, lasting = Snapshots(options(None, settings=TINY | {"keep": "last"})), iter([6.0, 6.0, 5.0])

    def told(*_):
        periods = next(lasting)
        return Namespace(data=lambda: {"lasted": periods, "leader_value": -periods})

    monkeypatch.setattr("rllib_stackelberg.training.populations.snapshots.evaluate_population", told)
    seen = [policy(Levy(), seed) for seed in range(3)]
    for each in seen:
        snapshots.look(each, done=0.7)
    assert snapshots.policy is seen[1]
    assert (snapshots.best, snapshots.longest) == (-6.0, 6.0)


@pytest.mark.parametrize("keep", ["last", "best"])
def test_the_last_snapshot_is_kept_or_the_best_one(keep):
    snapshots = Snapshots(options(None, game=LEVY, params={}, settings=TINY | {"keep": keep}))
    seen, values = [policy(Levy(), seed) for seed in range(4)], []
    for each in seen:
        snapshots.look(each, done=0.7)
        values.append(snapshots.found["leader_value"])
    assert np.argmax(values) != 3
    wanted = 3 if keep == "last" else int(np.argmax(values))
    assert snapshots.policy is seen[wanted]
    assert snapshots.best == values[wanted]


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_all_that_is_learned_from_survives(tmp_path):
    """Networks, targets, optimizers, statistics, scales of rewards, counters, rates, and RLlib's means."""
    settings = TINY | {"rate_decay_epochs": 1, "centred": True, "averaging": 1.0, "critics": 2, "layer_norm": True}
    settings |= {"leader_pace": 0.5, "pace_decay": 1.0, "rate": 1e-4, "rate_decay": 0.95}
    settings |= {"critic_rate": 1e-3, "critic_rate_decay": 0.9}
    with torch_threads():
        first, second = (smfrl_config(game=LEVY, seed=seed, **settings).build_algo() for seed in (0, 1))
        for _ in range(3):
            reported = first.iterate()
        parts = {name: from_bytes(*to_bytes(part)) for name, part in algorithm_parts(first).items()}
        restore_algorithm(second, parts)
        states = [algo.learner_group.get_state()["learner"] for algo in (first, second)]
        for name in ("rl_module", "optimizer", "epochs", "updates"):
            same(states[0][name], states[1][name])
        assert states[1]["epochs"] == 2
        module = states[1]["rl_module"][MEMBERS]
        for one, other in (("qf.each.1.own", "target_qf.each.1.own"), ("pi.network.0", "averaged_pi.network.0")):
            assert not np.array_equal(module[f"{one}.weight"], module[f"{other}.weight"])
        assert module["reward_scale.count"] == states[1]["rl_module"][LEADER]["reward_scale.count"] * 20 == 72 * 20
        learner = second.learner_group._learner
        rates = {
            (MEMBERS, "actor"): 1e-4 * 0.95**2,
            (LEADER, "actor"): 0.5e-4 * 0.95**2,
            (LEADER, "critic"): 1e-3 * 0.9**2,
        }
        for (side, part), rate in rates.items():
            assert learner.get_optimizer(side, part).param_groups[0]["lr"] == pytest.approx(rate)
        same(
            second.env_runner_group.local_env_runner.module.get_state(),
            first.env_runner_group.local_env_runner.module.get_state(),
        )
        assert (second.epoch, second.training_iteration) == (first.epoch, first.training_iteration) == (3, 3)
        second.local_replay_buffer.set_state(first.local_replay_buffer.get_state())
        later = second.iterate()
        assert later["env_runners"]["num_episodes_lifetime"] >= reported["env_runners"]["num_episodes_lifetime"] > 0
        assert later["env_runners"]["num_env_steps_sampled_lifetime"] == 4 * 24
        for algo in (first, second):
            algo.stop()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    """To as many epochs, each told once; then there is nothing left to do, until the limit is raised."""
    monkeypatch.setattr("rllib_stackelberg.training.running.generations.SAVE_ITERATIONS", 2)
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRunError, match="SIGTERM") as stopped:
        train(options(folder, iterations=6), stop(3))
    assert stopped.value.__notes__ == [f"go on with: rllib-stackelberg resume {folder}"]
    check_files(PopulationCheckpoints(folder), (0, 2, 3))
    assert not (folder / "result.json").exists()
    before = lines(folder)
    with (folder / "progress.jsonl").open("a") as stream:
        stream.write('{"iteration": 4, "per')  # killed while it wrote
    result = resume(folder)
    after = lines(folder)
    assert after[:3] == before
    assert [line["iteration"] for line in after] == [1, 2, 3, 4, 5, 6]
    assert [line["periods"] for line in after] == [24 * k for k in range(1, 7)]
    for name in ("seconds", "plays", "done"):
        values = [line[name] for line in after]
        assert values == sorted(values)
    assert not any(np.isnan(line["mean_return"]) for line in after[2:])
    assert result["iterations"] == 6
    content = (folder / "result.json").read_bytes()
    assert resume(folder, stop(1)) == result == json.loads(content)
    assert (folder / "result.json").read_bytes() == content
    longer = resume(folder, max_iterations=7)
    assert longer["iterations"] == len(lines(folder)) == 7
    opened = PopulationRun.open(folder)
    assert opened.finished(opened.options()) == longer


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_a_run_without_a_generation_begins_anew(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.write("config", options(folder.path, iterations=2).resolved() | {"versions": {}})
    folder.append_progress({"iteration": 1, "mean_return": "of a run that was lost"})
    assert resume(folder.path)["iterations"] == 2
    assert [line["iteration"] for line in lines(folder.path)] == [1, 2]
    assert lines(folder.path)[0]["periods"] == 24


def test_what_cannot_be_gone_on_with_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    folder = RunFolder.create(tmp_path / "run")
    folder.write("config", options(tmp_path / "run").resolved())
    with pytest.raises(InvalidFieldError, match="max_iterations"):
        resume(folder.path, max_iterations=0)
    with folder.locked(), pytest.raises(InvalidFieldError, match="in use"):
        resume(folder.path)
    with pytest.raises(InvalidFieldError, match=r"config\.json"):
        resume(tmp_path)
    with pytest.raises(InvalidFieldError, match=r"device: torch, .* finds no CUDA device here; allowed: cpu"):
        resume(folder.path, reach={"device": "cuda"})


@pytest.mark.ray
@pytest.mark.page
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(
    ("algo", "members_algo"), [("PPO", "SMFRL"), pytest.param("SMFRL", "APPO", marks=pytest.mark.remote)]
)
def test_turns_go_on_where_they_were(tmp_path, algo, members_algo):
    folder, chosen = tmp_path / "run", {"algo": algo, "members_algo": members_algo}
    with pytest.raises(InterruptedRunError):
        train(options(folder, 2, **chosen), stop(1))
    held = PopulationCheckpoints(folder).load()
    given = options(folder, 2, **chosen)
    first, now = policies_of(held["run"], given.rules)
    for side, name in (("leader", algo), ("members", members_algo)):
        learned, began = now.of_side(side).layers, first.of_side(side).layers
        assert not np.array_equal(learned[0][0], began[0][0])
        if name != "SMFRL":
            weights = held[f"{side}algorithm"]["learner_group"]["learner"]["rl_module"]["default_policy"]
            assert np.array_equal(weights["pi.0.weight"], learned[0][0])
    begun = {
        side: held[f"{side}algorithm"]["env_runner"]["leader_episodes"]["episodes"] for side in ("leader", "members")
    }
    result = resume(folder)
    assert result["iterations"] == len(lines(folder)) == 2
    assert lines(folder)[1]["periods"] > lines(folder)[0]["periods"]
    after = PopulationCheckpoints(folder).load()
    for side, before in begun.items():
        assert (after[f"{side}algorithm"]["env_runner"]["leader_episodes"]["episodes"] > before).all()
    assert evaluate(folder) == result
    assert result["algo"] == algo
    assert (folder / "report.html").exists()


@pytest.mark.remote
def test_remote_runners_go_on_with_plays_of_their_own(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRunError):
        train(options(folder, num_env_runners=1), stop(2))
    saved = PopulationCheckpoints(folder).load()["runners"][1]
    assert saved["leader_episodes"]["worker"] == 1
    assert saved["num_env_steps_sampled_lifetime"] >= 24
    assert resume(folder)["iterations"] == len(lines(folder)) == 4
    last = PopulationCheckpoints(folder).load()["runners"][1]["leader_episodes"]["episodes"]
    assert (last > saved["leader_episodes"]["episodes"]).all()


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param("config.json", marks=pytest.mark.learning),
        pytest.param("progress.jsonl", marks=pytest.mark.learning),
        pytest.param("checkpoints/*generation-000020*", marks=pytest.mark.remote),
    ],
)
def test_a_killed_run_goes_on(tmp_path, sign):
    """Before its first generation, while it trains, or while it saves."""
    folder = tmp_path / "run"
    settings = [f"--setting={name}={value}" for name, value in TINY.items()]
    train = ["train", "public-investment", "households=4", "periods=5", "--max-iterations", "40", *settings]
    command = [sys.executable, "-m", "rllib_stackelberg", *train, "--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not list(folder.glob(sign)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (folder / "result.json").exists()
    assert resume(folder)["iterations"] == 40
    assert [line["iteration"] for line in lines(folder)] == list(range(1, 41))
