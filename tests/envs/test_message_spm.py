"""Sequential price mechanisms: an independent play of the rules, and what they refuse."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg import LeaderSettings, StackelbergPOMDP, make_game, solve
from rllib_stackelberg.economics.seller_views import LEFT, WON
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import Profiles, tabulate
from rllib_stackelberg.plays.sample_plays import draw_nature, scripted_actions
from rllib_stackelberg.testing.games import game_test


def sell(values, messages, table, question, items, objective):
    """The mechanism in plain words: returns (leader payoff, buyers' payoffs)."""
    left, winners, paid = list(range(len(values))), [], [0.0] * len(values)
    status = [0] * len(values)
    while left and len(winners) < items:
        *scores, price = table[question(messages, status)]
        buyer = max(left, key=lambda i: (scores[i], -i))
        left.remove(buyer)
        if values[buyer] >= price - 1e-12:
            winners.append(buyer)
            paid[buyer] = price
        status[buyer] = 2 if buyer in winners else 1
    gains = [values[i] - paid[i] if i in winners else 0.0 for i in range(len(values))]
    if objective == "revenue":
        return sum(paid), gains
    best = sum(sorted(values, reverse=True)[:items])
    return sum(values[i] for i in winners) - best, gains


def chosen(game, scores):
    """The same answers as a choice and a price: `[keys, names + 1]` -> `[keys, 2]`."""
    is_open = np.stack([game.view.open_at(key) for key in range(len(scores))])
    names = np.where(is_open, scores[:, :-1], -1.0).argmax(axis=1)
    return np.stack([names, scores[:, -1]], axis=1)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31), st.sampled_from([(2, 1), (2, 2), (3, 1), (3, 2)]), st.sampled_from(["welfare", "revenue"])
)
def test_every_outcome_is_that_of_a_plain_play(seed, size, objective):
    buyers, items = size
    parameters = {"buyers": buyers, "items": items, "types": 3, "messages": 2, "objective": objective}
    game = make_game("message-spm", leader="scores", **parameters)
    table = np.random.default_rng(seed).random((game.leader_turn.keys, buyers + 1))
    found, profiles = tabulate(game, table[None]), Profiles.of(game)
    choosing = make_game("message-spm", leader="choice", **parameters)
    assert choosing.leader_turn.width == 2
    np.testing.assert_array_equal(tabulate(choosing, chosen(choosing, table)[None]).payoffs, found.payoffs)
    for t, types in enumerate(profiles.nature):
        values = [game.values[i][types[i]] for i in range(buyers)]
        for a, messages in enumerate(profiles.joint):
            leader, gains = sell(values, messages, table, game.question, items, objective)
            np.testing.assert_allclose(found.payoffs[0, t, a], [leader, *gains], atol=1e-12)


def test_a_price_outside_the_unit_interval_is_refused_by_the_rules_and_clipped_by_the_leader_environment():
    game = make_game("message-spm", leader="scores")
    state = game.begin(np.zeros((1, 2), dtype=int))
    for _ in range(2):
        state, _ = game.step(state, np.zeros((1, game.width)))
    for price in (-0.1, 1.1):
        with pytest.raises(InvalidFieldError, match=r"choose of leader_0.*3 numbers in \[0, 1\]"):
            game.step(state, np.array([[1.0, 0.0, price]]))
    env = StackelbergPOMDP(game, LeaderSettings.checked(response_updates=1), num_envs=2)
    env.reset()
    env.step(np.array([[0.5, 0.5, 1.3], [0.5, 0.5, 0.5]]))
    assert env.clipped == 1
    assert env.elicitation.answers.take(np.array([0]), np.array([game.question((0, 0), (0, 0))]))[0, 2] == 1.0


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"values": [[0, 1.5], [0, 1]]}, "values"),
        ({"values": [[1, 0], [0, 1]]}, "values"),
        ({"values": [[0, 1]]}, "values"),
        ({"items": 3}, "items"),
        ({"messages": 1, "noise": 0.2}, "messages"),
        ({"noise": 1.2}, "noise"),
        ({"types": 2, "prior": [[0.5, 0.5], [0.5, 0.6]]}, "prior"),
        ({"types": 2, "prior": [[0.1, 0.1, 0.1], [0.3, 0.3, 0.1]]}, "prior"),
        ({"buyers": 1}, "buyers"),
        ({"objective": "fame"}, "objective"),
        ({"file": "nowhere.json"}, "file"),
        ({"price_grid": 3, "leader": "scores"}, "leader"),
        ({"leader": "lottery"}, "leader"),
        ({"buyers": 64}, "buyers"),
        ({"buyers": 65, "anonymous": True}, "buyers"),
        ({"values": [[0, 1]] * 65, "anonymous": True}, "values"),
        ({"buyers": 64, "messages": 6, "anonymous": True}, "messages"),
    ],
)
def test_bad_instances_are_refused_by_name(parameters, field):
    with pytest.raises(InvalidFieldError) as refused:
        make_game("message-spm", **parameters)
    assert refused.value.field == field


