"""Games too large for a table of outcomes: sparse answers, plays instead of sums, bounded memory, refusals."""

import json
import tracemalloc

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, MultiplicativeWeights, StackelbergPOMDP, make_game, respond, solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation import estimates
from rllib_stackelberg.evaluation import valuations as evaluation
from rllib_stackelberg.evaluation.strategies import evaluate_policy, evaluate_strategy
from rllib_stackelberg.followers import BestResponse
from rllib_stackelberg.leader.actions import sampled
from rllib_stackelberg.plays import answers
from rllib_stackelberg.plays.answers import DenseAnswers, SparseAnswers
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.fields import PLAYS_ASKED_ONCE
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.testing import game_test
from tests.evaluation.test_strategies import constant
from tests.games_for_tests import BayesianGame

MEGABYTE = 2**20
SMALL = ("message-spm", {"buyers": 3, "types": 2, "messages": 2, "leader": "scores"})


def smooth_policy(game, seed=0):
    """A leader function: fixed random weights, answers in (0, 1)."""
    size = game.observation_spaces[0].shape[0], game.leader_turn.width
    weights = np.random.default_rng(seed).normal(size=size)
    return lambda observations: 1 / (1 + np.exp(-(observations @ weights)))


def everything_seen(game, fields, envs=3, steps=150):
    """All that an environment shows under one sequence of random answers."""
    settings = LeaderSettings.checked(response_updates=4, reward_play="last", reward_plays=6, **fields)
    env = StackelbergPOMDP(game, settings, num_envs=envs, seed=2)
    rng = np.random.default_rng(0)
    observations, _ = env.reset()
    seen = [env.elicitation.answers.__class__]
    for _ in range(steps):
        seen += [observations["actor"], observations["critic"]]
        observations, rewards, ended, _, infos = env.step(rng.random((envs, 4), dtype=np.float32))
        seen += [rewards, ended, infos.get("leader_value", 0.0)]
    seen += env.elicitation.response.policies("last")
    return seen[0], seen[1:]


@pytest.mark.parametrize(
    "fields", [{"elicitation": "closure"}, {"elicitation": "in_play"}, {"leader_queries": "every_turn"}]
)
def test_sparse_and_dense_answers_give_the_same_episodes(fields, monkeypatch):
    game = make_game(SMALL[0], **SMALL[1])
    monkeypatch.setattr(type(game), "compiled", None)  # compiled rules look answers up in hash tables, always
    dense_kind, dense = everything_seen(game, fields)
    monkeypatch.setattr(answers, "DENSE_QUESTIONS", 0)
    sparse_kind, sparse = everything_seen(game, fields)
    assert (dense_kind, sparse_kind) == (DenseAnswers, SparseAnswers)
    for one, other in zip(dense, sparse, strict=True):
        np.testing.assert_array_equal(one, other)


SIXTEEN, SIXTY_FOUR = {"buyers": 16, "types": 3}, {"buyers": 64, "types": 33, "anonymous": True}


@pytest.mark.parametrize(
    ("parameters", "mode"), [(SIXTEEN, "once"), (SIXTEEN, "every_turn"), (SIXTY_FOUR, "once")], ids=str
)
def test_an_episode_with_many_buyers_stays_small(parameters, mode):
    """6^16 questions and 3^16 2^16 outcomes, or 33^64 2^64: nothing of either size is ever made."""
    game = make_game("message-spm", messages=2, **parameters)
    settings = LeaderSettings.checked(response_updates=2, reward_plays=5, leader_queries=mode)
    tracemalloc.start()
    try:
        env = StackelbergPOMDP(game, settings, num_envs=4)
        env.single_action_space.seed(0)
        values: list[float] = []
        seen, _ = env.reset()
        while len(values) < 4:
            assert not env.elicitation.over.all()
            answers = sampled(env.single_action_space, 4, seen["mask"])
            seen, _, ended, _, infos = env.step(answers)
            values += infos["leader_value"][ended].tolist() if ended.any() else []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.all(np.array(values) <= 0)
    assert np.min(values) < 0
    assert peak < 24 * MEGABYTE


