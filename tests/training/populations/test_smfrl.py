"""SMFRL as an RLlib algorithm."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from ray.rllib.callbacks.callbacks import RLlibCallback

from rllib_stackelberg import evaluate, leader_config, make_population, show_progress
from rllib_stackelberg import train as train_in_python
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.policy import PopulationPolicy, played_game
from rllib_stackelberg.populations.settings import PAPER, PopulationSettings
from rllib_stackelberg.rules.registry import find_spec
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.populations.buffer import PeriodEpisodeReplayBuffer
from rllib_stackelberg.training.populations.env_runners import PopulationEnvRunner
from rllib_stackelberg.training.populations.smfrl import smfrl_config
from rllib_stackelberg.training.running.ray_sessions import ray_session, torch_threads
from rllib_stackelberg.training.runs import train
from tests.conftest import POPULATIONS
from tests.populations_for_tests import TINY, Levy
from tests.training.running.test_tracking import events

LEVY = "tests.populations_for_tests:Levy"


def runner(game_config=None, seed=0, **settings):
    return PopulationEnvRunner(
        config=smfrl_config(game=Levy, game_config=game_config, seed=seed, **TINY | settings), worker_index=0
    )


def test_every_member_explores_alone():
    """Noise is the difference from what the actor would have done; an untrained one does about the same for all."""
    made = runner(random_epochs=0, noise=0.05)
    actions = made.sample(num_timesteps=24)[0].actions.data["members"][:, :, 0]
    assert abs(np.corrcoef(actions.T) - np.eye(20)).mean() < 0.4  # 8 periods
    assert actions.std(axis=1).min() > 0.02
    still = made.sample(num_timesteps=24, explore=False)[0].actions.data["members"][:, :, 0]
    assert still.std() < 0.01


def test_a_side_that_does_not_learn_does_not_explore():
    episode = runner(learning=["members"]).sample(num_timesteps=24)[0]
    assert episode.actions.data["leader"].std() < 1e-2
    assert episode.actions.data["members"].std() > 0.1


def test_pieces_are_cut_where_plays_end_and_say_how():
    for fails_at, terminated in ((0, False), (10, True)):
        episodes = runner({"fails_at": fails_at}).sample(num_timesteps=75)
        assert [len(episode) for episode in episodes] == [10, 10, 5] * 3
        assert [episode.is_terminated for episode in episodes] == [terminated, terminated, False] * 3
        assert [episode.is_truncated for episode in episodes] == [not terminated, not terminated, False] * 3


def test_plays_are_cut_off_at_ages_as_common_as_they_count_in_a_discounted_value():
    """Of a play that may last long, the chance to get to be older than t is gamma^t."""
    gamma, periods = 0.8, 400
    made = runner({"periods": periods}, cutting=1 - gamma, plays=20)
    pieces = [piece for piece in made.sample(num_timesteps=20 * periods) if piece.is_done]
    assert all(piece.is_truncated and not piece.is_terminated for piece in pieces)
    lengths = np.array([len(piece) for piece in pieces])
    for age in (1, 3, 8):
        wanted = gamma**age
        assert (lengths > age).mean() == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / len(lengths)))
    assert not made.metrics.reduce().get("num_episodes")  # none of them has ended by itself


def test_a_play_that_fails_before_it_is_cut_off_is_over():
    pieces = [piece for piece in runner({"fails_at": 4}, cutting=0.2).sample(num_timesteps=300) if piece.is_done]
    assert {len(piece) for piece in pieces} == {1, 2, 3, 4}
    assert [piece.is_terminated for piece in pieces] == [len(piece) == 4 for piece in pieces]


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize("centred", [False, True])
def test_critics_say_the_same_in_payoffs_when_the_unit_of_rewards_moves(centred):
    """Discounted payoffs are unit times what critics say over the factor, and origin / (1 - gamma) for an origin."""
    with torch_threads():
        algo = smfrl_config(game=LEVY, **TINY, popart=True, centred=centred, critics=2).build_algo()
        learner = algo.learner_group._learner
        module, gamma = learner.module["leader"].unwrapped(), learner.settings.gamma
        inputs = torch.rand(6, 1 + 1), torch.rand(6, 1), torch.rand(6, 1)

        def promised(critics):
            origin, unit = module.reward_scale.measure
            return critics(*inputs).detach() * unit / learner.reward_factor + origin / (1 - gamma)

        seen = {"leader": np.ones((9, 1)), "members": np.ones((9, 20, 1))}
        for scale in (1.0, 40.0, 3.0):
            before, told = [promised(critics) for critics in (module.qf, module.target_qf)], module.qf(*inputs).detach()
            learner.observe(seen, {side: scale * np.linspace(-1, 2, 9) for side in seen})
            for critics, was in zip((module.qf, module.target_qf), before, strict=True):
                torch.testing.assert_close(promised(critics), was, rtol=1e-4, atol=1e-3)
            assert not torch.allclose(module.qf(*inputs).detach(), told, rtol=1e-2)
        algo.stop()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_the_leader_slows_down_as_members_do_and_more():
    settings = TINY | {"rate": 0.01, "rate_decay": 0.5, "rate_decay_epochs": 2, "leader_pace": 0.3, "pace_decay": 0.1}
    with torch_threads():
        algo = smfrl_config(game=LEVY, **settings).build_algo()
        learner, rates = algo.learner_group._learner, []
        for _ in range(4):
            algo.train()
            rates.append([learner.get_optimizer(side, "actor").param_groups[0]["lr"] for side in ("leader", "members")])
        algo.stop()
    leader, members = np.transpose(rates)[:, -2:]
    assert members[0] / rates[0][1] in (0.5, 0.25)
    np.testing.assert_allclose(leader / (0.3 * members), 0.1 ** np.log2(0.01 / members))


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_snapshots_act_by_the_mean_of_the_actors_that_learn_and_explore():
    settings = TINY | {"updates": 1, "averaging": 1.0, "rate": 0.01}
    with torch_threads():
        algo = smfrl_config(game=LEVY, **settings).build_algo()
        modules = {side: algo.learner_group._learner.module[side].unwrapped() for side in ("leader", "members")}
        learned = {side: [p.detach().numpy() for p in module.pi.parameters()] for side, module in modules.items()}
        seen = {side: [] for side in learned}
        for epoch in range(5):
            algo.train()
            if epoch >= settings["random_epochs"]:
                for side, found in learned.items():
                    seen[side].append([values.copy() for values in found])
        means = {side: [np.mean(values, axis=0) for values in zip(*found, strict=True)] for side, found in seen.items()}
        policy = algo.policy()
        for side, actor in (("leader", policy.leader), ("members", policy.members)):
            saved = [values for layer in actor.layers for values in layer]
            for one, wanted, now in zip(saved, means[side], learned[side], strict=True):
                np.testing.assert_allclose(one, wanted, rtol=1e-5, atol=1e-7)
                assert not np.allclose(one, now, rtol=1e-3, atol=0)
        leader, one = modules["leader"], {"obs": torch.ones((1, len(policy.leader.mean)))}
        for forward, actor in ((leader.forward_exploration, leader.pi), (leader.forward_inference, leader.averaged_pi)):
            assert torch.equal(forward(one)["actions"], actor(leader.inputs(one["obs"])))
        algo.start_from(policy)
        again = algo.policy()
        assert all(np.array_equal(a, b) for a, b in zip(again.leader.layers[0], policy.leader.layers[0], strict=True))
        algo.stop()


def test_what_is_kept_are_exact_means_and_some_members():
    made = runner({"members": 50}, kept_members=10)
    episode = made.sample(num_timesteps=9)[0]
    assert episode.observations.data["members"].shape == (4, 10, 1)
    whole = runner({"members": 50}, kept_members=50).sample(num_timesteps=9)[0]
    assert np.allclose(episode.observations.data["mean"], whole.observations.data["mean"])
    assert np.allclose(whole.observations.data["members"].mean(axis=1), whole.observations.data["mean"], atol=1e-6)
    assert np.allclose(whole.actions.data["members"].mean(axis=1), whole.actions.data["mean"], atol=1e-6)


def test_the_buffer_hands_over_what_was_played():
    buffer = PeriodEpisodeReplayBuffer(1000, seed=3)
    buffer.add(runner({"fails_at": 4}).sample(num_timesteps=60))
    leader, own = buffer.sample_periods(200, 5)
    assert leader["leader_action"].min() >= 0
    assert leader["leader_action"].max() <= 1
    # Rewards are those of the actions in the buffer: their units agree with the game's, whose boxes are unit boxes.
    made = own["learned"][:, :, 0] * own["actions"][:, :, 0]
    paid = made * (1 - leader["leader_action"]) - own["actions"][:, :, 0] ** 2 / 2
    assert np.allclose(own["rewards"], paid, atol=1e-6)
    assert own["members"].shape == (200, 20, 1)
    assert leader["over"].mean() == pytest.approx(0.25, abs=0.1)
    small = PeriodEpisodeReplayBuffer(20, seed=3)
    small.add(runner().sample(num_timesteps=60))
    assert len(small) <= 20
    assert small.sample_periods(8, 99)[1]["actions"].shape == (8, 20, 1)


def test_rows_of_several_periods_have_what_was_paid_in_them_and_what_is_seen_after():
    """Against sums taken period by period; at the end of a piece there are fewer, and a play that fails is over."""
    n_step, gamma, long = 3, 0.9, 4
    pieces = runner({"fails_at": long}).sample(num_timesteps=60)
    buffer = PeriodEpisodeReplayBuffer(1000, seed=3)
    buffer.add(pieces)
    leader, own = buffer.sample_periods(300, 20, n_step, gamma)
    wanted = {}
    for piece in pieces:
        seen, paid = piece.observations.data, piece.rewards.data
        theirs = piece.extra_model_outputs["member_rewards"].data
        for t in range(len(piece)):
            ahead = range(min(n_step, len(piece) - t))
            sums = [sum(gamma**k * side[t + k] for k in ahead) for side in (paid, theirs)]
            over = piece.is_terminated and t + len(ahead) == len(piece)
            weights = sum(gamma**k for k in ahead), gamma ** len(ahead)
            wanted[seen["members"][t].tobytes()] = (*sums, *weights, seen["mean"][t + len(ahead)], over)
    for row, members in enumerate(own["members"]):
        total, theirs, weight, discount, after, over = wanted[members.tobytes()]
        found = (leader[name][row] for name in ("leader_reward", "weight", "discount", "next_mean", "over"))
        for one, other in zip(found, (total, weight, discount, after, over), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(np.sort(own["rewards"][row]), np.sort(theirs), rtol=1e-5, atol=1e-6)
    assert {round(float(discount), 3) for discount in leader["discount"]} == {0.9, 0.81, 0.729}


def test_memory_bounds_the_buffer():
    for members in (100, 1000, 100_000):
        assert PopulationSettings().capacity(Levy(members=members)) == PopulationSettings().capacity(Levy(members=100))
    with pytest.raises(InvalidFieldError, match="buffer_mb"):
        PopulationSettings(buffer_mb=0.01).capacity(Levy(members=100))


def test_settings_are_refused_by_name():
    for settings, field in (
        ({"member_low": [0.1, 0.2]}, "member_low"),
        ({"member_high": [2.0]}, "member_high"),
        ({"leader_low": [0.7], "leader_high": [0.6]}, "leader_low"),
        ({"learning": ["nobody"]}, "learning"),
        ({"gamma": 1.0}, "gamma"),
        ({"unheard": 1}, "unheard"),
    ):
        with pytest.raises(InvalidFieldError) as refused:
            smfrl_config(game=Levy, **settings)
        assert refused.value.field == field
    assert PopulationSettings(**PAPER).noise == 0.01


@pytest.mark.parametrize("game", sorted({name for name, _ in POPULATIONS.values()}))
def test_one_set_of_defaults_is_for_all_games(game):
    """A game adds what its rules ask for: a bound, a tie-break, an answer that moves the leader's payoff."""
    assert set(find_spec(game).defaults.settings) <= {"member_low", "member_pull", "through_members"}


