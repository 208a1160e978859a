"""Game trees: what they say of themselves, and what is refused."""

import pickle
from dataclasses import replace
from fractions import Fraction

import pytest

from rllib_stackelberg.trees.growth import Growth
from rllib_stackelberg.trees.instances import bagwell, centipede, entry_deterrence, kuhn_poker
from rllib_stackelberg.trees.tree import CHANCE, NONE, GameTree, InformationSet, Node, Outcome, TreeError

PLAYERS = ("leader", "follower")
OWN = InformationSet(0, ("a", "b"))
NODES = (Node(NONE, 0, 0), Node(0, 0, outcome=0), Node(0, 1, outcome=1))
OUTCOMES = (Outcome((1, 2)), Outcome((Fraction(1, 3), 0.5)))
TREE = GameTree(PLAYERS, (OWN,), NODES, OUTCOMES)


def chance(*probabilities):
    return InformationSet(CHANCE, ("a", "b"), probabilities)


@pytest.mark.parametrize(
    ("changes", "words", "place"),
    [
        ({"players": ()}, "no players", (None, None, None)),
        ({"nodes": ()}, "root", (0, None, None)),
        ({"nodes": NODES[:2]}, "not as many nodes after it as actions", (0, None, None)),
        ({"nodes": (*NODES, Node(0, 1, outcome=1))}, "two nodes", (3, None, None)),
        ({"nodes": (*NODES, Node(0, 2, outcome=1))}, "which node 0 has not", (3, None, None)),
        ({"nodes": (*NODES, Node(1, 0, outcome=1))}, "which node 1 has not", (3, None, None)),
        ({"nodes": (NODES[0], Node(2, 0), NODES[2])}, "after its parent", (1, None, None)),
        ({"nodes": (Node(NONE, 0, 1), *NODES[1:])}, "information set 1, which is not there", (0, None, None)),
        ({"nodes": (*NODES[:2], Node(0, 1, outcome=2))}, "outcome 2, which is not there", (2, None, None)),
        ({"information_sets": (OWN, OWN)}, "information set 1 has no node", (None, 1, None)),
        ({"information_sets": (replace(OWN, player=2),)}, "of player 2", (None, 0, None)),
        ({"information_sets": (replace(OWN, actions=()),)}, "no actions", (None, 0, None)),
        ({"information_sets": (replace(OWN, probabilities=(0.5, 0.5)),)}, "and a player", (None, 0, None)),
        ({"information_sets": (chance(1),)}, "1 probabilities", (None, 0, None)),
        ({"information_sets": (chance(-1, 2),)}, "no probabilities", (None, 0, None)),
        ({"information_sets": (chance(float("nan"), 1),)}, "no probabilities", (None, 0, None)),
        ({"information_sets": (chance(Fraction(1, 3), Fraction(1, 3)),)}, "sum to 0.6666", (None, 0, None)),
        ({"information_sets": (chance(0.3, 0.6),)}, "sum to 0.9", (None, 0, None)),
        ({"outcomes": (OUTCOMES[0], Outcome((1,)))}, "1 payoffs", (None, None, 1)),
        ({"outcomes": (OUTCOMES[0], Outcome((1, float("inf"))))}, "no float holds", (None, None, 1)),
        ({"outcomes": (OUTCOMES[0], Outcome((1, 10**400)))}, "no float holds", (None, None, 1)),
        ({"outcomes": (Outcome((1e308, 0)), Outcome((-1e308, 0)))}, "no float holds", (None, None, None)),
    ],
)
def test_what_is_no_tree_is_refused_by_place(changes, words, place):
    with pytest.raises(TreeError, match=words) as refused:
        replace(TREE, **changes)
    error = refused.value
    assert (error.node, error.information_set, error.outcome) == place
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.information_set) == (str(error), error.information_set)


def test_floats_of_chance_may_miss_one_by_rounding():
    replace(TREE, information_sets=(chance(0.1, 1 - 0.1),))
    replace(TREE, information_sets=(chance(1 / 3, 2 / 3),))


def forgetful(again):
    """A player that moves twice, and does or does not know at its second move what it did."""
    growth = Growth(PLAYERS)
    for place in growth.move(growth.root, 0, "ab"):
        for end in growth.move(place, 0, "cd", again(place.action)):
            growth.leaf(end, (1, 1))
    return growth.tree()


def test_players_forget_nothing():
    assert len(forgetful(lambda action: action).information_sets) == 3
    with pytest.raises(TreeError, match="leader forgets at information set 1") as refused:
        forgetful(lambda action: "forgotten")
    assert refused.value.information_set == 1
    absent = Growth(PLAYERS)  # the same information set twice in a play (Piccione & Rubinstein 1997)
    end, on = absent.move(absent.root, 0, ("exit", "on"), "crossing")
    absent.leaf(end, (0, 0))
    for last in absent.move(on, 0, ("exit", "on"), "crossing"):
        absent.leaf(last, (4 - 3 * last.action, 0))
    with pytest.raises(TreeError, match="forgets"):
        absent.tree()


def test_payoffs_on_the_way_add_up_exactly():
    nodes = (Node(NONE, 0, 0, outcome=1), *NODES[1:])
    tree = replace(TREE, nodes=nodes)
    assert tree.exact_paid == ((Fraction(4, 3), Fraction(5, 2)), (Fraction(2, 3), Fraction(1)))
    assert tree.paid[1].tolist() == [2 / 3, 1.0]


def test_information_sets_say_what_is_known():
    assert bagwell().known(1) == "after ?"
    assert entry_deterrence().known(1) == "after enter"
    assert centipede().known(3) == "after pass, pass, pass"
    tree = kuhn_poker()
    known = [[tree.known(k) for k in tree.sets_of(player)] for player in (0, 1)]
    cards = "JQK"
    assert set(known[0]) == {f"after {card}, ?{bets}" for card in cards for bets in ("", ", check, bet")}
    assert set(known[1]) == {f"after ?, {card}, {bet}" for card in cards for bet in ("check", "bet")}


def test_actions_are_told_apart():
    tree = replace(TREE, information_sets=(InformationSet(0, ("a", "a")),))
    assert [tree.action_label(0, k) for k in (0, 1)] == ["a (1)", "a (2)"]
    tree = replace(TREE, information_sets=(InformationSet(0, ("", "b")),))
    assert [tree.action_label(0, k) for k in (0, 1)] == ["1", "b"]


def test_kuhn_poker_has_the_published_size():
    tree = kuhn_poker()
    assert (len(tree.nodes), len(tree.leaves)) == (58, 30)
    assert not tree.perfect_information
    assert tree.has_chance
    assert (tree.paid.sum(axis=1) == 0).all()
    assert sum(1 for known in tree.information_sets if known.player != CHANCE) == 12


def test_a_deep_tree_is_no_deep_recursion():
    growth, depth = Growth(PLAYERS), 3000
    place = growth.root
    for number in range(depth):
        end, place = growth.move(place, number % 2, ("stop", "go"))
        growth.leaf(end, (number, 1))
    growth.leaf(place, (0, 0))
    tree = growth.tree()
    assert len(tree.nodes) == 2 * depth + 1
    assert tree.perfect_information


def test_centipede_has_the_published_piles():
    """Take at each of six moves, and after the last pass (McKelvey & Palfrey 1992, in dimes)."""
    assert centipede(6).paid.tolist() == [[4, 1], [2, 8], [16, 4], [8, 32], [64, 16], [32, 128], [256, 64]]
