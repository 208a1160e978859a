"""Several models of followers: what is drawn, what is played under each, what each is worth."""

import math
from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import (
    BestResponse,
    FollowerModel,
    LeaderSettings,
    MultiplicativeWeights,
    StackelbergPOMDP,
    evaluate_strategy,
    make_game,
    respond,
)
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation import valuations as evaluating
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.solvers import response_solve
from rllib_stackelberg.streams import Purpose
from tests.games_for_tests import BayesianGame

WAYS = {
    "closure": ("simple-allocation", {"elicitation": "closure"}),
    "in play": ("simple-allocation", {"elicitation": "in_play"}),
    "every turn": ("simple-allocation", {"leader_queries": "every_turn"}),
    "sampled rewards": ("matrix-design", {"reward_plays": 3, "reward_play": "last"}),
    "several moves": ("interview", {}),
    "kept followers": ("matrix-design", {"keep_followers": True}),
}
TWO = (FollowerModel(followers="mw:epsilon=0.5"), FollowerModel(name="slow", followers="mw:epsilon=0.01"))
ENVS = 5


def answers(env, table):
    """By the open question; the same in every episode."""
    return table[env.elicitation.question[env.live] % len(table)]


def table_for(env):
    env.single_action_space.seed(3)
    return np.stack([env.single_action_space.sample() for _ in range(16)])


def episodes(env, rounds):
    """Everything observed and paid in rounds of one episode per environment; per round values and drawn models."""
    table, seen, values, models = table_for(env), [], [], []
    for _ in range(rounds):
        env.begin(np.arange(env.num_envs))
        while len(env.live):
            live = env.live
            seen += list(env.observe(env.posed(live)).values())
            seen.append(env.answer(env.posed(live), answers(env, table)))
        values.append(env.elicitation.value.copy())
        models.append(getattr(env.elicitation, "model", np.zeros(env.num_envs, int)).copy())
        seen.append(env.elicitation.average_regret())
    return seen, np.array(values), np.array(models)


def environment(game, **settings):
    return StackelbergPOMDP(
        make_game(game), LeaderSettings.checked(response_updates=8, **settings), num_envs=ENVS, seed=4
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_mixture_of_one_is_no_mixture(way):
    game, settings = WAYS[way]
    plain, _, _ = episodes(environment(game, followers="mw:epsilon=0.5", **settings), 3)
    mixed, _, _ = episodes(environment(game, models=[TWO[0]], **settings), 3)
    for first, second in zip(plain, mixed, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "kept followers"])
def test_an_episode_under_a_model_is_what_it_is_without_the_others(way):
    """To the bit, whichever other models there are: each has the streams of its environment and episode."""
    game, settings = WAYS[way]
    _, values, models = episodes(environment(game, models=TWO, **settings), 4)
    assert set(models.ravel()) == {0, 1}
    for k, model in enumerate(TWO):
        _, alone, _ = episodes(environment(game, models=[model], **settings), 4)
        np.testing.assert_array_equal(values[models == k], alone[models == k])
    third = FollowerModel(name="third", followers="mw:epsilon=0.1")
    _, among, drawn = episodes(environment(game, models=[*TWO, third], **settings), 4)
    for k in range(2):
        both = (drawn == k) & (models == k)
        assert both.any()
        np.testing.assert_array_equal(values[both], among[both])


def test_followers_that_are_kept_go_on_under_their_own_model():
    env = environment("matrix-design", models=TWO, keep_followers=True)
    _, _, models = episodes(env, 6)
    for k, member in enumerate(env.elicitation.members):
        visits = member.response.record(0).visits.sum(axis=1)
        np.testing.assert_array_equal(visits, 8 * (models == k).sum(axis=0))


def test_models_are_drawn_with_their_weights_and_by_the_seed_alone():
    models = [*TWO, FollowerModel(name="rare", followers="mw:epsilon=0.1", weight=0.5)]
    settings = LeaderSettings.checked(models=models, response_updates=1)
    drawn = []
    for seed in (0, 0, 1):
        env = StackelbergPOMDP(make_game("escape"), settings, num_envs=200, seed=seed)
        drawn.append(episodes(env, 10)[2])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    shares = np.bincount(drawn[0].ravel(), minlength=3) / drawn[0].size
    for share, probability in zip(shares, (0.4, 0.4, 0.2), strict=True):
        assert abs(share - probability) < 4 * math.sqrt(probability * (1 - probability) / drawn[0].size)


@pytest.mark.parametrize("way", WAYS)
def test_the_critic_is_told_the_model_and_the_actor_is_not(way):
    game, settings = WAYS[way]
    env = environment(game, models=TWO, **settings)
    env.reset()
    while len(set(env.elicitation.model)) == 1:
        env.begin(np.arange(ENVS))
    shown = env.observe(env.posed(np.arange(ENVS)))
    np.testing.assert_array_equal(shown["critic"][:, :2], np.eye(2)[env.elicitation.model])
    for question in set(env.elicitation.question):
        actor = shown["actor"][env.elicitation.question == question]
        assert (actor == actor[0]).all()
    assert shown["actor"].shape[1] == make_game(game).observation_spaces[0].shape[0]
    assert env.single_observation_space["critic"].contains(shown["critic"][0])


def strategy_of(game):
    turn = game.leader_turn
    return LeaderStrategy.from_pairs(game, [(key, key % turn.choices) for key in range(turn.keys)])


