"""Games in normal form of several players: who leads, what is paid, exact values, what is refused."""

from itertools import pairwise

import numpy as np
import pygambit
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.formats.nfg import nfg_text
from rllib_stackelberg.formats.normal_form import NormalForm
from rllib_stackelberg.solvers import exact_solve
from rllib_stackelberg.testing.conformance import refuse_faulty
from tests.conftest import MATRICES, THREE_PLAYERS


def test_one_follower_is_a_bimatrix_game():
    payoffs = np.stack([MATRICES["leader"], MATRICES["follower"]], axis=-1).tolist()
    for mixed in (False, True):
        game, known = (
            make_game("normal-form", payoffs=payoffs, mixed=mixed),
            make_game("bimatrix", **MATRICES, mixed=mixed),
        )
        found, other = exact_solve(game), exact_solve(known)
        assert (found.leader_value, found.by_ties) == (other.leader_value, other.by_ties)


def test_every_player_may_lead(tmp_path):
    """What everybody is paid at all profiles, by pygambit's reading of the same file."""
    file = tmp_path / "three.nfg"
    file.write_text(nfg_text(NormalForm.of(np.array(THREE_PLAYERS, dtype=float))))
    theirs = pygambit.read_nfg(str(file))
    for leads in (1, 2, 3):
        game = make_game("normal-form", file=file, leads=leads)
        order = [leads - 1, *(player for player in range(3) if player != leads - 1)]
        for profile in np.ndindex(2, 2, 2):
            state, total = game.start(np.zeros((1, 2), dtype=np.int64), np.zeros((1, 0), dtype=np.int64)), np.zeros(3)
            for agent in range(3):
                state, paid = game.step(state, np.array([[float(profile[order[agent]])]]))
                total += paid[0]
            assert total.tolist() == [
                float(theirs[profile][player]) for player in np.array(list(theirs.players))[order]
            ]


def test_values_of_stackelberg_oligopoly():
    """Quantities on quarters: the first seller takes 1/2, the other 1/4; 1/8 is the leader's (von Stackelberg 1934)."""
    game = make_game("random-normal-form", family="cournot", players=2, actions=5)
    assert exact_solve(game, "against").leader_value == pytest.approx(1 / 8)


def test_a_leader_of_minimum_effort_brings_all_to_the_best_equilibrium():
    """Whoever leads commits to the highest effort; it is then an equilibrium of the others to join."""
    for mixed in (False, True):
        game = make_game("random-normal-form", family="minimum-effort", players=3, actions=4, mixed=mixed)
        assert exact_solve(game).leader_value == pytest.approx(0.6 + 0.1 * 4)


def test_mixing_is_worth_no_less():
    strictly = 0
    for seed in range(8):
        values = [
            exact_solve(make_game("random-normal-form", seed=seed, actions=2, mixed=mixed)) for mixed in (False, True)
        ]
        bound = make_game("random-normal-form", seed=seed, actions=2, mixed=True).bound()
        if values[1].exists:  # a pure equilibrium is a correlated one; none is worth more than correlated commitment
            told = values[1].details
            ends = told["worst_correlated"], values[1].leader_value, told["best_correlated"], bound.value
            assert all(lower <= higher + 1e-9 for lower, higher in pairwise(ends))
        if values[0].exists:
            assert values[1].leader_value >= values[0].leader_value
            strictly += values[1].leader_value > values[0].leader_value
    assert strictly


def test_names_that_are_none(tmp_path):
    """Strategies without names of their own, or with one name, are told apart: no probability is lost."""
    file = tmp_path / "names.nfg"
    file.write_text('NFG 1 R "" { "" "B" } { { "" "" "x" "x" } { "l" } } 1 1 2 1 3 1 4 1')
    for name in ("normal-form", "bimatrix"):
        game = make_game(name, file=file, mixed=True)
        found = game.probabilities(game.leader_turn, 0, np.array([0.2, 0.2, 0.4, 0.2]))
        assert list(found.values()) == pytest.approx([0.2, 0.2, 0.4, 0.2])


def test_conformance_of_a_mixed_leader_with_two_followers():
    refuse_faulty(make_game("normal-form", payoffs=THREE_PLAYERS, mixed=True))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "payoffs: no game given; allowed: payoffs=, file=game.nfg or catalogue=NAME"),
        ({"payoffs": [[1, 2], [3, 4]]}, r"payoffs: have shape \(2, 2\)"),
        ({"payoffs": [[[1, 2]], [[3]]]}, "payoffs: are ragged"),
        ({"payoffs": [[1], [2]]}, "payoffs: have 1 players"),
        ({"payoffs": THREE_PLAYERS, "leads": 4}, "leads: there is no player '4'; allowed: .* 3 .Player 3."),
        ({"payoffs": THREE_PLAYERS, "catalogue": "journals/ijgt/nau2004/sec4"}, "payoffs: are given beside a game"),
        ({"file": "game.json"}, "file: game.json has another ending"),
        ({"file": "game.efg"}, "file: game.efg is named like a game in extensive form; allowed: a game in normal form"),
        ({"catalogue": "journals/geb/gilboa1997/fig1"}, r"catalogue: have 1 players; allowed: 2\.\.16"),
    ],
)
def test_what_is_refused(given, said):
    with pytest.raises(InvalidFieldError, match=said):
        make_game("normal-form", **given)


def test_the_method_says_what_is_too_large():
    game = make_game("random-normal-form", players=3, actions=25, mixed=True)
    with pytest.raises(InvalidFieldError, match=r"equilibrium-programs.*750,000 payoffs"):
        exact_solve(game, method="equilibrium-programs")
