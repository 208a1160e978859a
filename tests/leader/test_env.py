"""The two ways of asking are one problem; observations hide and show what they must."""

from itertools import product

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rllib_stackelberg import (
    Exp3,
    LeaderEnv,
    LeaderSettings,
    MultiplicativeWeights,
    RegretMatching,
    StackelbergPOMDP,
    make_game,
)
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.followers import BestResponse
from rllib_stackelberg.leader.critic import relative
from rllib_stackelberg.plays.outcomes import Profiles
from tests.conftest import VARIANTS, game_called, one_shot_games
from tests.games_for_tests import BayesianGame, BrokenGame, NoisyAllocation, leader_table

MODES = {
    "closure": {"leader_queries": "once", "elicitation": "closure"},
    "in_play": {"leader_queries": "once", "elicitation": "in_play"},
    "every_turn": {"leader_queries": "every_turn"},
}


def answer_table(game, seed):
    turn, rng = game.leader_turn, np.random.default_rng(seed)
    if turn.masked:
        return leader_table(game, seed)
    if turn.discrete:
        return rng.integers(turn.choices, size=turn.rows)
    return rng.random((turn.rows, turn.width)).astype(np.float32)


def drive(game, table, settings, envs, episodes=2, seed=11):
    """Play episodes with one fixed answer table; per episode and env: reward, followers' strategies, value."""
    env = StackelbergPOMDP(game, settings, num_envs=envs, seed=seed)
    env.reset()
    rewards = [[0.0] * (episodes + 1) for _ in range(envs)]
    count = np.zeros(envs, dtype=int)
    strategies = [[] for _ in range(envs)]
    while (count < episodes).any():
        _, reward, ended, _, _ = env.step(table[env.elicitation.question])
        for e in range(envs):
            if count[e] < episodes:
                rewards[e][count[e]] += reward[e]
            if ended[e]:
                policies = env.elicitation.response.policies("last")
                strategies[e].append([policy[e].copy() for policy in policies])
                count[e] += 1
    return [row[:episodes] for row in rewards], [row[:episodes] for row in strategies]


def drive_by_fronts(game, table, settings, envs, seed=11):
    """One episode of every environment, all open questions answered together; as `drive`, and how many fronts."""
    env = StackelbergPOMDP(game, settings, num_envs=envs, seed=seed)
    env.begin(np.arange(envs))
    rewards, fronts, asked = np.zeros(envs), 0, set()
    while len(live := env.live):
        front = env.front(live)
        met = list(zip(front.envs.tolist(), front.questions.tolist(), strict=True))
        assert set(front.envs) == set(live)
        assert len({*met, *asked}) == len(met) + len(asked), "a question was asked twice"
        asked.update(met)
        np.add.at(rewards, front.envs, env.answer(front, table[front.questions]))
        fronts += 1
    strategies = [policy.copy() for policy in env.elicitation.response.policies("last")]
    return rewards, strategies, fronts


def equal(first, second, tolerance):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


OFTEN = (("argmax", "exact"), ("average", 5))
"""Ways to reward the leader that every game is tried with, in two episodes and at every size of a batch."""

BESIDES = {"sampled": (("last", 5), ("average", "exact")), "expected": (("last", "exact"), ("argmax", 5))}
"""Others that are tried with every change, by the way to update: each play and each number of plays with each."""

ONE_OF_A_KIND = {"escape", "simple-allocation", "matrix-design", "test:bayesian", "test:sequential", "test:noisy"}
"""Games that they are tried with: leaders with one question and several, of choices and of numbers; chance; order."""

UPDATES = {"sampled": 0, "expected": 1e-12}
"""Ways to update, and within what results are equal."""


def problems():
    """Every game with every way to reward and to update; duplicates of a kind only in long suites.

    How the leader is rewarded does not depend on the game: with every change each game is tried with each of the usual
    ways once (variants of a game with updates that are drawn), and one game of a kind with all plays and numbers of
    plays.
    """
    for label in one_shot_games():
        size = Profiles.count(game_called(label))
        for updates, reward in product(UPDATES, product(("argmax", "last", "average"), ("exact", 5))):
            if size > 60 and updates == "expected":
                continue  # covered by the smaller instances
            if size > 20 and reward not in OFTEN:
                continue
            once = [("sampled", OFTEN[1])] if label in VARIANTS else [("sampled", OFTEN[1]), ("expected", OFTEN[0])]
            fast = (updates, reward) in once or (label in ONE_OF_A_KIND and reward in OFTEN + BESIDES[updates])
            yield pytest.param(label, updates, *reward, marks=() if fast else pytest.mark.learning)