def test_by_default_the_reward_is_exact_up_to_a_limit_and_sampled_beyond():
    for buyers, chosen in ((2, "exact"), (7, "exact"), (8, PLAYS_ASKED_ONCE), (16, PLAYS_ASKED_ONCE)):
        game = make_game("message-spm", buyers=buyers)
        assert LeaderSettings().fitted(game).reward_plays == chosen
    asked = LeaderSettings.checked(reward_plays="exact")
    assert asked.fitted(make_game("message-spm", buyers=8)).reward_plays == "exact"
    # Other play than argmax takes a play per outcome, not one per type profile.
    assert (
        LeaderSettings.checked(reward_play="last").fitted(make_game("message-spm", buyers=7)).reward_plays
        == PLAYS_ASKED_ONCE
    )


@pytest.mark.parametrize(
    ("parameters", "fields", "field"),
    [
        ({"buyers": 16}, {"reward_plays": "exact"}, "reward_plays"),
        ({"buyers": 8}, {"reward_plays": "exact", "reward_play": "last"}, "reward_plays"),
        ({"buyers": 8}, {"followers": BestResponse()}, "followers"),
        ({"buyers": 8}, {"update_mode": "expected"}, "update_mode"),
        ({"buyers": 8}, {"elicitation": "closure"}, "elicitation"),
        ({"buyers": 32, "messages": 8}, {}, "game"),
    ],
)
def test_what_a_game_is_too_large_for_is_refused_by_name_before_work_starts(parameters, fields, field):
    given = {name: value if name != "followers" else "best-response" for name, value in fields.items()}
    attempts = (
        lambda: StackelbergPOMDP(make_game("message-spm", **parameters), LeaderSettings.checked(**fields)),
        lambda: TrainOptions.checked(game="message-spm", params=parameters, settings=given),
    )
    for attempt in attempts:
        with pytest.raises(InvalidFieldError) as caught:
            attempt()
        assert caught.value.field == field


def estimated(monkeypatch, *arguments, **keywords):
    """`evaluate_strategy` as if the game were too large to tabulate."""
    monkeypatch.setattr(evaluation, "EVALUATION_LIMIT", 0)
    try:
        return evaluate_strategy(*arguments, **keywords)
    finally:
        monkeypatch.undo()


def test_an_estimate_agrees_with_exact_sums(monkeypatch):
    """Same followers to the bit; values that are sampled within four standard errors, enumerated ones exactly."""
    game = make_game("message-spm", types=3, messages=2, leader="scores")
    strategy = LeaderStrategy.ask(game, smooth_policy(game))
    settings = LeaderSettings.checked(response_updates=60)
    exact, found = evaluate_strategy(strategy, settings), estimated(monkeypatch, strategy, settings)
    assert found.weights == exact.weights
    assert found.leader_value == pytest.approx(exact.leader_value, abs=1e-12)
    assert found.follower_values == pytest.approx(exact.follower_values, abs=1e-12)
    assert found.certificate.regret == pytest.approx(exact.certificate.regret)
    assert found.certificate.bcce_gap == pytest.approx(exact.certificate.bcce_gap, rel=0.1)
    assert exact.certificate.exact_expectation
    assert not found.certificate.exact_expectation
    assert "estimated" not in exact.certificate.words()


@pytest.mark.parametrize("updates", [1, 3, 60])
def test_what_followers_gain_by_leaving_a_play_that_is_certain_is_known(monkeypatch, updates):
    """Argmax play draws nothing, and nine values of nature are played one by one: no half of it is left to judge by."""
    game = make_game("message-spm", types=3, messages=2, leader="scores")
    strategy = LeaderStrategy.ask(game, smooth_policy(game))
    settings = LeaderSettings.checked(response_updates=updates)
    exact, found = evaluate_strategy(strategy, settings), estimated(monkeypatch, strategy, settings)
    assert found.certificate.deviation_gain == pytest.approx(exact.certificate.deviation_gain, abs=1e-12)
    assert (found.certificate.deviation_gain > 0) == (updates < 60)
    assert (found.certificate.deviation_error, found.certificate.deviation_plays) == (0, 0)
    assert "estimated" not in found.certificate.words()


