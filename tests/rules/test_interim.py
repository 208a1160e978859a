"""Expected payoffs that rules know a short way to are those of the table of all outcomes, in many small instances."""

import numpy as np
import pytest
from rllib_stackelberg.envs.auction_v0 import Auction

from rllib_stackelberg import make_game
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.response.interim import InterimTable
from rllib_stackelberg.testing import game_test
from rllib_stackelberg.testing.expectations import interim_findings
from tests.conftest import GAMES, game_called

OFFERED = [label for label in GAMES if game_called(label).interim() is not None]


SPREAD = np.random.default_rng(0).dirichlet(np.ones(144)).reshape(12, 12)
"""Of two correlated bidders."""


def policies_of(game, rng, samples, alike=()):
    """Random strategies, some actions never played; followers that are `alike` play the same."""
    found = []
    for turn in game.learned_turns:
        drawn = rng.dirichlet(np.full(turn.choices, 0.3), size=(samples, turn.keys))
        drawn *= rng.random(drawn.shape) < 0.7
        drawn[drawn.sum(axis=-1) == 0, 0] = 1.0
        found.append(drawn / drawn.sum(axis=-1, keepdims=True))
    return [found[alike[m]] if len(alike) else own for m, own in enumerate(found)]


def drawn_leader(game, rng):
    """Terms at random; every second one on a bid or at an end of its range, where a comparison could go wrong."""
    box = game.leader_turn.box
    action = box.low + rng.random(box.shape) * (box.high - box.low)
    return np.where(rng.random(box.shape) < 0.5, rng.choice([0.0, 1.0, 0.5], box.shape) * box.high, action)


def same_as_the_table(game, rng, samples=2, alike=()):
    """Utilities, payoffs, gains and what lacks of a margin, against the table of all outcomes."""
    action = drawn_leader(game, rng)
    policies, outcomes = policies_of(game, rng, samples, alike), tabulate(game, action[None, None])
    table, play = InterimTable(game, game.interim(), action[None]), outcomes.distribution(policies)
    utilities, payoffs = table.worth(policies)
    np.testing.assert_allclose(payoffs, outcomes.values(play), atol=1e-12)
    gains = table.gains(policies)
    for turn, own in enumerate(utilities):
        found = outcomes.deviations(play, turn)
        met = found.reach > 0
        np.testing.assert_allclose(table.rules.reach[turn], found.reach[0], atol=1e-14)
        np.testing.assert_allclose(own[met] * found.reach[met][:, None], found.fixed[met], atol=1e-12)
        np.testing.assert_allclose(gains[turn], outcomes.gains(play, turn), atol=1e-9)
    certain = [np.eye(own.shape[-1])[own.argmax(axis=-1)] for own in policies]
    np.testing.assert_allclose(table.lacking(certain, 0.1), outcomes.lacking(certain, 0.1), atol=1e-10)


@pytest.mark.parametrize("label", OFFERED)
def test_games_that_offer_it(label):
    for seed in range(5):
        same_as_the_table(game_called(label), np.random.default_rng(seed))


def drawn_auction(rng):
    """One to four bidders, of equal or of their own values, some of which nobody has; any terms."""
    bidders = int(rng.integers(1, 5))
    sizes = rng.integers(1, 4, size=bidders)
    each = [np.sort(rng.choice(8, size, replace=False) / 4).tolist() for size in sizes]
    each = [[*own, 2.5] if max(own) == 0 else own for own in each]
    prior = [rng.multinomial(4, np.full(len(own), 1 / len(own))) / 4 for own in each]
    if rng.random() < 0.5:
        each, prior = [each[0]] * bidders, [prior[0]] * bidders
    terms = ["reserve", "second_price", "fee", "all_pay"]
    shape = [len(own) for own in each]
    joint = rng.multinomial(8, np.full(np.prod(shape), 1 / np.prod(shape))).reshape(shape) / 8
    correlated = bidders > 1 and rng.random() < 0.5
    return {
        "values": each,
        "prior": joint.tolist() if correlated else [own.tolist() for own in prior],
        "bids": np.sort(rng.choice(10, rng.integers(1, 5), replace=False) / 4).tolist(),
        "chooses": list(rng.choice(terms, rng.integers(1, 5), replace=False)),
        "reserve": float(rng.choice([0, 0.25, 0.3])),
        "second_price": float(rng.random()),
        "fee": float(rng.random() / 4),
        "all_pay": float(rng.random()),
        "welfare": float(rng.choice([0, 0.3, 1])),
    }


def campaign(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        game = make_game("auction", **drawn_auction(rng))
        alike = game.interim().alike if rng.random() < 0.5 else ()
        same_as_the_table(game, rng, alike=alike)


def test_random_auctions():
    campaign(range(60))


@pytest.mark.learning
def test_a_thousand_random_auctions():
    campaign(range(1_000, 2_000))


def test_sixty_four_bidders_are_worth_what_theory_says():
    """Second price, values told: the sum over values that theory has; and nobody gains."""
    game = make_game("auction", bidders=64, values=30)
    truth = np.eye(31)[1 + np.arange(30)][None]
    for reserve in (0.0, 0.5):
        table = InterimTable(game, game.interim(), np.array([[reserve, 1.0]]))
        value = table.worth([truth] * 64)[1][0, 0]
        from_theory = game.baselines()["second price, no reserve"]
        assert value == pytest.approx(from_theory, rel=1e-12)
        assert max(own.max() for own in table.gains([truth] * 64)) == 0.0


class FaultyAuction(Auction):
    """Expects payoffs of another auction than the one that is played, or other rows."""

    fault: str

    def interim(self):
        rules = super().interim()
        if self.fault == "fee":
            return rules._replace(facts=rules.facts._replace(held=np.array([0, 0, 2.0, 0])))
        return rules._replace(reach=[own[::-1] for own in rules.reach])


@pytest.mark.parametrize(("fault", "found"), [("fee", "expects"), ("reach", "reach of follower_0 at row 0")])
def test_expectations_that_plays_do_not_bear_out_are_found(fault, found):
    game = FaultyAuction(values=[1, 2, 4], prior=[[0.5, 0.3, 0.2]] * 3)
    game.fault = fault
    with pytest.raises(AssertionError, match=found):
        game_test(game)


@pytest.mark.parametrize("parameters", [{}, {"bidders": 64}, {"values": 12, "bidders": 2, "prior": SPREAD.tolist()}])
def test_expectations_of_large_auctions_are_borne_out_by_plays(parameters):
    assert not interim_findings(make_game("auction", **parameters), 0)