@pytest.mark.parametrize(("large", "mode"), [(False, "expected"), (True, "sampled")], ids=["tabulated", "estimated"])
def test_the_value_under_each_model_is_that_of_a_response_by_it(large, mode, monkeypatch):
    if large:
        monkeypatch.setattr(evaluating, "EVALUATION_LIMIT", 1)
        monkeypatch.setattr("rllib_stackelberg.evaluation.estimates.REWARD_PLAYS", 16)
    game = BayesianGame(tables=2)
    strategy = strategy_of(game)
    models = [
        FollowerModel(name="hasty", followers=MultiplicativeWeights(0.1), response_updates=20, weight=3),
        FollowerModel(followers=MultiplicativeWeights(0.5), update_mode=mode, reward_play="last"),
    ]
    settings = LeaderSettings.checked(models=models, response_updates=50)
    found = evaluate_strategy(strategy, settings, seed=5, samples=16)
    alone = [
        evaluate_strategy(strategy, LeaderSettings.checked(**({"response_updates": 50} | fields)), seed=5, samples=16)
        for fields in (
            {"followers": MultiplicativeWeights(0.1), "response_updates": 20},
            {"followers": MultiplicativeWeights(0.5), "update_mode": mode, "reward_play": "last"},
        )
    ]
    assert [model.name for model in found.by_model] == ["hasty", "mw:epsilon=0.5"]
    assert [model.probability for model in found.by_model] == [0.75, 0.25]
    for model, single in zip(found.by_model, alone, strict=True):
        assert model.found.data() == single.data()
    assert found.leader_value == pytest.approx(0.75 * alone[0].leader_value + 0.25 * alone[1].leader_value, abs=1e-15)
    assert found.worst_value == min(single.leader_value for single in alone)
    assert found.standard_error == pytest.approx(0.75 * alone[0].standard_error + 0.25 * alone[1].standard_error)
    assert found.play == "by model"
    assert found.certificate.equilibrium == all(single.certificate.equilibrium for single in alone)
    assert found.certificate.deviation_gain >= alone[1].certificate.deviation_gain
    _, asked = evaluate_policy(game, lambda seen: np.zeros((len(seen), 1)), settings, 5, samples=16)
    assert asked.data() == found.data()


def test_python_and_plain_data_name_the_same_models():
    game = make_game("escape")
    found = respond(game, [{"question": 0, "action": 2}], updates=33, models=["mw:epsilon=0.1", TWO[1]])
    assert found.data()["worst_value"] == found.leader_value == 1.0
    assert [model["name"] for model in found.data()["by_model"]] == ["mw:epsilon=0.1", "slow"]
    settings = LeaderSettings.checked(models=[*TWO, BestResponse(), {"name": "none", "weight": 2}])
    assert LeaderSettings.checked(**settings.model_dump(mode="json")) == settings
    assert [part.name for part in settings.parts] == ["mw:epsilon=0.5", "slow", "best-response", "none"]
    assert settings.parts[-1].settings == LeaderSettings()  # what a model leaves open is as in the settings


@pytest.mark.parametrize("mode", [{"update_mode": "expected"}, {}])
def test_the_exact_optimum_of_a_mixture_is_that_of_all_tables(mode):
    game = make_game("simple-allocation", types=2, messages=2)
    models = [
        FollowerModel(followers="mw:epsilon=0.1", weight=2),
        FollowerModel(followers="mw:epsilon=0.02", reward_play="last"),
    ]
    settings = LeaderSettings.checked(models=models, response_updates=20, **mode)
    found = response_solve(game, settings, samples=8)
    turn = game.leader_turn
    values = [
        evaluate_strategy(
            LeaderStrategy.from_pairs(game, enumerate(actions)), settings, purpose=Purpose.SELECTION, samples=8
        ).leader_value
        for actions in product(range(turn.choices), repeat=turn.keys)
    ]
    assert found.leader_value == pytest.approx(max(values), abs=1e-12)
    assert max(values) > min(values)


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("models", {"models": ["mw", "mw:epsilon=0.1"]}),
        ("models", {"models": 5}),
        ("models.1.followers", {"models": ["mw", "nobody"]}),
        ("models.0.weight", {"models": [{"weight": 0}, "hedge"]}),
        ("models.0.colour", {"models": [{"colour": 1}]}),
        ("update_mode", {"models": ["mw", "best-response"], "update_mode": "sampled"}),
        ("update_mode", {"models": ["mw", "exp3"], "update_mode": "expected"}),
        ("leader_queries", {"models": ["mw", "q-learning"], "leader_queries": "every_turn"}),
        ("deviation_penalty", {"models": ["mw", "q-learning"], "deviation_penalty": 1.0}),
    ],
)
def test_what_cannot_be_mixed_is_refused_by_name(field, settings):
    with pytest.raises(InvalidFieldError) as refused:
        LeaderSettings.checked(**settings)
    assert refused.value.field == field
    assert refused.value.allowed


def test_a_model_that_a_game_is_too_large_for_is_refused_by_its_name():
    settings = LeaderSettings.checked(models=["mw", "best-response"])
    with pytest.raises(InvalidFieldError, match=r"under model 'best-response'.*outcomes") as refused:
        settings.fitted(make_game("message-spm", buyers=8))
    assert refused.value.field == "followers"
