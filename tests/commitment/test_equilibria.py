"""Mixed commitment to several followers: against brute force in fractions, and the theorems."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pygambit
import pytest

from rllib_stackelberg.commitment.bimatrix import mixed_commitment_solve
from rllib_stackelberg.commitment.equilibria import equilibrium_commitment_solve

GAMES = 25


def by_breakpoints(payoffs) -> Fraction | None:
    """The optimum of a leader with two strategies, by another way.

    What followers play changes only where one of them is indifferent between two of its actions against some actions of
    the others; in between, each equilibrium's value is linear. So the best mixture is one of these, or pure.
    """
    followers = payoffs.shape[1:-1]
    shares = {Fraction(0), Fraction(1)}
    for j, count in enumerate(followers):
        for others in product(*(range(other) for k, other in enumerate(followers) if k != j)):
            own = payoffs[(slice(None), *others[:j], slice(None), *others[j:], j + 1)]
            for a, b in combinations(range(count), 2):
                first, second = own[0, a] - own[0, b], own[1, a] - own[1, b]
                if first != second and 0 <= Fraction(second, second - first) <= 1:
                    shares.add(Fraction(second, second - first))
    found = []
    for share in shares:
        against = payoffs[0] * share + payoffs[1] * (1 - share)
        for profile in product(*map(range, followers)):
            lines = [against[(*profile[:j], slice(None), *profile[j + 1 :], j + 1)] for j in range(len(followers))]
            if all(line[a] == max(line) for line, a in zip(lines, profile, strict=True)):
                found.append(against[(*profile, 0)])
    return max(found, default=None)


def games(count, shape):
    rng = np.random.default_rng(20)
    for _ in range(count):
        yield rng.integers(-4, 5, (*shape, len(shape))).astype(object)


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 3, 2), (2, 2, 2, 2)])
def test_brute_force(shape):
    missing = 0
    for payoffs in games(GAMES, shape):
        wanted, found = by_breakpoints(payoffs), equilibrium_commitment_solve(payoffs)
        assert found.exists == (wanted is not None)
        missing += wanted is None
        if wanted is not None:
            assert found.leader_value == float(wanted)
    assert missing < GAMES


def test_one_follower_is_the_known_programme():
    for payoffs in games(GAMES, (3, 4)):
        found, known = equilibrium_commitment_solve(payoffs), mixed_commitment_solve(payoffs[..., 0], payoffs[..., 1])
        assert found.leader_value == known.leader_value


def test_no_pure_equilibrium_is_worth_more():
    """pygambit's, of the game in which nobody commits."""
    compared = 0
    for payoffs in games(GAMES, (3, 2, 3)):
        game = pygambit.Game.from_arrays(*(payoffs[..., agent] for agent in range(3)))
        found = equilibrium_commitment_solve(payoffs)
        for profile in pygambit.nash.enumpure_solve(game).equilibria:
            compared += 1
            assert found.leader_value >= float(profile.payoff(game.players["1"]))
    assert compared > GAMES // 3


def test_followers_who_never_settle():
    """Matching pennies among two followers, whatever the leader does."""
    payoffs = np.zeros((2, 2, 2, 3))
    payoffs[..., 1] = [[1, -1], [-1, 1]]
    payoffs[..., 2] = -payoffs[..., 1]
    assert not equilibrium_commitment_solve(payoffs).exists
