"""Episodes that go on from saved ones are the same to the bit, whatever the leader is asked and however."""

import numpy as np
import pytest

from rllib_stackelberg import QLearning, StackelbergPOMDP, make_game
from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.plays.sample_plays import uniform_choices
from rllib_stackelberg.response.settings import LeaderSettings
from tests.conftest import game_called

CASES = {
    "closure, discrete": ("simple-allocation", {}),
    "closure, continuous": ("matrix-design", {}),
    "closure, followers kept": ("maintain-mixed", {"keep_followers": True}),
    "in play, discrete": ("simple-allocation", {"elicitation": "in_play"}),
    "in play, continuous": ("message-spm-scores", {"elicitation": "in_play", "reward_plays": 3}),
    "in play, choices": ("message-spm-choice", {"elicitation": "in_play", "reward_plays": 3}),
    "in play, seen moves": ("test:sequential", {"elicitation": "in_play"}),
    "every turn": ("simple-allocation", {"leader_queries": "every_turn"}),
    "every turn, kept, continuous": ("maintain-mixed", {"leader_queries": "every_turn", "keep_followers": True}),
    "experience": ("iterated-bimatrix", {"followers": QLearning()}),
    "counterfactual": ("interview", {}),
    "mixture": ("maintain-mixed", {"models": ["mw", "best-response"]}),
    "mixture, kept, in play": (
        "simple-allocation",
        {"models": ["mw", "regret-matching"], "keep_followers": True, "elicitation": "in_play"},
    ),
}


def played(env, steps, seed):
    """Random answers; everything that can be seen along the way."""
    rng = np.random.default_rng(seed)
    seen = []
    turn = env.game.leader_turn
    for _ in range(steps):
        if turn.masked:
            masks = np.ones((env.num_envs, turn.choices), dtype=bool)
            if len(env.live):
                masks[env.live] = env.elicitation.open_choices(env.posed(env.live))
            names = uniform_choices(masks, rng)
            actions = np.concatenate([names[:, None], rng.random((env.num_envs, turn.numbers))], axis=1)
        elif turn.discrete:
            actions = rng.integers(turn.choices, size=env.num_envs)
        else:
            actions = rng.random((env.num_envs, turn.numbers))
        observations, rewards, ended, _, infos = env.step(actions)
        seen += [*observations.values(), rewards, ended, *(infos[name] for name in sorted(infos))]
    return seen + list(env.elicitation.arrays().values())


@pytest.mark.parametrize("steps", [0, 1, 7])
@pytest.mark.parametrize("case", CASES)
def test_an_environment_goes_on_from_its_state(case, steps):
    label, changes = CASES[case]
    game, settings = game_called(label), LeaderSettings.checked(**{"response_updates": 3} | changes)
    first, second = (StackelbergPOMDP(game, settings, num_envs=3, seed=seed, worker=2) for seed in (5, 6))
    first.reset(seed=11)
    played(first, steps, seed=1)
    state = first.get_state()
    expected = played(first, 9, seed=2)
    second.set_state(state)
    found = played(second, 9, seed=2)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert second.episodes == first.episodes


def test_a_state_is_not_changed_by_going_on():
    env = StackelbergPOMDP(make_game("escape"), LeaderSettings(response_updates=3), num_envs=2)
    env.reset()
    state = env.get_state()
    before = state["transcript"]["followers"]["numbers"].copy()
    played(env, 4, seed=0)
    np.testing.assert_array_equal(state["transcript"]["followers"]["numbers"], before)


def test_a_game_that_does_not_repeat_itself_is_found_out():
    settings = LeaderSettings.checked(response_updates=3, leader_queries="every_turn")
    env = StackelbergPOMDP(make_game("simple-allocation"), settings, num_envs=4)
    env.reset()
    played(env, 3, seed=0)
    state = env.get_state()
    state["transcript"]["question"][0] ^= 1
    with pytest.raises(RulesError, match="repeat itself"):
        env.set_state(state)


def test_abandoned_episodes_are_followed_by_those_after_them():
    env = StackelbergPOMDP(make_game("simple-allocation"), LeaderSettings(response_updates=3), num_envs=2, seed=4)
    env.reset()
    env.abandon()
    env.begin(np.arange(2))
    assert env.elicitation.episode.tolist() == [1, 1]
    assert env.elicitation.streams.run == 4