def test_values_and_prior_can_come_from_a_file(tmp_path):
    content = {"values": [[0.2, 1.0], [0.0, 0.4]], "prior": [[0.8, 0.2], [0.5, 0.5]]}
    (tmp_path / "pi.json").write_text(json.dumps(content))
    read, named = make_game("message-spm", file=tmp_path / "pi.json"), make_game("message-spm-pi", epsilon=0.2)
    np.testing.assert_array_equal(read.joint_prior(), named.joint_prior())
    np.testing.assert_array_equal(read.values, named.values)


@pytest.mark.parametrize("parameters", [{"buyers": 4}, {"buyers": 3, "items": 2, "messages": 3}])
def test_anonymous_scores_and_choices_that_say_the_same_pay_the_same(parameters):
    scoring, choosing = (make_game("message-spm", anonymous=True, leader=f, **parameters) for f in ("scores", "choice"))
    table = np.random.default_rng(0).random((scoring.leader_turn.keys, scoring.leader_turn.width))
    found = [tabulate(scoring, table[None]), tabulate(choosing, chosen(choosing, table)[None])]
    np.testing.assert_array_equal(found[0].payoffs, found[1].payoffs)


def test_an_anonymous_mechanism_is_a_mechanism_that_knows_who_sent_what():
    """Naming the first buyer left who sent a message, at the price of the counts, pays the same in every play."""
    parameters = {"buyers": 4, "messages": 2, "types": 2}
    anonymous, named = (make_game("message-spm", leader="choice", anonymous=a, **parameters) for a in (True, False))
    rng = np.random.default_rng(0)
    scores = rng.random((anonymous.leader_turn.keys, 3))
    answers, table = chosen(anonymous, scores), np.zeros((named.leader_turn.keys, 2))
    for heard in itertools.product(range(2), repeat=4):
        for status in itertools.product(range(3), repeat=4):
            if LEFT in status and status.count(WON) == 0:
                letter, price = answers[anonymous.question(heard, status)]
                first = min(b for b in range(4) if heard[b] == letter and status[b] == LEFT)
                table[named.question(heard, status)] = first, price
    found = [tabulate(anonymous, answers[None]), tabulate(named, table[None])]
    np.testing.assert_array_equal(found[0].payoffs, found[1].payoffs)


def test_a_buyer_who_is_not_left_cannot_be_chosen():
    game = make_game("message-spm", leader="choice", buyers=3)
    nature, sent = np.zeros((1, 3), dtype=int), np.zeros((1, 3), dtype=int)
    state = game.after_opening(nature, sent)
    for actions in ([1, 0.7], [0, 0]):
        state, _ = game.step(state, np.array([actions]))
    np.testing.assert_array_equal(game.open_choices(state), [[True, False, True]])
    with pytest.raises(InvalidFieldError, match=r"choice 1 is not open.*buyer 1 refused.*0, 2"):
        game.step(state, np.array([[1, 0.2]]))


