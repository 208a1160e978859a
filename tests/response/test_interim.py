"""Followers told expected payoffs by the rules: as by a table of all outcomes, as by plays; auctions' equilibria."""

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, LeaderStrategy, make_game
from rllib_stackelberg.economics.auctions import second_price
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.estimates import estimate
from rllib_stackelberg.evaluation.strategies import evaluate_strategy
from rllib_stackelberg.followers.learner import learner_from_text
from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.response.interim import InterimResponse, InterimTable
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.streams import Streams

TERMS = ["reserve", "second_price", "fee", "all_pay"]
LEARNERS = ("regret-matching-plus", "mw", "optimistic-hedge")


def responded(kind, game, table, learners, updates):
    """Followers after expected updates of two episodes."""
    learning = {"followers": tuple(map(learner_from_text, learners)), "response_updates": updates}
    settings = LeaderSettings.checked(update_mode="expected", **learning)
    response = kind.begin(settings, game, 2)
    response.respond(table, Phase(np.arange(2), settings, Streams(0), [(0, 0), (1, 0)]))
    return response


@pytest.mark.parametrize(
    ("parameters", "learners"),
    [({"bidders": 2, "values": [0.2, 0.6, 1.0]}, (learner,)) for learner in LEARNERS]
    + [
        ({"bidders": 2, "values": [0.2, 0.6, 1.0], "prior": [[0.5, 0, 0.5], [0.2, 0.3, 0.5]]}, ("mw",)),
        ({"bidders": 3, "values": [1, 2]}, ("mw", "mw:epsilon=0.5", "mw")),
    ],
)
def test_they_learn_what_a_table_of_all_outcomes_teaches(parameters, learners):
    game = make_game("auction", chooses=TERMS, **parameters)
    actions = np.array([[0.15, 0.3, 0.02, 0.1], [0.2, 1.0, 0.0, 0.0]])
    by_table = responded(Response, game, tabulate(game, actions[:, None]), learners, 40)
    by_rules = responded(InterimResponse, game, InterimTable(game, game.interim(), actions), learners, 40)
    for play in ("last", "average"):
        for one, other in zip(by_table.policies(play), by_rules.policies(play), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-8)
    for turn in range(len(game.learned_turns)):
        for name in ("fixed", "mixed", "visits"):
            one, other = (getattr(each.record(turn), name) for each in (by_table, by_rules))
            np.testing.assert_allclose(one, other, atol=1e-8)
    np.testing.assert_allclose(by_table.average_regret(), by_rules.average_regret(), atol=1e-9)


def test_who_is_alike_and_learns_alike_is_learned_for_once():
    game = make_game("auction", values=[[1, 2, 4]] * 3 + [[1, 2]] * 2, bids=40)
    kinds = [len(set(responded_rows(game, learners))) for learners in (("mw",), ("mw", "mw", "logit", "mw", "mw"))]
    assert kinds == [2, 3]


def responded_rows(game, learners):
    settings = LeaderSettings.checked(followers=tuple(map(learner_from_text, learners)))
    return [rows.start for rows in InterimResponse.begin(settings, game, 1).rows]


def test_plays_agree_with_what_is_expected():
    """Frozen followers, drawn values: the mean of plays is what the rules say, and no sampled gain is larger."""
    game = make_game("auction", values=20, chooses=TERMS)
    strategy = LeaderStrategy.from_pairs(game, [(0, (0.4, 0.3, 0.01, 0.05))])
    settings = LeaderSettings.checked(followers="regret-matching-plus", response_updates=100)
    found = evaluate_strategy(strategy, settings)
    assert found.certificate.exact_expectation
    response = responded(
        InterimResponse, game, InterimResponse.tabulate(game, strategy), ("regret-matching-plus",), 100
    )
    rng = np.random.default_rng(0)
    types = rng.integers(20, size=(200_000, 3))
    acts = [own[0].argmax(axis=-1)[types[:, m]] for m, own in enumerate(response.policies())]
    plays = game.after_opening(types, np.stack(acts, axis=1))
    paid = game.step(plays, np.tile([0.4, 0.3, 0.01, 0.05], (len(types), 1)))[1]
    errors = paid.std(axis=0) / np.sqrt(len(paid))
    assert (np.abs(paid.mean(axis=0) - [found.leader_value, *found.follower_values]) < 4 * errors).all()


