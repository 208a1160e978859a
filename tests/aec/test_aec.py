"""The AEC view equals the rules, and shows nobody what it may not see."""

from functools import partial

import numpy as np
import pettingzoo
import pytest
from gymnasium.spaces import Box
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, render_test

from rllib_stackelberg import make_game, make_population
from rllib_stackelberg.aec.environment import make_aec, make_parallel
from rllib_stackelberg.aec.playthrough import playthrough
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.sample_plays import draw_nature, opened_at, random_actions
from rllib_stackelberg.rules.game import OVER
from rllib_stackelberg.rules.registry import make_rules
from tests.conftest import GAMES, POPULATIONS, view
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
        actions = random_actions(game, turn, rng, open_choices=opened_at(game, state, turn))
        views = [game.observe(state, agent) for agent in range(len(game.agents))]
        state, payoffs = game.step(state, actions)
        for k, env in enumerate(envs):
            if turn[k] == OVER:
                continue
            kind = game.turns[turn[k]]
            assert env.agent_selection == game.agents[kind.agent]
            for agent, name_ in enumerate(game.agents):
                np.testing.assert_array_equal(view(env, name_), views[agent][k])
            given_ = actions[k, : kind.width]
            choice, numbers = [int(given_[0])] * kind.chooses, [given_[int(kind.chooses) :]] * (kind.numbers > 0)
            env.step((*choice, *numbers) if choice and numbers else (choice or numbers)[0])
            assert [env.rewards[a] for a in game.agents] == payoffs[k].tolist()
    assert all(all(env.terminations.values()) for env in envs)


def assert_seen_alike(first, second):
    """Observations, and masks if there are any."""
    assert type(first) is type(second)
    parts = [(first[name], second[name]) for name in first] if isinstance(first, dict) else [(first, second)]
    for one, other in parts:
        np.testing.assert_array_equal(one, other)


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
            assert_seen_alike(first[agent], second[agent])


def test_values_of_other_buyers_are_hidden_until_they_buy():
    game = build("message-spm")
    views = []
    for other in (0, 1):
        env = make_aec(game)
        env.reset(options={"nature": [other, 1]})
        shown = []
        for action in (1, 0, (0, np.array([0.0]))):
            shown.append([view(env, agent).tolist() for agent in ("leader_0", "follower_1")])
            env.step(action)
        shown.append([view(env, agent).tolist() for agent in ("leader_0", "follower_1")])
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
    assert_seen_alike(*seen)


def test_noise_is_seen_only_behind_the_channel():
    views = {"leader_0": [], "follower_0": []}
    for noise, message in ((0, 1), (1, 0)):  # both are heard as 1
        env = make_aec(NoisyAllocation())
        env.reset(options={"nature": [0, noise]})
        for agent, shown in views.items():
            shown.append(view(env, agent).tolist())
        env.step(message)
        for agent, shown in views.items():
            shown.append(view(env, agent).tolist())
    for shown in views.values():
        assert shown[:2] == shown[2:]


def test_a_follower_sees_the_leader_only_if_the_turn_says_so():
    for sees, equal in ((False, True), (True, False)):
        views = []
        for row in (0, 1):
            env = make_aec(make_game("escape", sees_leader=sees))
            env.reset(seed=0)
            env.step(row)
            views.append(view(env, "follower_0").tolist())
        assert (views[0] == views[1]) is equal


def test_registered_with_pettingzoo():
    env = pettingzoo.make("aec", "stackelberg/simple-allocation-v0", types=4, messages=2, render_mode="ansi")
    env.reset(seed=3)
    assert env.unwrapped.leader == "leader_0"
    assert env.followers == ("follower_0",)
    env.step(1)
    assert "follower_0 message: 1" in env.render()


def test_bad_render_mode_is_refused_by_name():
    with pytest.raises(InvalidFieldError, match=r"render_mode: got 'video'; allowed: None, ansi, human, rgb_array"):
        make_aec("escape", render_mode="video")


EVERY = GAMES | POPULATIONS


@pytest.mark.parametrize("name", ["message-spm", "newsvendor", "taxation"])
def test_every_render_mode_renders(name, capsys):
    game, parameters = EVERY[name]
    render_test(partial(make_aec, make_rules(game, **parameters)))
    assert capsys.readouterr().out.strip()


