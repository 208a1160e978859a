"""Policies of choices, numbers and seats as data: saved, read, refused, and played with other numbers of followers."""

import json

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, load_policy, make_game
from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.leader.policy import LeaderNetwork, SeatNetwork, network_from, said_of_each
from rllib_stackelberg.networks import DESCRIPTION
from rllib_stackelberg.runs.folder import RunFolder
from tests.games_for_tests import Offers

UNITS = 5
FORMS = ("both", "choice", "numbers")


def layer(rng, wide_in, wide_out):
    return rng.normal(size=(wide_out, wide_in)).astype(np.float32), rng.normal(size=wide_out).astype(np.float32)


def seat_network(game, seed=0):
    """Random weights."""
    rng = np.random.default_rng(seed)
    choices, numbers = said_of_each(game.leader_turn, game.buyers)
    features, shared = game.seats.features, game.observation_spaces[0].shape[0] - game.seats.columns.size
    sizes = [
        (features, UNITS), (2 * UNITS + shared + 1, UNITS), (UNITS, UNITS), (features + UNITS, UNITS),
        (UNITS, choices * (1 + numbers) if choices else numbers),
    ]  # fmt: skip
    layers = tuple(layer(rng, *size) for size in sizes)
    return SeatNetwork(layers, game.leader_turn.discrete, choices, game.seats.columns)


def flat_network(game, seed=0):
    turn, rng = game.leader_turn, np.random.default_rng(seed)
    outputs = turn.choices * (1 + turn.numbers) if turn.chooses else turn.numbers
    layers = (layer(rng, game.observation_spaces[0].shape[0], 8), layer(rng, 8, outputs))
    return LeaderNetwork(layers, turn.discrete, turn.choices if turn.chooses and turn.numbers else 0)


MAKERS = {"seats": seat_network, "flat": flat_network}


def observations(game, rows=9, seed=1):
    return np.random.default_rng(seed).random((rows, game.observation_spaces[0].shape[0])).astype(np.float32)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("form", FORMS)
def test_a_saved_policy_acts_the_same(tmp_path, form, kind):
    game = Offers(form=form)
    made, seen = MAKERS[kind](game), observations(game)
    made.save(tmp_path)
    for read in (LeaderNetwork.load(tmp_path), network_from(made.data())):
        assert type(read) is type(made)
        np.testing.assert_array_equal(read.outputs(seen), made.outputs(seen))
        read.check(game)
    old = kind == "flat" and form != "both"
    assert json.loads((tmp_path / DESCRIPTION).read_text())["format"] == (1 if old else 2)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("form", ["both", "choice"])
def test_what_is_closed_is_not_played(form, kind):
    game = Offers(form=form)
    network, seen = MAKERS[kind](game), observations(game, rows=200)
    choices = game.leader_turn.choices
    masks = np.random.default_rng(2).random((200, choices)) < 0.4
    masks[:, 1] = True
    chosen = network.greedy(seen, masks).reshape(200, -1)[:, 0].astype(int)
    assert masks[np.arange(200), chosen].all()
    scores = network.outputs(seen)[:, :choices]
    np.testing.assert_array_equal(chosen, np.where(masks, scores, -np.inf).argmax(axis=1))
    if form == "both":
        points = network.outputs(seen)[:, choices:]
        actions = network.acting_in(game)(seen, masks)
        np.testing.assert_allclose(actions[:, 1], 2 * np.clip(points[np.arange(200), chosen], 0, 1))


@pytest.mark.parametrize("form", FORMS)
def test_a_policy_of_five_buyers_plays_with_eight(form):
    small, large = Offers(buyers=5, form=form), Offers(buyers=8, form=form)
    network = seat_network(small)
    network.check(large)
    seen = observations(large)
    found = network.acting_in(large)(seen, *([np.ones((9, large.leader_turn.choices))] if form != "numbers" else []))
    assert found.shape == (9, large.leader_turn.width)
    # The last three buyers, exchanged with the first three, are answered as those were.
    order = np.array([5, 6, 7, 3, 4, 0, 1, 2])
    moved = seen.copy()
    moved[:, large.seats.columns] = seen[:, large.seats.columns[order]]
    per_seat = SeatNetwork(network.layers, network.discrete, network.choices, large.seats.columns)
    before, after = (per_seat.outputs(s)[:, : 8 * max(network.choices, 1)].reshape(9, 8, -1) for s in (seen, moved))
    np.testing.assert_allclose(after, before[:, order], atol=1e-12)