def test_buyers_say_in_their_seats_what_tells_them_apart():
    alike = make_game("message-spm", leader="choice", buyers=3, types=2)
    assert alike.seats.columns.shape == (3, 2 + 3 + 1)
    seen = alike.observe(alike.after_opening(np.zeros((1, 3), dtype=int), np.array([[0, 1, 0]])), 0)[0]
    np.testing.assert_array_equal(seen[alike.seats.columns][:, -1], [0, 0.5, 1])
    symmetric = make_game("message-spm", leader="choice", types=2, prior=[[0.4, 0.1], [0.1, 0.4]])
    assert symmetric.seats.columns.shape == (2, 2 + 3 + 1)
    differ = make_game("message-spm", leader="choice", values=[[0.2, 1.0], [0.5]], prior=[[0.75, 0.25], [1.0]])
    seen = differ.observe(differ.after_opening(np.zeros((1, 2), dtype=int), np.array([[0, 1]])), 0)[0]
    own = seen[differ.seats.columns]
    np.testing.assert_allclose(own[0], [1, 0, 1, 0, 0, 0.2, 1, 0.75, 0.25])
    np.testing.assert_allclose(own[1], [0, 1, 1, 0, 0, 0.5, 0, 1, 0])
    correlated = make_game("message-spm", leader="choice", values=[[0, 1], [0.2, 1]], prior=[[0.4, 0.1], [0.1, 0.4]])
    assert correlated.seats.columns.shape == (2, 2 + 3 + 4 + 2)
    for game in (make_game("message-spm", leader="scores"), make_game("message-spm", anonymous=True, leader="choice")):
        assert game.seats is None


def test_the_leaders_choice_says_who_buys():
    game = make_game("message-spm", leader="choice", types=3)
    question, choose = game.question((0, 1), (0, 0)), game.leader_turn
    assert game.describe_action(choose, question, np.array([1, 0.5])) == "buyer 1 at 0.5: sold to value 0.5, 1"
    game = make_game("message-spm", leader="choice", types=3, anonymous=True)
    question = game.question((0, 1), (0, 0))
    assert game.describe_action(game.leader_turn, question, np.array([1, 1])) == "message 1 at 1: sold to value 1"


def test_the_leaders_scores_say_who_buys():
    game = make_game("message-spm", types=3, leader="scores")
    question, choose = game.question((0, 1), (0, 0)), game.leader_turn
    assert game.describe_action(choose, question, np.array([0.1, 0.9, 0.5])) == "buyer 1 at 0.5: sold to value 0.5, 1"
    assert game.describe_action(choose, question, np.array([0.1, 0.9, 0.0])) == "buyer 1 at 0: sold"
    assert game.describe_action(choose, game.question((0, 1), (0, 1)), np.array([0.1, 0.9, 0.7])) == (
        "buyer 0 at 0.7: sold to value 1"
    )


@pytest.mark.parametrize("unit", [1e-9, 1e-3, 0.5])
def test_values_of_any_unit_have_the_same_mechanisms(unit):
    values = [[0.0, unit / 2, unit]] * 2
    silent = solve(make_game("message-spm", values=values, messages=1))
    talking = solve(make_game("message-spm", values=values, messages=2))
    assert silent.leader_value / unit == pytest.approx(-1 / 18)
    assert talking.leader_value / unit == pytest.approx(0, abs=1e-6)


def recount(heard, status, letters):
    """What an anonymous leader sees, counted buyer by buyer: left and refused, by message."""
    counts = np.zeros((2, letters))
    for letter, state in zip(heard, status, strict=True):
        if state < 2:
            counts[state, letter] += 1
    return counts


