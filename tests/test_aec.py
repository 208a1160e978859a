"""The AEC view equals the rules, and shows nobody what it may not see."""

import numpy as np
import pettingzoo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg import make_game
from rllib_stackelberg.aec import make_aec
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.game import OVER
from rllib_stackelberg.playthrough import playthrough
from rllib_stackelberg.sample_plays import draw_nature, random_actions
from tests.conftest import GAMES
from tests.games_for_tests import BayesianGame, NoisyAllocation

OWN = {
    "test:bayesian": lambda: BayesianGame(tables=2),
    "test:sequential": lambda: BayesianGame(tables=2, sequential=True),
    "test:noisy": NoisyAllocation,
}


def build(name):
    return OWN[name]() if name in OWN else make_game(GAMES[name][0], **GAMES[name][1])


names = st.sampled_from([*sorted(GAMES), *OWN])


@settings(max_examples=60, deadline=None)
@given(names, st.integers(0, 10_000))
def test_stepping_the_view_equals_stepping_a_batch(name, seed):
    game, rng = build(name), np.random.default_rng(seed)
    plays = 3
    nature = draw_nature(game, plays, rng)
    envs = [make_aec(game) for _ in range(plays)]
    for env, row in zip(envs, nature, strict=True):
        env.reset(options={"nature": row})
    state = game.begin(nature)
    while (game.turn(state) != OVER).any():
        turn = game.turn(state)
        actions = random_actions(game, turn, rng)
        views = [game.observe(state, agent) for agent in range(len(game.agents))]
        state, payoffs = game.step(state, actions)
        for k, env in enumerate(envs):
            if turn[k] == OVER:
                continue
            kind = game.turns[turn[k]]
            assert env.agent_selection == game.agents[kind.agent]
            for agent, name_ in enumerate(game.agents):
                np.testing.assert_array_equal(env.observe(name_)["observation"], views[agent][k])
            given_ = actions[k, : kind.width]
            env.step(int(given_[0]) if kind.width == 1 and hasattr(kind.actions, "n") else given_)
            assert [env.rewards[a] for a in game.agents] == payoffs[k].tolist()
    assert all(all(env.terminations.values()) for env in envs)


# What each agent may not see, as a pair of plays that must look alike to it: (game, agent, change to nature or
# to another agent's simultaneous move, number of steps both plays are driven).
@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["test:bayesian", "test:sequential"]), st.integers(0, 1000))
def test_types_of_others_are_hidden(name, seed):
    game, rng = build(name), np.random.default_rng(seed)
    actions = [rng.integers(2) for _ in range(3)]
    views = []
    for other in (0, 1):
        env = make_aec(game)
        env.reset(options={"nature": [other, 1]})
        shown = []
        for action in actions:
            shown.append({agent: env.observe(agent) for agent in ("leader_0", "follower_1")})
            env.step(int(action))
        views.append(shown)
    for first, second in zip(*views, strict=True):
        for agent in first:
            np.testing.assert_array_equal(first[agent]["observation"], second[agent]["observation"])
            np.testing.assert_array_equal(first[agent].get("action_mask"), second[agent].get("action_mask"))


def test_values_of_other_buyers_are_hidden_until_they_buy():
    game = build("message-spm")
    views = []
    for other in (0, 1):
        env = make_aec(game)
        env.reset(options={"nature": [other, 1]})
        shown = []
        for action in (1, 0, np.array([0.9, 0.1, 0.0])):
            shown.append([env.observe(agent)["observation"].tolist() for agent in ("leader_0", "follower_1")])
            env.step(action)
        shown.append([env.observe(agent)["observation"].tolist() for agent in ("leader_0", "follower_1")])
        views.append(shown)
    assert views[0] == views[1]


@pytest.mark.parametrize("name", ["matrix-design", "test:bayesian", "message-spm", "message-spm-noisy"])
def test_simultaneous_moves_are_hidden(name):
    game = build(name)
    seen = []
    for move in (0, 1):
        env = make_aec(game)
        env.reset(options={"nature": [0] * game.nature.width})
        while env.agent_selection != "follower_0":
            env.step(0)
        env.step(move)
        assert env.agent_selection == "follower_1"
        seen.append(env.observe("follower_1"))
    for part in seen[0]:
        np.testing.assert_array_equal(seen[0][part], seen[1][part])


def test_noise_is_seen_only_behind_the_channel():
    views = {"leader_0": [], "follower_0": []}
    for noise, message in ((0, 1), (1, 0)):  # both are heard as 1
        env = make_aec(NoisyAllocation())
        env.reset(options={"nature": [0, noise]})
        for agent, shown in views.items():
            shown.append(env.observe(agent)["observation"].tolist())
        env.step(message)
        for agent, shown in views.items():
            shown.append(env.observe(agent)["observation"].tolist())
    for shown in views.values():
        assert shown[:2] == shown[2:]


def test_a_follower_sees_the_leader_only_if_the_turn_says_so():
    for sees, equal in ((False, True), (True, False)):
        views = []
        for row in (0, 1):
            env = make_aec(make_game("escape", sees_leader=sees))
            env.reset(seed=0)
            env.step(row)
            views.append(env.observe("follower_0")["observation"].tolist())
        assert (views[0] == views[1]) is equal


def test_registered_with_pettingzoo():
    env = pettingzoo.make("aec", "stackelberg/simple-allocation-v0", types=4, messages=2, render_mode="ansi")
    env.reset(seed=3)
    assert env.unwrapped.leader == "leader_0"
    assert env.followers == ("follower_0",)
    env.step(1)
    assert "follower_0 message: 1" in env.render()


def test_bad_render_mode_is_refused_by_name():
    with pytest.raises(InvalidFieldError, match="render_mode"):
        make_aec("escape", render_mode="human")


def test_a_playthrough_repeats():
    game = make_game("matrix-design")
    assert playthrough(game, 5) == playthrough(game, 5) != playthrough(game, 6)
