"""Random trees of perfect recall, with hidden moves, chance and ties; what strategies pay in a tree, by recursion."""

from fractions import Fraction
from itertools import product

import numpy as np

from rllib_stackelberg.trees.growth import Growth
from rllib_stackelberg.trees.tree import CHANCE, GameTree

NAMES = ("leader", "follower")


def random_tree(seed: int, depth: int = 4, players: int = 2, hidden: float = 0.4, chance: float = 0.25) -> GameTree:
    """Who moves is a matter of depth; each move is seen by each player or not; payoffs are small integers."""
    rng = np.random.default_rng(seed)
    names = [*NAMES, *(f"follower {k}" for k in range(2, players))]
    movers = [*rng.permutation(players), *rng.integers(players, size=max(depth - players, 0))]
    movers = [CHANCE if rng.random() < chance and level >= players else movers[level] for level in range(depth)]
    rng.shuffle(movers)
    seen_by = rng.random((depth, players)) >= hidden
    choices: dict[tuple, int] = {}
    growth = Growth(names)

    def grow(place, level, views):
        if level == depth or (level > 1 and rng.random() < 0.15):
            growth.leaf(place, rng.integers(-4, 5, size=players).tolist())
            return
        mover = int(movers[level])
        count = choices.setdefault((level, mover, views[mover] if mover >= 0 else views), int(rng.integers(2, 4)))
        labels = [f"{'abcd'[level % 4]}{k + 1}" for k in range(count)]
        if mover == CHANCE:
            weights = rng.integers(1, 4, size=count).tolist()
            shares = {label: Fraction(w, sum(weights)) for label, w in zip(labels, weights, strict=True)}
            ends = growth.chance(place, shares)
        else:
            ends = growth.move(place, mover, labels, (level, views[mover]))
        for label, end in zip(labels, ends, strict=True):
            sees = [bool(seen_by[level, p]) or p == mover for p in range(players)]
            grow(end, level + 1, tuple(view + ((level, label),) * s for view, s in zip(views, sees, strict=True)))

    grow(growth.root, 0, ((),) * players)
    return growth.tree(f"random tree {seed}")


def payoffs(tree: GameTree, strategies: dict[int, tuple], node: int = 0) -> list[Fraction]:
    """Expected payoffs of all players when information sets are played with those probabilities; by recursion."""
    here = tree.nodes[node]
    total = (
        [Fraction(x) for x in tree.outcomes[here.outcome].payoffs]
        if here.outcome >= 0
        else [Fraction(0)] * len(tree.players)
    )
    if here.information_set < 0:
        return total
    own = tree.information_sets[here.information_set]
    shares = own.probabilities if own.player == CHANCE else strategies[here.information_set]
    for child, share in zip(tree.children[node], shares, strict=True):
        if share:
            after = payoffs(tree, strategies, child)
            total = [a + Fraction(share) * b for a, b in zip(total, after, strict=True)]
    return total


def pure_strategies(tree: GameTree, player: int):
    """Every pure strategy, reduced or not, as probabilities by information set."""
    own = tree.sets_of(player)
    counts = [len(tree.information_sets[k].actions) for k in own]
    for actions in product(*map(range, counts)):
        yield {
            k: tuple(int(a == action) for a in range(count))
            for k, count, action in zip(own, counts, actions, strict=True)
        }


def matrices(tree: GameTree) -> np.ndarray:
    """Payoffs `[leader strategies, follower strategies, 2]` of the normal form that is not reduced."""
    return np.array(
        [
            [[float(x) for x in payoffs(tree, first | second)] for second in pure_strategies(tree, 1)]
            for first in pure_strategies(tree, 0)
        ]
    )
