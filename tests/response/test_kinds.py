"""Followers are of one kind of response, and a kind of somebody's own is a class and a line in a table or two."""

import numpy as np
import pytest

from rllib_stackelberg import (
    LeaderSettings,
    LeaderStrategy,
    MultiplicativeWeights,
    QLearning,
    StackelbergPOMDP,
    evaluate_strategy,
    make_game,
)
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation import valuations
from rllib_stackelberg.followers.learner import Learner, Traits
from rllib_stackelberg.response import kinds
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.interim import InterimResponse
from rllib_stackelberg.response.played_trajectories import PlayedTrajectories
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.rounds import RoundsResponse
from rllib_stackelberg.response.sampled_moves import SampledMoves
from rllib_stackelberg.response.trajectories import TrajectoryResponse


class Patient(MultiplicativeWeights):
    """A learner of a kind of its own."""


class Twice(Response):
    """Followers that respond for twice as long as asked."""

    learns = Patient

    def respond(self, table, phase, *total):
        longer = phase.settings.model_copy(update={"response_updates": 2 * phase.settings.response_updates})
        super().respond(table, phase._replace(settings=longer), *total)


@pytest.mark.parametrize(
    ("game", "learner", "kind"),
    [
        ("escape", MultiplicativeWeights(), Response),
        ("interview", MultiplicativeWeights(), CounterfactualResponse),
        ("escape", QLearning(), TrajectoryResponse),
        ("interview", QLearning(), TrajectoryResponse),
        ("matrix-design", QLearning(foresight=1), RoundsResponse),
        ("auction", MultiplicativeWeights(), InterimResponse),
    ],
)
def test_learners_and_game_decide_the_kind(game, learner, kind):
    made, settings = make_game(game), LeaderSettings.checked(followers=learner, response_updates=20)
    assert kinds.followers_for(made, settings) is kind
    env = StackelbergPOMDP(made, settings, num_envs=2)
    assert type(env.elicitation.response) is kind


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_followers_begin_again_as_they_began(kind):
    names = {Response: "matrix-design", RoundsResponse: "matrix-design", InterimResponse: "auction"}
    game = make_game(names.get(kind, "interview"))
    learner = QLearning() if issubclass(kind, TrajectoryResponse) else MultiplicativeWeights()
    asked = {
        PlayedTrajectories: {"elicitation": "in_play"},
        SampledMoves: {"update_mode": "sampled"},
        RoundsResponse: {"settled_plays": 20},
    }.get(kind, {})
    settings = LeaderSettings.checked(followers=learner, response_updates=20, **asked)
    env = StackelbergPOMDP(game, settings, num_envs=2)
    assert type(env.elicitation.response) is kind
    fresh = {name: values.copy() for name, values in env.elicitation.response.arrays().items()}
    env.begin(np.arange(2))
    while len(live := env.live):
        env.answer(env.posed(live), env.action_space.sample()[live])
    learned = env.elicitation.response.arrays()
    assert any((learned[name] != fresh[name]).any() for name in fresh)
    env.elicitation.response.restart(np.array([1]))
    for name, values in env.elicitation.response.arrays().items():
        np.testing.assert_array_equal(values[1], fresh[name][1])
    assert any((learned[name][0] != fresh[name][0]).any() for name in fresh)


def test_a_fourth_kind_is_a_class_and_a_line(monkeypatch):
    """Asked, responded and valued like the others, without a word of it anywhere else."""
    monkeypatch.setattr(kinds, "KINDS", (Twice, *kinds.KINDS))
    monkeypatch.setitem(valuations.VALUATIONS, Twice, valuations.one_move_value)
    game, values, worth = make_game("matrix-design"), [], []
    rules = [{"followers": Patient(), "response_updates": 5}, {"response_updates": 10}]
    for settings in [LeaderSettings.checked(update_mode="expected", **rule) for rule in rules]:
        env, asked = StackelbergPOMDP(game, settings, num_envs=1), {}
        env.begin(np.arange(1))
        while len(live := env.live):
            asked[int(env.elicitation.question[0])] = game.leader_turn.actions.low
            env.answer(env.posed(live), np.zeros((1, *env.single_action_space.shape)))
        strategy = LeaderStrategy.from_pairs(game, list(asked.items()))
        values.append((env.elicitation.value[0], env.elicitation.response.arrays()["numbers"]))
        worth.append(evaluate_strategy(strategy, settings))
    np.testing.assert_array_equal(values[0][1], values[1][1])
    assert values[0][0] == values[1][0] == worth[0].leader_value
    assert worth[0].by_play["last"] == worth[1].by_play["last"]
    assert (
        worth[0].by_play["last"]
        != evaluate_strategy(strategy, settings.model_copy(update={"response_updates": 5})).by_play["last"]
    )


def test_a_learner_of_no_kind_is_refused(monkeypatch):
    monkeypatch.setattr(Learner, "registry", dict(Learner.registry))

    class Stray(Learner):
        traits = Traits("stray")

        def start(self, actions):
            return np.zeros(1)

    with pytest.raises(InvalidFieldError, match="stray learns in no way") as refused:
        LeaderSettings.checked(followers=Stray())
    assert refused.value.field == "followers"
