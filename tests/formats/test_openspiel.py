"""Games of OpenSpiel as trees, against what OpenSpiel itself computes of them."""

import importlib

import numpy as np
import pyspiel
import pytest
from open_spiel.python import policy
from open_spiel.python.algorithms import expected_game_score, exploitability

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.commitment.bimatrix import mixed_commitment_solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.formats import openspiel
from rllib_stackelberg.formats.openspiel import openspiel_tree
from rllib_stackelberg.trees.commitment import sequence_form_solve
from rllib_stackelberg.trees.instances import kuhn_poker
from rllib_stackelberg.trees.sequence_form import chance_reach
from rllib_stackelberg.trees.tree import CHANCE


def evenly(tree):
    """Expected payoffs if every player plays every action with the same probability."""
    reach = np.array([float(share) for share in chance_reach(tree)])
    for number, node in enumerate(tree.nodes[1:], start=1):
        before = tree.information_sets[tree.nodes[node.parent].information_set]
        here = 1 / len(before.actions) if before.player != CHANCE else float(tree.probability(number))
        reach[number] = reach[node.parent] * here
    return reach[tree.leaves] @ tree.paid


@pytest.mark.parametrize(
    "name",
    [
        "kuhn_poker",
        "kuhn_poker(players=3)",
        "tiny_hanabi",
        "liars_dice(dice_sides=2)",
        "first_sealed_auction(max_value=3)",
        "matrix_shapleys_game",
        "goofspiel(num_cards=3,points_order=descending,imp_info=True)",
    ],
)
def test_a_tree_pays_what_the_game_pays(name):
    tree, game = openspiel_tree(name), pyspiel.load_game(name)
    turns = pyspiel.convert_to_turn_based(game) if game.get_type().dynamics.name == "SIMULTANEOUS" else game
    even = policy.TabularPolicy(turns)
    players = [even] * turns.num_players()
    np.testing.assert_allclose(
        evenly(tree), expected_game_score.policy_value(turns.new_initial_state(), players), atol=1e-9
    )
    moves = sum(len(tree.sets_of(player)) for player in range(len(tree.players)))
    assert moves == len(even.states)


def test_kuhn_poker_is_ours():
    theirs, ours = openspiel_tree("kuhn_poker"), kuhn_poker()
    assert (len(theirs.nodes), sorted(theirs.paid.tolist())) == (len(ours.nodes), sorted(ours.paid.tolist()))
    assert [len(theirs.sets_of(player)) for player in (0, 1)] == [6, 6]
    assert sequence_form_solve(theirs).leader_value == pytest.approx(-1 / 18, abs=1e-9)


def state_at(tree, game, node):
    """OpenSpiel's position at a node: the same actions, by number."""
    state = game.new_initial_state()
    for here in reversed(list(tree.path(node))[:-1]):
        state.apply_action(state.legal_actions()[tree.nodes[here].action])
    return state


@pytest.mark.parametrize("name", ["kuhn_poker", "liars_dice(dice_sides=2)"])
def test_zero_sum_commitments_of_both_players_are_an_equilibrium(name):
    """Neither gains by leaving, as OpenSpiel's own best responses have it: what each commits to is its minimax."""
    game, tree = pyspiel.load_game(name), openspiel_tree(name)
    played = policy.TabularPolicy(game)
    values = []
    for player in (0, 1):
        found = sequence_form_solve(tree, leader=player)
        values.append(found.leader_value)
        for key, shares in found.leader_strategy:
            state = state_at(tree, game, tree.members[tree.sets_of(player)[key]][0])
            own = played.policy_for_key(state.information_state_string(player))
            own[:] = 0
            own[state.legal_actions()] = shares
    assert values[0] == pytest.approx(-values[1], abs=1e-6)
    assert exploitability.nash_conv(game, played) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["matrix_pd", "matrix_bos", "matrix_sh", "blotto(coins=3,fields=2)"])
def test_a_matrix_game_is_the_bimatrix_game(name):
    matrix = (
        pyspiel.load_matrix_game(name)
        if name.startswith("matrix")
        else pyspiel.extensive_to_matrix_game(pyspiel.load_game(name))
    )
    own, theirs = (
        np.array([[f(i, j) for j in range(matrix.num_cols())] for i in range(matrix.num_rows())])
        for f in (matrix.row_utility, matrix.col_utility)
    )
    game = make_game("openspiel", name=name, mixed=True)
    assert solve(game).leader_value == pytest.approx(mixed_commitment_solve(own, theirs).leader_value, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kuhn_pokr", "no game 'kuhn_pokr'; allowed: one of .*kuhn_poker"),
        ("kuhn_poker(players=30)", "cannot load"),
        ("2048", "one player"),
        ("mfg_crowd_modelling", "one player"),
        ("start_at", "cannot load"),
    ],
)
def test_what_is_no_small_tree_is_refused_by_name(name, words):
    with pytest.raises(InvalidFieldError, match=words) as refused:
        make_game("openspiel", name=name)
    assert refused.value.field == "name"


def test_a_large_game_is_refused_by_its_size(monkeypatch):
    assert openspiel.NODES == 65_536
    monkeypatch.setattr(openspiel, "NODES", 1_000)
    with pytest.raises(InvalidFieldError, match="connect_four has more than 1,000 positions"):
        make_game("openspiel", name="connect_four")


def test_without_openspiel_it_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InvalidFieldError, match=r"pip install 'rllib-stackelberg\[openspiel\]'"):
        openspiel.openspiel_tree("kuhn_poker")