def test_sampled_updates_are_still_to_be_had():
    game = make_game("auction", values=20)
    asked = {"followers": "regret-matching-plus", "response_updates": 50}
    kinds = {
        InterimResponse: [{}, {"reward_plays": "exact"}, {"ties": "uniform"}, {"deviation_penalty": 1.0}],
        Response: [{"update_mode": "sampled"}, {"elicitation": "in_play"}, {"reward_plays": 50}, {"followers": "exp3"}],
    }
    for kind, changes in kinds.items():
        for each in changes:
            assert followers_for(game, LeaderSettings.checked(**asked | each)) is kind, each
    assert followers_for(make_game("auction", bidders=2, values=2), LeaderSettings()) is Response
    settings = LeaderSettings.checked(**asked, update_mode="sampled").fitted(game)
    strategy = LeaderStrategy.from_pairs(game, [(0, (0.5, 1.0))])
    assert 0.2 < estimate(game, strategy, settings, Streams(0), 2, ("argmax",)).values["argmax"][:, 0].mean() < 0.6
    with pytest.raises(InvalidFieldError, match="ties"):
        LeaderSettings.checked(**asked, ties="leader").fitted(game)


def test_leader_episodes_pay_what_the_answer_is_worth():
    game = make_game("auction", values=20)
    settings = LeaderSettings.checked(followers="regret-matching-plus", response_updates=60, deviation_penalty=2.0)
    env = StackelbergPOMDP(game, settings, num_envs=3)
    env.reset()
    actions = np.array([[0.5, 1.0], [0.2, 0.0], [0.9, 0.3]])
    _, rewards, ended, _, infos = env.step(actions)
    assert ended.all()
    for k, action in enumerate(actions):
        terms = action * game.leader_turn.box.high
        strategy = LeaderStrategy.from_pairs(game, [(0, tuple(terms))])
        found = evaluate_strategy(strategy, settings)
        assert infos["leader_value"][k] == found.leader_value
        lost = infos["leader_value"][k] - rewards[k]
        assert (lost > 0) == (found.certificate.deviation_gain > 0)


def at_terms(game, *terms, updates=250, play="argmax"):
    settings = LeaderSettings.checked(followers="regret-matching-plus", response_updates=updates, reward_play=play)
    return evaluate_strategy(LeaderStrategy.from_pairs(game, [(0, terms)]), settings)


@pytest.mark.parametrize("bidders", [2, 3, 5])
def test_revenue_is_equivalent_within_the_grid(bidders):
    """First and second price, with and without a reserve, by learning; bids 1/60 apart, a gap of 1e-4."""
    game = make_game("auction", bidders=bidders, values=30, bids=60)
    for reserve in (0.0, 0.5):
        values = [at_terms(game, reserve, share, updates=1_000, play="average") for share in (0.0, 0.5, 1.0)]
        assert max(found.certificate.bcce_gap for found in values) < 1e-4
        of_each = [found.leader_value for found in values]
        theory = ((bidders - 1) / (bidders + 1), 2 / 3 - 1 / 4 if bidders == 2 else None)[int(reserve > 0)]
        assert max(of_each) - min(of_each) < 1 / 60
        if theory is not None:
            assert of_each == pytest.approx([theory] * 3, abs=1 / 60)


@pytest.mark.parametrize("bidders", [3, 8, 64])
def test_truth_is_learned_in_second_price_auctions_and_is_an_equilibrium(bidders):
    game = make_game("auction", bidders=bidders, values=30)
    found = at_terms(game, 0.5, 1.0)
    assert found.certificate.deviation_gain == 0.0
    in_theory = second_price(game.values, game.prior.blocks, 0.5)[0]
    assert found.leader_value == pytest.approx(in_theory, abs=1e-9)
    if bidders < 64:  # with so many, a value in the middle wins less often than once in 10^18
        for weights in found.weights.values():
            assert np.array(weights).argmax(axis=-1).tolist() == [0] * 15 + list(range(16, 31))
