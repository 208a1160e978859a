"""The leader's own env runner: complete episodes, the same ones that RLlib's runner would have seen."""

import numpy as np
import pytest
import torch
from ray.rllib.algorithms.impala.torch.vtrace_torch_v2 import make_time_major, vtrace_torch
from ray.rllib.core.columns import Columns
from ray.tune.registry import ENV_CREATOR, _global_registry

from rllib_stackelberg import StackelbergPOMDP, leader_config, make_game
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.training.leaders.batches import PaddedEpisodes, WholeEpisodes
from rllib_stackelberg.training.leaders.env_runners import questions_of
from rllib_stackelberg.training.leaders.environments import LEADER_ENV
from rllib_stackelberg.training.leaders.resumable import SteppingEnvRunner

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]

SPM = {"game": "message-spm", "game_config": {"types": 3, "messages": 2}, "response_updates": 20}


@pytest.fixture(scope="module")
def algo(ray_local):
    scores = SPM | {"game_config": SPM["game_config"] | {"leader": "scores"}}  # a Gaussian, whose density is checked
    algo = leader_config("PPO", **scores, seed=3).build_algo()
    yield algo
    algo.stop()


def test_episodes_are_complete_and_say_what_was_done(algo):
    episodes = algo.env_runner.sample(num_episodes=128)
    assert len(episodes) == 128
    module = algo.env_runner.module
    for episode in episodes[:20]:
        assert episode.is_terminated
        assert episode.get_return() == pytest.approx(episode.get_infos(-1)["leader_value"])
        assert (episode.rewards.data[:-1] == 0).all()
        actor = episode.observations.data["actor"]
        assert len({row.tobytes() for row in actor[:-1]}) == len(episode)  # no question twice
        # Independent of the runner: the density of the recorded action under the recorded mean and spread.
        outputs = module({Columns.OBS: {"actor": torch.from_numpy(actor[:-1])}})[Columns.ACTION_DIST_INPUTS]
        mean, log_std = outputs.detach().numpy().astype(float).reshape(len(episode), 2, -1).swapaxes(0, 1)
        z = (episode.actions.data - mean) / np.exp(log_std)
        density = (-0.5 * z**2 - log_std - 0.5 * np.log(2 * np.pi)).sum(axis=1)
        np.testing.assert_allclose(episode.extra_model_outputs[Columns.ACTION_LOGP].data, density, rtol=1e-4, atol=1e-4)


def test_greedy_episodes_equal_those_of_rllibs_own_runner():
    """Without exploration, equal weights and seed: the same lengths and returns."""
    found = []
    for runner in (None, SteppingEnvRunner):
        config = leader_config("PPO", **SPM, seed=5)
        config.env_runners(num_envs_per_env_runner=4, explore=False, rollout_fragment_length=8)
        if runner:
            config.env_runners(env_runner_cls=runner)
        algo = config.build_algo()
        try:
            episodes = algo.env_runner.sample(num_episodes=4)
        finally:
            algo.stop()
        found.append(sorted((len(episode), episode.get_return()) for episode in episodes))
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)


@pytest.mark.parametrize(("algorithm", "told"), [("SAC", True), ("PPO", False)])
def test_a_critic_that_bootstraps_from_the_next_answer_is_told_those_before_it(algorithm, told):
    config = leader_config(algorithm, game="simple-allocation", game_config={"messages": 3}, seed=1)
    algo = config.build_algo()
    try:
        episodes = algo.env_runner.sample(num_episodes=8)
    finally:
        algo.stop()
    for episode in episodes:
        seen = episode.observations.data["critic"][: len(episode)]
        assert len(episode) == 3
        assert len({row.tobytes() for row in seen}) == (3 if told else 1)