def check_the_same(game, updates, reward, modes, sizes, episodes):
    """One answer table, one seed: strategies and rewards are those of being asked at every turn, alone."""
    table, tolerance, results = answer_table(game, seed=3), UPDATES[updates], {}
    play, plays = reward
    for mode, fields in modes.items():
        settings = LeaderSettings.checked(
            response_updates=3, update_mode=updates, reward_play=play, reward_plays=plays, **fields
        )
        for envs in sizes if mode != "every_turn" else (1, 16):
            results[mode, envs] = drive(game, table, settings, envs, episodes)
    reference_rewards, reference_strategies = results["every_turn", 1]
    if updates == "sampled":
        settings = settings.model_copy(update=MODES["in_play"])
        rewards, policies, _ = drive_by_fronts(game, table, settings, 16)
        assert rewards[0] == reference_rewards[0][0]
        equal([policy[0] for policy in policies], reference_strategies[0][0], 0)
    for rewards, strategies in results.values():
        equal(rewards[0], reference_rewards[0], tolerance)
        for episode, reference in zip(strategies[0], reference_strategies[0], strict=True):
            equal(episode, reference, tolerance)
    equal(results["in_play", 16][0], results["every_turn", 16][0], tolerance)


@pytest.mark.parametrize(("label", "updates", "reward_play", "reward_plays"), list(problems()))
def test_once_and_every_turn_are_the_same_problem(label, updates, reward_play, reward_plays):
    """Bit-identical at batch 1 and 16."""
    game, reward = game_called(label), (reward_play, reward_plays)
    sequential = isinstance(game, BayesianGame) and game.sequential
    refused = sequential and (updates == "sampled" or reward_plays != "exact")  # see below
    modes = {mode: fields for mode, fields in MODES.items() if mode != "closure" or not refused}
    if reward in OFTEN:
        # A second episode shows that restarts are clean; on the larger games one is enough.
        check_the_same(game, updates, reward, modes, (1, 16), 2 if Profiles.count(game) <= 20 else 1)
    else:
        check_the_same(game, updates, reward, modes, (16,), 1)


@pytest.mark.learning  # compiles for ten seconds
def test_bandit_learners_are_asked_alike_too():
    """Beside a learner that sees all payoffs; the critic's provisional response updates them without a draw."""
    game, results = BayesianGame(tables=2), []
    for mode in ("closure", "every_turn"):
        settings = LeaderSettings.checked(followers=(Exp3(), RegretMatching()), response_updates=10, **MODES[mode])
        results.append(drive(game, answer_table(game, seed=3), settings, envs=2))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert len(np.unique(results[0][1])) > 8


def test_episodes_and_environments_differ_from_each_other():
    game = BayesianGame()
    _, strategies = drive(game, answer_table(game, 0), LeaderSettings.checked(response_updates=20), envs=3)
    drawn = {np.concatenate([s.ravel() for s in episode]).tobytes() for env in strategies for episode in env}
    assert len(drawn) == 6


def test_closure_refuses_followers_that_see_each_other():
    env = StackelbergPOMDP(BayesianGame(sequential=True), LeaderSettings.checked(elicitation="closure"))
    env.reset()
    with pytest.raises(InvalidFieldError, match="elicitation"):
        env.step(np.zeros(1, dtype=int))


def test_closure_asks_each_reachable_question_once_breadth_first():
    game = make_game("simple-allocation", types=3, messages=4)
    env = StackelbergPOMDP(game, num_envs=2)
    env.reset()
    asked = []
    for _ in range(4):
        asked.append(env.elicitation.question.tolist())
        env.step(np.array([0, 1]))
    assert asked == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert env.elicitation.over.all()


@pytest.mark.parametrize("mode", MODES)
def test_the_actor_sees_the_game_and_nothing_else(mode):
    """Equal questions look equal to the actor in every phase, whatever followers have learned."""
    game = make_game("simple-allocation", types=3, messages=2)
    settings = LeaderSettings.checked(response_updates=6, **MODES[mode])
    env = StackelbergPOMDP(game, settings, num_envs=4)
    observations, _ = env.reset()
    rng, seen, critics = np.random.default_rng(0), {}, {}
    for _ in range(120):
        for e, question in enumerate(env.elicitation.question):
            if question >= 0:
                seen.setdefault(int(question), set()).add(observations["actor"][e].tobytes())
                critics.setdefault(int(question), set()).add(observations["critic"][e].tobytes())
        observations, *_ = env.step(rng.integers(3, size=4))
    assert all(len(views) == 1 for views in seen.values())
    assert len(seen) == 2
    assert max(len(views) for views in critics.values()) > 1


def test_the_critic_sees_the_weights_and_the_phase_at_every_turn():
    game = make_game("matrix-design")
    settings = LeaderSettings.checked(response_updates=3, leader_queries="every_turn")
    env = StackelbergPOMDP(game, settings, num_envs=2)
    observations, _ = env.reset()
    phases, varied = [], set()
    for _ in range(2 * 3 * 4):
        policies = env.elicitation.response.policies("last")
        expected = np.concatenate([relative(policy) for policy in policies], axis=1)
        np.testing.assert_array_equal(observations["critic"][:, :-1], expected.astype(np.float32))
        phases.append(observations["critic"][0, -1])
        np.testing.assert_array_equal(observations["phase"], observations["critic"][:, -1:])
        varied.add(observations["critic"][0].tobytes())
        observations, _, ended, _, _ = env.step(np.full((2, 2), 0.3, dtype=np.float32))
        if ended.all():
            break
    assert phases == sorted(phases)
    assert set(phases) == {0.0, 1.0}
    assert len(varied) >= 4