def trained(folder, seed=0, iterations=3, settings=TINY, **options):
    given = {"game": LEVY, "settings": settings, "seed": seed, "plays": 5, "out": folder}
    return train(PopulationOptions.checked(max_iterations=iterations, **given | options))


def of_training(result):
    return {name: value for name, value in result.items() if name not in ("seconds", "run_dir")}


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_saved_policies_alone_give_the_reported_values_and_seeds_repeat(tmp_path, monkeypatch):
    result = trained(tmp_path / "a", exploitability=2)
    logged = events(tmp_path / "a" / "tensorboard")
    lines = [json.loads(line) for line in (tmp_path / "a" / "progress.jsonl").read_text().splitlines()]
    assert [logged[k]["leader/value"] for k in (1, 2, 3)] == pytest.approx([line["value"] for line in lines])
    assert math.isfinite(logged[3]["rllib/learners/members/critic_loss"])
    assert evaluate(tmp_path / "a", game=LEVY) == result == json.loads((tmp_path / "a" / "result.json").read_text())
    assert result["exploitability"]["total"] >= 0
    again = trained(tmp_path / "b", exploitability=2, device="cpu")
    assert of_training(again) == of_training(result)
    other = trained(tmp_path / "c", seed=1)
    assert other["final_value"] != result["final_value"]


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_exported_actors_act_as_the_modules_do():
    with ray_session(), torch_threads():
        algo = smfrl_config(game="taxation", game_config={"households": 5, "years": 9}, **TINY).build_algo()
        for _ in range(3):
            algo.train()
        made, policy = algo.env_runner_group.local_env_runner, algo.policy()
        saez = {"households": 5, "taxes": "saez"}
        with pytest.raises(InvalidFieldError, match="members: play another game: taxes=chosen, not saez"):
            leader_config(game="taxation", game_config=saez, members=policy)
        with pytest.raises(InvalidFieldError, match="policy: play another game: constants=taxai, not smfrl"):
            algo.start_from(replace(policy, played=played_game(make_population("taxation", constants="taxai"))))
        seen = made._observe()
        leader, members = made._act(seen, explore=False)
        acted = policy.play(made.game, made.env.state)
        assert np.allclose(policy.leader.unit(acted[0]), leader, atol=1e-5)
        assert np.allclose(policy.members.unit(acted[1]), members, atol=1e-5)
        algo.stop()