def test_a_policy_of_five_buyers_is_valued_with_eight():
    large = Offers(buyers=8)
    network = seat_network(Offers(buyers=5))
    settings = LeaderSettings.checked(response_updates=5, update_mode="sampled").fitted(large)
    strategy, found = evaluate_policy(large, network.acting_in(large), settings, samples=2)
    assert -2 <= found.leader_value <= 0
    for key, action in strategy.answers.items():
        assert key >> 2 * int(action[0]) & 1  # a buyer who has not refused yet


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Offers(form="choice"), "for each follower, choices"),
        (Offers(form="numbers"), "for each follower, coordinates"),
        (Offers(seats=False), "scores of 3 choices and their coordinates"),
    ],
)
def test_policies_of_other_games_are_refused_by_name(other, said):
    with pytest.raises(InvalidFieldError) as caught:
        seat_network(Offers()).check(other)
    assert "2 for each follower and 1 shared numbers" in caught.value.problem
    assert said in caught.value.allowed


def test_a_flat_policy_does_not_play_with_more_followers():
    with pytest.raises(InvalidFieldError, match="takes 7 numbers"):
        flat_network(Offers()).check(Offers(buyers=4))


@pytest.mark.parametrize(
    "change",
    [
        {"choices": 2}, {"choices": -1}, {"seats": False}, {"layers": 4}, {"discrete": True},
        {"format": 3}, {"choices": 10**9},
    ],
    ids=str,
)  # fmt: skip
def test_descriptions_that_do_not_fit_their_tensors_are_refused(tmp_path, change):
    game = Offers()
    choices = seat_network(game)
    # Three outputs for each follower: no even number of choices.
    layers = (*choices.layers[:-1], layer(np.random.default_rng(0), UNITS, 3))
    SeatNetwork(layers, False, 1, game.seats.columns).save(tmp_path)
    description = tmp_path / DESCRIPTION
    description.write_text(json.dumps(json.loads(description.read_text()) | change))
    with pytest.raises(InvalidFieldError, match="policy"):
        LeaderNetwork.load(tmp_path)


def test_load_policy_takes_what_agents_see_and_gives_what_they_play(tmp_path):
    RunFolder(tmp_path).write(
        "config", {"game": f"{Offers.__module__}:Offers", "params": {}, "settings": {}, "seed": 0}
    )
    seat_network(Offers()).save(tmp_path)
    policy = load_policy(tmp_path, game=f"{Offers.__module__}:Offers")
    env = make_aec(Offers())
    for seed in range(5):
        env.reset(seed=seed)
        for agent in env.agent_iter():
            observation, _, over, _, _ = env.last()
            env.step(None if over else policy(observation) if agent == "leader_0" else 0)


def test_followers_that_look_alike_are_chosen_in_turns():
    """Equal scores: every one of them is chosen about as often, where other things are seen, and no other one."""
    game = make_game("message-spm", buyers=4)
    network, rng = seat_network(game), np.random.default_rng(3)
    questions = rng.integers(2, size=(400, game.buyers)), rng.integers(2, size=(400, game.buyers))
    shown = [np.eye(letters)[of].reshape(400, -1) for letters, of in zip((2, 3), questions, strict=True)]
    seen = np.concatenate([*shown, np.zeros((400, game.buyers))], 1)  # whose place in the row is not told
    masks = questions[1] == 0
    seen, masks, alike = seen[masks.any(axis=1)], masks[masks.any(axis=1)], questions[0][masks.any(axis=1)]
    chosen = network.greedy(seen, masks)[:, 0].astype(int)
    scores = np.where(masks, network.outputs(seen)[:, : game.buyers], -np.inf)
    rows = np.arange(len(seen))
    np.testing.assert_allclose(scores[rows, chosen], scores.max(axis=1), atol=1e-9)
    places = []
    for row in rows:
        same = np.flatnonzero(masks[row] & (alike[row] == alike[row, chosen[row]]))
        if len(same) == 2:
            places.append(int(np.flatnonzero(same == chosen[row])[0]))
    assert 0.3 < np.mean(places) < 0.7
    assert len(places) > 60
    np.testing.assert_array_equal(chosen, network.greedy(seen, masks)[:, 0])