def test_the_central_state_varies_within_an_episode_when_asked_once():
    game = make_game("simple-allocation", types=3, messages=3)
    env = StackelbergPOMDP(game, num_envs=1)
    observations, _ = env.reset()
    seen = [observations["critic"][0].tobytes()]
    for item in range(2):
        observations, *_ = env.step(np.array([item]))
        seen.append(observations["critic"][0].tobytes())
    assert len(set(seen)) == 3


def test_provisional_value_is_the_value_once_everything_is_answered():
    """After the last answer but one, two of three types are served: value 2/3 so far."""
    game = make_game("simple-allocation", types=3, messages=3)
    env = StackelbergPOMDP(game, num_envs=1)
    env.reset()
    env.step(np.array([0]))
    observations, *_ = env.step(np.array([1]))
    assert observations["critic"][0, -1] == pytest.approx(2 / 3)


@pytest.mark.parametrize("label", one_shot_games())
def test_observations_stay_in_their_space(label):
    game = game_called(label)
    if isinstance(game, BayesianGame) and game.sequential:
        settings = LeaderSettings.checked(response_updates=5, elicitation="in_play")
    else:
        settings = LeaderSettings.checked(response_updates=5)
    env = StackelbergPOMDP(game, settings, num_envs=3)
    env.action_space.seed(0)
    observations, _ = env.reset(seed=1)
    table = leader_table(game, seed=0) if game.leader_turn.masked else None
    for _ in range(20):
        assert env.observation_space.contains(observations)
        actions = env.action_space.sample() if table is None else table[env.elicitation.question]
        observations, *_ = env.step(actions)


def test_clipped_actions_are_counted():
    env = StackelbergPOMDP(make_game("maintain", mixed=True), LeaderSettings.checked(response_updates=1), num_envs=3)
    env.reset()
    env.step(np.array([[0.5, 0.5, 0.5], [1.5, 0, 0], [-0.1, 2, 0.3]]))
    assert env.clipped == 2
    assert env.elicitation.answers.actions[1, 0].tolist() == [1, 0, 0]


def test_next_step_autoreset_ignores_the_action_and_starts_anew():
    env = StackelbergPOMDP(make_game("escape"), LeaderSettings.checked(response_updates=2), num_envs=1)
    env.reset()
    _, reward, ended, _, info = env.step(np.array([2]))
    assert ended[0]
    assert reward[0] == info["leader_value"][0] == 1.0
    _, reward, ended, _, _ = env.step(np.array([0]))
    assert not ended[0]
    assert reward[0] == 0
    assert env.episodes == 1


def test_a_seed_repeats_a_run_and_another_does_not():
    settings = LeaderSettings.checked(response_updates=5, reward_play="last")

    def rewards(seed):
        env = StackelbergPOMDP(BayesianGame(tables=2), settings, num_envs=2)
        env.reset(seed=seed)
        return [env.step(np.array([0, 1]))[1].tolist() for _ in range(6)]

    assert rewards(1) == rewards(1) != rewards(2)


def test_the_single_environment_view_is_a_plain_gymnasium_env():
    env = LeaderEnv(make_game("simple-allocation"), LeaderSettings.checked(response_updates=3))
    check_env(env, skip_render_check=True)
    assert isinstance(env, gymnasium.Env)
    env.reset(seed=0)
    values = [env.step(item)[1:3] for item in (0, 1, 2)]
    assert values[-1] == (1.0, True)


def test_noise_is_part_of_nature():
    settings = LeaderSettings.checked(response_updates=200)
    env = StackelbergPOMDP(NoisyAllocation(noise=0.25), settings, num_envs=1)
    env.reset()
    for item in (0, 1):
        _, reward, *_ = env.step(np.array([item]))
    assert reward[0] == pytest.approx(0.75)


def test_a_game_that_pays_nan_stops_with_its_name():
    env = StackelbergPOMDP(BrokenGame(noise=0), LeaderSettings.checked(response_updates=2), num_envs=1)
    env.reset()
    with pytest.raises(RulesError, match=r"leader_0.*allocate"):
        env.step(np.array([1]))


def test_settings_refuse_what_cannot_work():
    for field, value in {
        "response_updates": 0,
        "update_mode": "guessed",
        "reward_plays": 0,
        "leader_queries": "twice",
        "unknown": 1,
    }.items():
        with pytest.raises(InvalidFieldError, match=field):
            LeaderSettings.checked(**{field: value})
    with pytest.raises(InvalidFieldError, match="update_mode"):
        LeaderSettings.checked(followers=BestResponse(), update_mode="sampled")
    assert LeaderSettings.checked(followers=(MultiplicativeWeights(), BestResponse())).expected
    with pytest.raises(InvalidFieldError, match="update_mode: exp3 learns"):
        LeaderSettings.checked(followers=(MultiplicativeWeights(), Exp3()), update_mode="expected")
    with pytest.raises(InvalidFieldError, match="followers: exp3 learns"):
        LeaderSettings.checked(followers=(Exp3(), BestResponse()))