@pytest.mark.ray
@pytest.mark.page
@pytest.mark.usefixtures("ray_local")
def test_a_side_that_does_not_learn_stays_as_it_was_loaded(tmp_path):
    trained(tmp_path / "run")
    assert (tmp_path / "run" / "report.html").exists()
    policy = PopulationPolicy.load(tmp_path / "run")
    with ray_session(), torch_threads():
        algo = smfrl_config(game=LEVY, **TINY | {"learning": ["members"]}).build_algo()
        algo.start_from(policy)
        for _ in range(3):
            algo.train()
        found = algo.policy()
        algo.stop()
    same = [np.array_equal(a[0], b[0]) for a, b in zip(policy.leader.layers, found.leader.layers, strict=True)]
    assert all(same)
    assert np.array_equal(policy.leader.mean, found.leader.mean)
    assert not np.array_equal(policy.members.layers[0][0], found.members.layers[0][0])


@pytest.mark.remote
def test_remote_runners_play(tmp_path):
    result = trained(tmp_path / "run", num_env_runners=1)
    assert result["periods"] >= 3 * TINY["epoch_periods"]
    assert evaluate(tmp_path / "run", game=LEVY) == result


def learned(**settings):
    """A leader and members after 10 epochs; where the leader must know the answers to find its optimum."""
    torch.manual_seed(0)
    settings = {"gamma": 0.5} | settings
    with ray_session(), torch_threads():
        algo = smfrl_config(game=LEVY, **settings).build_algo()
        for _ in range(10):
            algo.train()
        policy = algo.policy()
        algo.stop()
    game = Levy()
    levy = float(policy.lead(np.full((1, 1), 0.6))[0, 0])
    skills = np.array([0.3, 0.6, 0.9])
    works = policy.follow(skills[None, :, None], np.full((1, 1), levy))[0, :, 0]
    return evaluate_population(game, policy).leader.mean() / game.best_payoff(), levy, works / (skills * (1 - levy))