@pytest.mark.parametrize("play", ["argmax", "last"])
def test_sampled_types_agree_within_four_standard_errors(monkeypatch, play):
    """11^3 type profiles are more than the plays: values differ from the exact ones, but not by much."""
    game = make_game("message-spm", buyers=3, types=11, messages=2, leader="scores")
    strategy = LeaderStrategy.ask(game, smooth_policy(game, 3))
    settings = LeaderSettings.checked(response_updates=40, reward_play=play)
    exact = evaluate_strategy(strategy, settings, samples=12, every_play=False)
    found = estimated(monkeypatch, strategy, settings, samples=12, every_play=False)
    assert found.weights == exact.weights
    error = abs(found.leader_value - exact.leader_value)
    assert 0 < error < 4 * max(found.standard_error, 1e-9)
    assert found.standard_error < 0.05


def deviation_certificates(monkeypatch, updates):
    game, learner = BayesianGame(seed=8), MultiplicativeWeights(0.3)
    settings = LeaderSettings.checked(response_updates=updates, reward_play="last", followers=learner)
    exact = evaluate_strategy(constant(game, 0), settings, samples=4).certificate
    return exact, estimated(monkeypatch, constant(game, 0), settings, samples=4).certificate


@pytest.mark.parametrize("updates", [1, 20])
def test_a_gain_is_found_and_its_error_is_right(monkeypatch, updates):
    exact, found = deviation_certificates(monkeypatch, updates)
    assert 0 < found.deviation_error < 0.05
    assert found.deviation_gain == pytest.approx(exact.deviation_gain, abs=4 * found.deviation_error)
    assert not exact.equilibrium
    assert not found.equilibrium
    assert found.deviation_plays == estimates.DEVIATION_PLAYS
    assert f"{estimates.DEVIATION_PLAYS} plays" in found.words()


def test_no_gain_is_made_up_where_there_is_none(monkeypatch):
    exact, found = deviation_certificates(monkeypatch, updates=400)
    assert exact.deviation_gain < 1e-5
    assert found.equilibrium
    assert found.deviation_gain < 1e-3


def test_followers_that_see_each_other_are_estimated_too(monkeypatch):
    game = BayesianGame(sequential=True)
    settings = LeaderSettings.checked(response_updates=100, reward_play="last")
    exact = evaluate_strategy(constant(game, 0), settings, samples=8)
    found = estimated(monkeypatch, constant(game, 0), settings, samples=8)
    assert found.weights == exact.weights
    assert found.leader_value == pytest.approx(exact.leader_value, abs=4 * found.standard_error)


@pytest.fixture
def few_plays(monkeypatch):
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 100)
    monkeypatch.setattr(estimates, "DEVIATION_PLAYS", 16)


@pytest.mark.usefixtures("few_plays")
def test_a_large_game_is_valued_and_its_answers_reproduce_the_value():
    game = make_game("message-spm", buyers=8, types=3, messages=2, leader="scores")
    strategy, found = evaluate_policy(game, smooth_policy(game), LeaderSettings.checked(response_updates=3))
    again = respond(game, json.loads(json.dumps(strategy.data())), updates=3)
    assert again.data() == found.data()
    assert -1 < found.leader_value < 0 < found.standard_error


@pytest.mark.usefixtures("few_plays")
def test_an_answer_that_is_missing_is_named():
    game = make_game("message-spm", buyers=8, types=3, messages=2, leader="scores")
    strategy, _ = evaluate_policy(game, smooth_policy(game), LeaderSettings.checked(response_updates=3), samples=4)
    entry = strategy.data()[0]
    rest = [other for other in strategy.data() if other != entry]
    with pytest.raises(InvalidFieldError) as caught:
        respond(game, rest, updates=3)
    assert caught.value.field == "leader"
    assert str(entry["question"]) in caught.value.problem
    assert entry["label"] in caught.value.problem


def test_large_instances_have_rules_and_no_exact_value():
    game = make_game("message-spm", buyers=16, types=3, messages=2)
    game_test(game, plays=8)
    assert solve(game) is None
    assert solve(make_game("message-spm", values=[[0, 1 / (k + 1)] for k in range(32)], messages=1)) is None
