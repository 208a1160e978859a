"""Pure commitment in a tree of perfect information without chance: backward induction (Letchford & Conitzer 2010).

A leader can make a play end at a leaf z exactly if, at each of the follower's nodes on the way, leaving the way pays
the follower no more than z does: after any other action the leader does what is worst for the follower, which is what
backward induction finds in the zero-sum game from there. The best such leaf is the optimum; linear in the tree's size.

This is no subgame perfect equilibrium: what the leader threatens to do where play does not come need not be best for it
there. It is not for mixed commitments either, which may be worth more, nor for trees in which something is hidden or
drawn. All of it is comparisons of exact numbers.
"""

from __future__ import annotations

from fractions import Fraction

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.trees.sequence_form import the_follower
from rllib_stackelberg.trees.tree import NONE, GameTree


def backward_induction_solve(tree: GameTree, leader: int = 0) -> StackelbergSolution:
    """Optimal pure commitment, ties of the follower broken for the leader.

    Args:
        tree: of perfect information, without chance; two players move.
        leader: which of them leads.

    Returns:
        Question keys are places in `tree.sets_of(leader)`; every one is answered, threats included.

    Raises:
        InvalidFieldError: the tree is not of this kind.

    >>> from rllib_stackelberg.trees.instances import entry_deterrence
    >>> solution = backward_induction_solve(entry_deterrence())
    >>> solution.leader_value, solution.leader_strategy
    (2.0, ((0, 0),))
    """
    follower = the_follower(tree, leader)
    if tree.has_chance or not tree.perfect_information:
        problem = "has chance moves" if tree.has_chance else "hides moves from players"
        raise InvalidFieldError("tree", problem, "perfect information without chance, or the sequence form")
    paid = dict(zip(tree.leaves.tolist(), tree.exact_paid, strict=True))
    held = _held_down_to(tree, leader, {leaf: own[follower] for leaf, own in paid.items()})
    needed = _needed(tree, follower, held)
    reachable = [leaf for leaf, own in paid.items() if own[follower] >= needed[leaf]]
    best = max(reachable, key=lambda leaf: paid[leaf][leader])  # the first of the best
    answers = {}
    for number, node in enumerate(tree.nodes):
        if node.information_set != NONE and tree.information_sets[node.information_set].player == leader:
            after = tree.children[number]
            answers[node.information_set] = min(range(len(after)), key=lambda action: held[after[action]])
    for here in tree.path(best):
        before = tree.nodes[here].parent
        if before != NONE and tree.nodes[before].information_set in answers:
            answers[tree.nodes[before].information_set] = tree.nodes[here].action
    return StackelbergSolution(
        leader_value=float(paid[best][leader]),
        follower_values=(float(paid[best][follower]),),
        leader_strategy=tuple((key, answers[own]) for key, own in enumerate(tree.sets_of(leader))),
        method="backward induction of threats (Letchford & Conitzer 2010)",
        tie_break="leader",
        details={"course": tree.history(best)},
    )


def _held_down_to(tree: GameTree, leader: int, paid: dict[int, Fraction]) -> list[Fraction]:
    """Per node what the follower gets if the leader does what is worst for it from there on."""
    held = [paid.get(number, Fraction(0)) for number in range(len(tree.nodes))]
    for number in reversed(range(len(tree.nodes))):
        if number not in paid:
            after = [held[child] for child in tree.children[number]]
            own = tree.information_sets[tree.nodes[number].information_set].player
            held[number] = min(after) if own == leader else max(after)
    return held


def _needed(tree: GameTree, follower: int, held: list[Fraction]) -> list[Fraction | float]:
    """Per node the most that the follower gets by leaving the way there, at any of its nodes before."""
    needed: list[Fraction | float] = [-float("inf")] * len(tree.nodes)
    for number, after in enumerate(tree.children):
        for child in after:
            needed[child] = needed[number]
        if after and tree.information_sets[tree.nodes[number].information_set].player == follower:
            for child in after:
                others = [held[other] for other in after if other != child]
                needed[child] = max([needed[number], *others])
    return needed