@pytest.mark.learning
@pytest.mark.ray
def test_smfrl_reaches_the_stackelberg_optimum_where_gradients_pass_through_members():
    value, levy, relative = learned(through_members=True)
    assert value > 0.95
    assert levy == pytest.approx(0.5, abs=0.1)
    assert np.allclose(relative, 1, atol=0.2)


@pytest.mark.learning
@pytest.mark.ray
def test_without_a_gradient_through_members_the_leader_takes_all():
    """The paper's actor: for given answers more is better, and how they will change is not part of its gradient."""
    value, levy, _ = learned(through_members=False)
    assert levy > 0.9
    assert value < 0.5


@pytest.mark.learning
@pytest.mark.ray
def test_ppo_finds_the_stackelberg_optimum_against_members_that_see_its_action(tmp_path):
    """Members answer what the leader does in the same period: its own problem contains the answer."""
    result = trained(tmp_path / "run", iterations=8, algo="PPO", settings={"gamma": 0.5}, plays=64)
    assert result["leader_value"] > 0.95 * Levy().best_payoff()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_python_trains_populations_by_the_same_call(tmp_path, capsys):
    settings = {name: value for name, value in TINY.items() if name != "plays"} | {"rate": 3e-4}
    found = train_in_python(
        LEVY, {"members": 5}, max_iterations=1, plays=5, report=show_progress, out=tmp_path / "run", **settings
    )
    assert (found.value, found.members_value) == (found.data["leader_value"], found.data["members_value"])
    assert json.loads((tmp_path / "run" / "config.json").read_text())["settings"]["rate"] == 3e-4
    assert found.policy.play(Levy(members=5), Levy(members=5).start(np.full((2, 5, 1), 0.5)))[1].shape == (2, 5, 1)
    assert "members&#x27; payoff" in found._repr_html_() or "members' payoff" in found._repr_html_()
    assert "iteration 1, plays" in capsys.readouterr().out


