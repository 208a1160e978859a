"""Families of games: what their formulas and their literature say."""

from itertools import product
from typing import get_args

import numpy as np
import pytest

from rllib_stackelberg.economics.game_families import Family, family_payoffs
from rllib_stackelberg.errors import InvalidFieldError

FAMILIES = get_args(Family)


def pure_equilibria(payoffs) -> set[tuple[int, ...]]:
    """Profiles that nobody gains by leaving, one by one."""
    best = [payoffs[..., i] >= payoffs[..., i].max(axis=i, keepdims=True) - 1e-12 for i in range(payoffs.shape[-1])]
    return {tuple(map(int, found)) for found in np.argwhere(np.all(best, axis=0))}


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_seeds_and_players_that_are_alike(family):
    payoffs = family_payoffs(family, players=3, actions=4, seed=5)
    assert payoffs.shape == (4, 4, 4, 3)
    assert np.array_equal(payoffs, family_payoffs(family, players=3, actions=4, seed=5))
    drawn = not np.array_equal(payoffs, family_payoffs(family, players=3, actions=4, seed=6))
    assert drawn == (family in ("uniform", "covariant", "coordination"))
    if not drawn:  # who swaps places with another swaps payoffs with it
        assert np.allclose(payoffs, payoffs.transpose(1, 0, 2, 3)[..., [1, 0, 2]], atol=0)
    assert family_payoffs(family, players=2, actions=1).shape == (1, 1, 2)


def test_what_the_literature_says():
    claims = family_payoffs("travellers-dilemma", players=2, actions=99)
    assert pure_equilibria(claims) == {(0, 0)}  # both claim 2 (Basu 1994)
    assert claims[98, 98].tolist() == [100, 100]
    assert claims[98, 97].tolist() == [97, 101]
    effort = family_payoffs("minimum-effort", players=3, actions=4)
    assert pure_equilibria(effort) == {(e, e, e) for e in range(4)}  # every common effort
    assert effort[3, 3, 3, 0] == pytest.approx(0.6 + 0.1 * 4)
    dilemma = family_payoffs("prisoners-dilemma", players=3, actions=2)
    assert pure_equilibria(dilemma) == {(0, 0, 0)}
    assert dilemma[1, 1, 1, 0] == 2 > dilemma[0, 0, 0, 0] == 1
    dispersed = family_payoffs("dispersion", players=3, actions=3)
    assert pure_equilibria(dispersed) == {found for found in product(range(3), repeat=3) if len(set(found)) == 3}
    assert (1, 1, 1) in pure_equilibria(family_payoffs("coordination", players=3, actions=2, seed=1))
    cournot = family_payoffs("cournot", players=2, actions=4)  # on thirds, both sell 1/3
    assert (1, 1) in pure_equilibria(cournot)
    assert cournot[1, 1].tolist() == pytest.approx([1 / 9, 1 / 9])
    bertrand = family_payoffs("bertrand", players=2, actions=11)
    assert (1, 1) in pure_equilibria(bertrand)  # the lowest price that pays
    assert bertrand[5, 5].tolist() == [0.125, 0.125]


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.7, 1.0])
def test_payoffs_of_the_covariant_family_are_so_correlated(correlation):
    payoffs = family_payoffs("covariant", players=3, actions=25, seed=2, correlation=correlation)
    found = np.cov(payoffs.reshape(-1, 3).T)
    wanted = np.full((3, 3), correlation) + (1 - correlation) * np.eye(3)
    assert np.abs(found - wanted).max() < 5 * np.sqrt(2 / 25**3)


def test_what_is_refused():
    with pytest.raises(InvalidFieldError, match=r"correlation: is -0.6; allowed: a number in \[-0.5, 1\]"):
        family_payoffs("covariant", players=3, actions=2, correlation=-0.6)
    with pytest.raises(InvalidFieldError, match="actions: make 6,000,000 payoffs; allowed: up to 65,536"):
        family_payoffs("uniform", players=6, actions=10)