@pytest.mark.parametrize(
    ("parameters", "letters"),
    [
        ({"buyers": 5}, 2),
        ({"buyers": 4, "items": 2, "messages": 3}, 3),
        ({"buyers": 6, "noise": 0.3, "channel": "erasure"}, 3),
        ({"buyers": 64, "types": 33, "items": 3}, 2),
    ],
)
def test_an_anonymous_leader_sees_counts_and_visits_the_first_of_a_message(parameters, letters):
    game, rng = make_game("message-spm", anonymous=True, **parameters), np.random.default_rng(0)
    buyers, nature = game.buyers, draw_nature(game, 20, rng)
    sent = rng.integers(game.channel.letters, size=(20, buyers))
    heard = np.array(game.channel.hear(sent, nature[:, buyers:] if game.chance.width else 0))
    state, status = game.after_opening(nature, sent), np.zeros((20, buyers), dtype=int)
    keys = {}
    while (asked := game.turn(state) == buyers).any():
        seen, key = game.observe(state, 0), game.information(state)
        for play in np.flatnonzero(asked):
            counts = recount(heard[play], status[play], letters)
            np.testing.assert_array_equal(seen[play], (counts / buyers).astype(np.float32).ravel())
            assert game.question(heard[play], status[play]) == key[play]
            assert keys.setdefault(key[play], counts.tobytes()) == counts.tobytes()
            np.testing.assert_array_equal(game.open_choices(state)[play], counts[0] > 0)
        actions = scripted_actions(game, state, game.turn(state), rng)
        names, _ = game.offers.read(actions, lambda state=state: game.open_choices(state))
        state, _ = game.step(state, actions)
        reply = scripted_actions(game, state, game.turn(state), rng)
        for play in np.flatnonzero(asked):
            buyer = min(b for b in range(buyers) if heard[play, b] == names[play] and not status[play, b])
            assert game.turn(state)[play] == buyers + 1 + buyer
            status[play, buyer] = 2 if reply[play, 0] else 1
        state, _ = game.step(state, reply)
    assert len(set(keys.values())) == len(keys) > 5


def test_an_anonymous_question_is_said_in_words():
    game = make_game("message-spm", anonymous=True, buyers=4, items=2)
    choose, key = game.leader_turn, game.question((0, 0, 1, 1), (0, 1, 2, 0))
    assert game.describe(choose, key) == "1 left and 1 refused of message 0, 1 left of message 1, 1 won"
    erased = make_game("message-spm", anonymous=True, buyers=3, noise=0.2, channel="erasure")
    assert erased.describe(erased.leader_turn, erased.question((2, 2, 0), (0, 0, 1))) == (
        "1 refused of message 0, 2 left of blank"
    )


@pytest.mark.parametrize(
    "parameters", [{"buyers": 5}, {"buyers": 4, "items": 2}, {"buyers": 3, "objective": "revenue"}]
)
def test_without_messages_an_anonymous_leader_does_as_well_as_one_that_knows_everybody(parameters):
    named, anonymous = (make_game("message-spm", messages=1, anonymous=a, **parameters) for a in (False, True))
    found = solve(anonymous)
    assert found.leader_value == pytest.approx(solve(named).leader_value, abs=1e-12)
    values = tabulate(anonymous, as_table(anonymous, found)).payoffs[0, :, 0, 0]
    probabilities = anonymous.prior.support()[1]
    assert values @ probabilities == pytest.approx(found.leader_value)


@pytest.mark.parametrize(
    "parameters",
    [
        {"values": [[0, 1], [0.2, 0.6, 0.8], [0.1]]},
        {"values": [[0, 1], [0.2, 0.6, 0.8], [0.1]], "anonymous": True, "price_grid": 4},
        {"buyers": 64, "types": 33, "anonymous": True},
        {"buyers": 20, "messages": 1, "items": 3, "anonymous": True},
        {"buyers": 4, "price_grid": 3, "noise": 0.2, "channel": "erasure"},
    ],
)
def test_buyers_of_any_kind_and_number_keep_the_contract(parameters):
    game_test(make_game("message-spm", **parameters), plays=16)


def as_table(game, solution):
    """The solution's actions, `[1, questions, width]`; anything where it is never asked."""
    table = np.zeros((1, game.leader_turn.keys, game.leader_turn.width))
    for key, action in solution.leader_strategy:
        table[0, key] = action
    return table