def test_a_device_that_is_not_there_is_refused_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InvalidFieldError, match=r"device: torch, .* finds no CUDA device here; allowed: cpu"):
        trained(tmp_path / "run", device="cuda")
    assert not (tmp_path / "run").exists()


@pytest.mark.ray
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_networks_learn_and_act_on_a_cuda_device(tmp_path):
    result = trained(tmp_path / "run", device="cuda")
    assert evaluate(tmp_path / "run", game=LEVY) == result


class Counting(RLlibCallback):
    """Notes what it is called for."""

    def on_environment_created(self, *, env_runner, env_context, **kwargs):
        env_runner.told = [("created", env_context.worker_index)]

    def on_episode_end(self, *, env_runner, episode, metrics_logger, **kwargs):
        assert episode.is_done
        metrics_logger.log_value("mine", 1, reduce="sum")
        env_runner.told.append("ended")


def test_callbacks_are_called_where_plays_are_sampled():
    config, ended, sampled = smfrl_config(game=Levy, **TINY), [], []
    config.callbacks([Counting], on_sample_end=lambda *, samples, **_: sampled.extend(samples))
    config.callbacks(on_episode_end=lambda *, episode, **_: ended.append(episode))
    made = PopulationEnvRunner(config=config, worker_index=0)
    pieces = [piece for _ in range(4) for piece in made.sample()]
    done = [piece for piece in pieces if piece.is_done]
    assert done
    assert made.told == [("created", 0), *["ended"] * len(done)]
    assert all(one is other for one, other in zip(ended, done, strict=True))
    assert all(one is other for one, other in zip(sampled, pieces, strict=True))
