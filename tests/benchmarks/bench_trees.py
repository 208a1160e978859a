"""Commitment in trees beside Gambit's equilibria of the same games: ratios within one run.

Zero-sum games, in which both are the minimax: the mixed-integer program over sequences against Gambit's linear program
over the sequence form. How to run: `pytest tests/benchmarks/bench_trees.py -s`.
"""

import time

import pygambit
import pytest

from rllib_stackelberg.formats.gambit import gambit_game
from rllib_stackelberg.formats.openspiel import openspiel_tree
from rllib_stackelberg.trees.commitment import sequence_form_solve, tree_solve
from rllib_stackelberg.trees.instances import kuhn_poker
from tests.trees.random_trees import random_tree


def seconds(call, times=3):
    """The shortest of some runs, and what it returned."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        value = call()
        found.append((time.perf_counter() - start, value))
    return min(found, key=lambda pair: pair[0])


@pytest.mark.parametrize("name", ["kuhn_poker", "liars_dice(dice_sides=2)"])
def test_zero_sum_trees_beside_gambits_linear_program(name):
    tree = openspiel_tree(name)
    game = gambit_game(tree)
    ours, found = seconds(lambda: sequence_form_solve(tree))
    theirs, result = seconds(lambda: pygambit.nash.lp_solve(game, rational=False))
    value = float(result.equilibria[0].payoff(tree.players[0]))
    assert found.leader_value == pytest.approx(value, abs=1e-6)
    print(f"\n{name}: {ours:.3f} s, Gambit's linear program {theirs:.3f} s, ratio {ours / theirs:.2f}")


def test_kuhn_poker_is_solved_under_a_second():
    ours, _ = seconds(lambda: tree_solve(kuhn_poker()))
    print(f"\nKuhn poker: {ours:.3f} s")
    assert ours < 1


@pytest.mark.parametrize("depth", [4, 5, 6])
def test_general_trees(depth):
    """Of trees of growing depth, against the number of their nodes."""
    trees = [tree for seed in range(6) if len((tree := random_tree(seed, depth=depth)).sets_of(0)) and tree.sets_of(1)]
    took = [seconds(lambda tree=tree: sequence_form_solve(tree), 1)[0] for tree in trees]
    nodes = sum(len(tree.nodes) for tree in trees) / len(trees)
    print(f"\ndepth {depth}: {nodes:.0f} nodes, {sum(took) / len(took):.3f} s on average, {max(took):.3f} s at most")