def test_whole_episodes_make_the_batch_that_rllibs_connectors_make(algo):
    """Independent implementation: the same rows, one by one, through the episode's own getters."""
    episodes = algo.env_runner.sample(num_episodes=128)
    batch = WholeEpisodes()(rl_module=None, batch={}, episodes=episodes)["default_policy"]
    rows = [(episode, t) for episode in episodes for t in range(len(episode))]
    assert len(batch[Columns.REWARDS]) == len(rows)
    for k in (0, 1, len(rows) // 2, len(rows) - 1):
        episode, t = rows[k]
        np.testing.assert_array_equal(batch[Columns.OBS]["critic"][k], episode.get_observations(t)["critic"])
        np.testing.assert_array_equal(batch[Columns.ACTIONS][k], episode.get_actions(t))
        assert float(batch[Columns.REWARDS][k]) == pytest.approx(episode.get_rewards(t))
        assert bool(batch[Columns.TERMINATEDS][k]) == (t == len(episode) - 1)
    assert int(batch[Columns.TERMINATEDS].sum()) == 128


@pytest.mark.parametrize("length", [3, 8, 32])
def test_v_trace_along_padded_episodes_is_the_return_where_the_policy_is_the_one_that_played(algo, length):
    """RLlib's own V-trace; without correction, and where no row ends within an episode, targets are returns to go."""
    episodes = algo.env_runner.sample(num_episodes=128)
    whole = WholeEpisodes()(rl_module=None, batch={}, episodes=episodes)["default_policy"]
    rows = PaddedEpisodes(length)(rl_module=None, batch={"default_policy": dict(whole)}, episodes=episodes)
    rows = rows["default_policy"]
    mask = rows[Columns.LOSS_MASK]
    assert len(mask) == sum(-(-len(episode) // length) * length for episode in episodes)
    for name in ("actor", "critic"):
        assert torch.equal(rows[Columns.OBS][name][mask], whole[Columns.OBS][name])  # nothing lost, in order
    values = torch.rand(len(mask), generator=torch.Generator().manual_seed(0))
    rewards, going_on, predicted = (
        make_time_major(column, trajectory_len=length)
        for column in (rows[Columns.REWARDS], (1 - rows[Columns.TERMINATEDS]) * mask, values)
    )
    bootstrap = torch.cat([predicted[0][1:], predicted[0][:1]])  # as the learners do it
    nothing = torch.zeros_like(rewards)
    targets, _ = vtrace_torch(
        target_action_log_probs=nothing, behaviour_action_log_probs=nothing, discounts=going_on, rewards=rewards,
        values=predicted, bootstrap_values=bootstrap,
    )  # fmt: skip
    found = targets.T.reshape(-1)[mask].numpy()
    first = np.cumsum([0, *map(len, episodes)])
    longer = 0
    for k, episode in enumerate(episodes):
        to_go = np.cumsum(episode.rewards.data[::-1])[::-1]
        mine = found[first[k] : first[k + 1]]
        if len(episode) <= length:
            np.testing.assert_allclose(mine, to_go, atol=1e-5)
        else:
            longer += 1
            last_row = (len(episode) - 1) // length * length
            np.testing.assert_allclose(mine[last_row:], to_go[last_row:], atol=1e-5)
            padded_first = np.flatnonzero(mask.numpy())[first[k]]
            np.testing.assert_allclose(mine[:length], float(values[padded_first + length]), atol=1e-5)
    assert (longer > 0) == (length == 3)


def test_questions_are_paid_all_that_the_episode_pays_from_there_on(algo):
    episode = next(episode for episode in algo.env_runner.sample(num_episodes=128) if len(episode) > 2)
    episode.rewards.data[:] = 2.0 ** np.arange(len(episode))
    questions = questions_of(episode)
    assert len(questions) == len(episode)
    for t, question in enumerate(questions):
        assert len(question) == 1
        assert question.is_terminated
        assert question.get_rewards(0) == sum(2.0**k for k in range(t, len(episode)))
        np.testing.assert_array_equal(question.get_actions(0), episode.get_actions(t))
        np.testing.assert_array_equal(question.get_observations(0)["actor"], episode.get_observations(t)["actor"])


def test_rounds_go_on_until_the_asked_number_of_questions_is_there(algo):
    runner = algo.env_runner
    one = sum(map(len, runner.sample(num_timesteps=1)))
    assert 128 <= one <= 128 * 8
    assert len(runner.sample(num_timesteps=one + 600)) >= 256
    assert len(runner.sample(num_timesteps=1, random_actions=True)) == 128


def passes_of_a_round(monkeypatch, game_config, envs, **settings):
    """Forward passes of a round of exploring episodes, one in every environment; and the episodes."""
    config = leader_config("PPO", game="message-spm", game_config=game_config, seed=1, **settings)
    algo = config.env_runners(num_envs_per_env_runner=envs).build_algo()
    try:
        runner, rows = algo.env_runner, []
        forward = runner.module.forward_exploration

        def counted(batch, **kwargs):
            rows.append(len(batch[Columns.OBS]["actor"]))
            return forward(batch, **kwargs)

        monkeypatch.setattr(runner.module, "forward_exploration", counted)
        episodes = runner.sample(num_episodes=envs)
    finally:
        algo.stop()
    assert sum(rows) == sum(map(len, episodes))  # each question once, each a row of a batch
    return len(rows), episodes


def test_an_episode_takes_no_more_forward_passes_than_a_play_has_questions(monkeypatch):
    """Five buyers, so that a play asks the leader five times at most; 250 updates, played as they are foreseen."""
    passes, episodes = passes_of_a_round(monkeypatch, {"buyers": 5, "types": 3}, 32, response_updates=250)
    assert len(episodes) == 32
    assert passes <= (5 + 1) * len(episodes)
    # One question at a time takes as many passes as the longest episode has questions.
    assert passes < max(map(len, episodes)) / 4


def test_where_all_is_asked_first_a_round_takes_as_many_passes_as_a_play_has_questions(monkeypatch):
    passes, episodes = passes_of_a_round(monkeypatch, {"buyers": 3, "types": 3}, 16, response_updates=250)
    assert len(episodes) == 16
    assert passes <= 3
    assert max(map(len, episodes)) > 20


def test_a_ray_that_is_started_later_knows_the_environment_too(algo):
    """Ray forgets all names when it is shut down, and modules are imported once: a second run used to fail."""
    _global_registry.unregister(ENV_CREATOR, LEADER_ENV)
    assert not _global_registry.contains(ENV_CREATOR, LEADER_ENV)
    algo.env_runner.make_env()
    assert _global_registry.contains(ENV_CREATOR, LEADER_ENV)


def test_the_deviation_penalty_is_in_the_reward_and_not_in_the_value():
    """Matrix design without payments: value 1, two followers who could gain 1/6 each."""
    settings = LeaderSettings.checked(update_mode="expected", deviation_penalty=0.3)
    env = StackelbergPOMDP(make_game("matrix-design"), settings)
    env.reset()
    reward = 0.0
    while len(env.live):
        reward += float(env.answer(env.posed(env.live), np.zeros((1, 2)))[0])
    assert env.elicitation.value[0] == pytest.approx(1.0)
    assert reward == pytest.approx(1.0 - 0.3 * 2 / 6)