def test_people_are_shown_what_happens_as_it_happens_and_once(capsys):
    env = make_aec("escape", render_mode="human")
    env.reset(seed=0)
    assert capsys.readouterr().out == "types [0]  chance []\n"
    env.step(2)
    assert capsys.readouterr().out == "leader_0 commit: row 2\n"
    env.step(2)
    assert env.render() is None
    assert capsys.readouterr().out == "follower_0 respond: column 2\nover\n"
    env.reset(seed=0)
    assert capsys.readouterr().out == "types [0]  chance []\n"


def test_a_picture_shows_what_happened_and_needs_no_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("MPLBACKEND", "module://none_such")
    env = make_aec("escape", render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    env.step(2)
    after = env.render()
    assert before.shape == after.shape == (480, 640, 3)
    changed = np.argwhere((before != after).any(axis=2))
    assert len(changed) > 50  # one more line, below the first
    assert before.min() < 50 < 250 < before.max()


def test_an_environment_says_which_game_it_is_of():
    env = pettingzoo.make("aec", "stackelberg/simple-allocation-v0", types=4)
    assert repr(env) == str(env) == repr(env.unwrapped) == "stackelberg/simple-allocation-v0(types=4)"
    assert repr(make_parallel("escape", mixed=True)) == "stackelberg/escape-v0(mixed=True)"
    assert repr(make_game("escape")) == "stackelberg/escape-v0"
    assert repr(make_population("taxation", households=5)) == "stackelberg/taxation-v0(households=5)"


@pytest.mark.parametrize("name", ["bimatrix", "maintain-mixed", "bayesian-3-followers", "iterated-bimatrix"])
def test_games_of_simultaneous_moves_are_parallel_environments(name):
    game, parameters = GAMES[name]
    parallel_api_test(pettingzoo.make("parallel", f"stackelberg/{game}-v0", **parameters), num_cycles=20)
    parallel_seed_test(lambda: pettingzoo.make("parallel", f"stackelberg/{game}-v0", **parameters), num_cycles=20)


def test_a_parallel_play_pays_what_the_turns_pay():
    game = make_game("bayesian", followers=2)
    env, turns = make_parallel(game), make_aec(game)
    for seed in range(5):
        _, _ = env.reset(seed=seed)
        turns.reset(seed=seed)
        actions = dict(zip(game.agents, (2, 1, 0), strict=True))
        _, rewards, ended, _, _ = env.step(actions)
        for agent in game.agents:
            turns.step(actions[agent])
        assert rewards == turns.rewards
        assert all(ended.values())


@pytest.mark.parametrize("name", ["simple-allocation", "bimatrix-sees-leader", "taxation", "newsvendor"])
def test_games_of_moves_in_turn_are_no_parallel_environments(name):
    game, parameters = EVERY[name]
    with pytest.raises(InvalidFieldError, match="one after the other"):
        pettingzoo.make("parallel", f"stackelberg/{game}-v0", **parameters)


def test_masks_are_shown_where_there_are_any():
    spaces = {name: make_aec(build(name)).observation_space("follower_0") for name in ("message-spm", "bayesian")}
    assert all(isinstance(space, Box) for space in spaces.values())
    env = make_aec("message-spm", messages=3)
    assert set(env.observation_space("follower_0").spaces) == {"observation", "action_mask"}
    env.reset(seed=0)
    assert env.observe("follower_0")["action_mask"].tolist() == [1, 1, 1]
    env.step(0), env.step(0), env.step((0, np.array([0.5])))
    assert env.observe("follower_0")["action_mask"].tolist() == [1, 1, 0]


def test_supersuits_wrappers_take_environments_without_masks():
    supersuit = pytest.importorskip("supersuit", reason="in the extra 'test'")
    env = supersuit.pad_observations_v0(supersuit.pad_action_space_v0(make_aec("message-spm", price_grid=3)))
    env = supersuit.frame_stack_v1(supersuit.dtype_v0(supersuit.flatten_v0(env), np.float32), 2)
    api_test(env, num_cycles=20)
    stacked = supersuit.frame_stack_v1(make_parallel("iterated-bimatrix"), 2)
    stacked.reset(seed=0)
    observations, *_ = stacked.step({"leader_0": 0, "follower_0": 1})
    assert {len(seen) for seen in observations.values()} == {
        2 * len(make_aec("iterated-bimatrix").observation_space(a).low) for a in observations
    }


def test_a_playthrough_repeats():
    game = make_game("matrix-design")
    assert playthrough(game, 5) == playthrough(game, 5) != playthrough(game, 6)
