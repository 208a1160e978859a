"""Commitment in trees against independent ways to it: theorems, brute force, exact fractions, Gambit's equilibria."""

import itertools
from fractions import Fraction

import numpy as np
import pygambit
import pytest

from rllib_stackelberg.commitment.bimatrix import mixed_commitment_solve
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.trees import commitment
from rllib_stackelberg.trees.backward_induction import backward_induction_solve
from rllib_stackelberg.trees.best_reply import best_reply
from rllib_stackelberg.trees.commitment import sequence_form_solve, tree_methods, tree_solve
from rllib_stackelberg.trees.growth import Growth
from rllib_stackelberg.trees.instances import bagwell, centipede, entry_deterrence, kuhn_poker
from rllib_stackelberg.trees.normal_form import entries, normal_form, normal_form_solve
from rllib_stackelberg.trees.sequence_form import SequenceForm
from rllib_stackelberg.trees.tree import CHANCE, GameTree
from tests.trees.random_trees import matrices, payoffs, pure_strategies, random_tree


def two_move(tree):
    return {known.player for known in tree.information_sets} >= {0, 1}


def small_trees(first, count, most=400, columns=60, **shape):
    """So many random trees whose normal forms are small, with their seeds."""
    found = ((seed, random_tree(seed, **shape)) for seed in itertools.count(first))
    forms = ((seed, tree, SequenceForm.of(tree)) for seed, tree in found if two_move(tree))
    small = ((s, t) for s, t, form in forms if entries(form) <= most and form.follower.pure_plans <= columns)
    return list(itertools.islice(small, count))


def everywhere(tree, solution, player=0):
    """The leader's strategy as probabilities by information set; where it never comes to itself, the first action."""
    found = {}
    answers = dict(solution.leader_strategy)
    for key, own in enumerate(tree.sets_of(player)):
        count = len(tree.information_sets[own].actions)
        action = answers.get(key, 0)
        found[own] = action if isinstance(action, tuple) else tuple(int(k == action) for k in range(count))
    return found


def best_for_the_leader(tree, leading, slack=Fraction(1, 10**9)):
    """The leader's value against the follower's best pure strategies, each tried, in fractions."""
    tried = [payoffs(tree, leading | own) for own in pure_strategies(tree, 1)]
    most = max(paid[1] for paid in tried)
    return max(paid[0] for paid in tried if paid[1] >= most - slack)


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, 15), *(pytest.param(start, 250, marks=pytest.mark.learning) for start in (1000, 3000, 5000, 7000))],
)
def test_sequence_form_is_normal_form(first, count):
    """On random small trees with chance, hidden moves and ties, mixed and pure; that of the normal form is exact."""
    for seed, tree in small_trees(first, count):
        for pure in (False, True):
            found, normal = sequence_form_solve(tree, pure=pure), normal_form_solve(tree, pure=pure)
            assert found.leader_value == pytest.approx(normal.leader_value, abs=1e-6), (seed, pure)
            assert found.certain, (seed, pure, found.doubt)


@pytest.mark.parametrize("pure", [False, True])
def test_values_are_what_strategies_are_worth_in_the_tree(pure):
    for seed, tree in small_trees(200, 6, most=100, depth=3):
        for solve in (sequence_form_solve, normal_form_solve):
            found = solve(tree, pure=pure)
            worth = best_for_the_leader(tree, everywhere(tree, found))
            assert float(worth) == pytest.approx(found.leader_value, abs=1e-6), (seed, solve)


def test_the_reduced_normal_form_is_worth_what_the_whole_one_is():
    """Strategies that differ where a player does not come itself pay the same."""
    for seed, tree in small_trees(300, 8, most=100, depth=3):
        _, _, own, theirs = normal_form(SequenceForm.of(tree))
        whole = matrices(tree)
        assert {tuple(pair) for pair in whole.reshape(-1, 2)} == set(zip(own.ravel(), theirs.ravel(), strict=True)), (
            seed
        )
        assert mixed_commitment_solve(own, theirs).leader_value == pytest.approx(
            mixed_commitment_solve(whole[..., 0], whole[..., 1]).leader_value, abs=1e-9
        )


@pytest.mark.parametrize("count", [40, pytest.param(2000, marks=pytest.mark.learning)])
def test_backward_induction_is_enumeration(count):
    """Of pure commitments, in trees of perfect information without chance; every threat answered."""
    for seed in range(count):
        tree = random_tree(seed, depth=4, hidden=0.0, chance=0.0)
        if not two_move(tree) or entries(SequenceForm.of(tree)) > 1_000:
            continue
        found, form = backward_induction_solve(tree), SequenceForm.of(tree)
        assert found.leader_value == normal_form_solve(tree, pure=True).leader_value, seed
        plan = [Fraction(int(share)) for share in form.leader.plan(everywhere(tree, found))]
        assert best_reply(form.follower, form.exactly_against(plan)).leader_value == found.leader_value, seed


def test_best_replies_are_best():
    """Against every pure strategy in the tree, by recursion."""
    rng = np.random.default_rng(0)
    for seed, tree in small_trees(700, 10, most=200, depth=3):
        form = SequenceForm.of(tree)
        leading = {}
        for own in form.leader.sets:
            weights = rng.integers(1, 4, size=len(tree.information_sets[own].actions))
            leading[own] = tuple(Fraction(int(weight), int(weights.sum())) for weight in weights)
        plan = [Fraction(0)] * form.leader.count
        plan[0] = Fraction(1)
        for place, (own, before) in enumerate(zip(form.leader.sets, form.leader.before, strict=True)):
            for sequence, share in zip(form.leader.actions(place), leading[own], strict=True):
                plan[sequence] = plan[before] * share
        found = best_reply(form.follower, form.exactly_against(plan))
        tried = [payoffs(tree, leading | own) for own in pure_strategies(tree, 1)]
        assert found.value == max(paid[1] for paid in tried), seed
        assert found.leader_value == best_for_the_leader(tree, leading, slack=0), seed


def test_commitment_is_not_subgame_perfection():
    """In equilibrium the incumbent makes peace and gets 1; committed to a fight it need not fight, and gets 2."""
    for solve in (backward_induction_solve, tree_solve, sequence_form_solve, normal_form_solve):
        assert solve(entry_deterrence()).leader_value == 2.0
    assert backward_induction_solve(centipede()).leader_value == 8.0  # equilibrium: 4, taken at once


def test_published_values():
    """Kuhn 1950: -1/18 to the first player, whoever commits, since the game is zero-sum. Bagwell 1995: 5 and 4."""
    assert sequence_form_solve(kuhn_poker()).leader_value == pytest.approx(-1 / 18, abs=1e-9)
    assert sequence_form_solve(kuhn_poker(), leader=1).leader_value == pytest.approx(1 / 18, abs=1e-9)
    assert tree_solve(bagwell(), pure=True).leader_value == 5.0
    assert tree_solve(bagwell()).leader_value == 5.5
    assert tree_solve(bagwell(), leader=1, pure=True).leader_value == 4.0


def as_gambit(tree: GameTree) -> pygambit.Game:
    """The same game built by Gambit's own calls."""
    game = pygambit.Game.new_tree(players=list(tree.players))
    first = {}
    outcomes = [
        game.add_outcome(f"outcome {k}", [pygambit.Rational(x) for x in own.payoffs])
        for k, own in enumerate(tree.outcomes)
    ]

    def build(number, node):
        here = tree.nodes[number]
        if here.information_set < 0:
            if here.outcome >= 0:
                game.set_outcome(node, outcomes[here.outcome])
            return
        own = tree.information_sets[here.information_set]
        if here.information_set in first:
            game.append_infoset(node, first[here.information_set])
        else:
            mover = game.players.chance if own.player == CHANCE else game.players[tree.players[own.player]]
            game.append_move(node, mover, list(own.actions))
            first[here.information_set] = node.infoset
            if own.player == CHANCE:
                game.set_chance_probs(node.infoset, [pygambit.Rational(x) for x in own.probabilities])
        for child, after in zip(tree.children[number], node.children, strict=True):
            build(child, after)

    build(0, game.root)
    return game


def test_commitment_is_worth_no_less_than_any_equilibrium():
    """Mixed commitment against every Nash equilibrium that Gambit finds (von Stengel & Zamir 2010)."""
    met = 0
    for seed, tree in small_trees(400, 8, most=100):
        game, value = as_gambit(tree), tree_solve(tree).leader_value
        for profile in pygambit.nash.enummixed_solve(game, rational=False).equilibria:
            met += 1
            assert float(profile.payoff(tree.players[0])) <= value + 1e-9, seed
    assert met >= 8


def test_zero_sum_trees_are_worth_their_minimax():
    """As Gambit's linear program over the sequence form has it."""
    for seed, tree in small_trees(500, 5, most=4000, columns=10**9):
        zero = GameTree(
            tree.players,
            tree.information_sets,
            tree.nodes,
            tuple(type(own)((own.payoffs[0], -own.payoffs[0])) for own in tree.outcomes),
        )
        profile = pygambit.nash.lp_solve(as_gambit(zero), rational=False).equilibria[0]
        assert sequence_form_solve(zero).leader_value == pytest.approx(float(profile.payoff("leader")), abs=1e-6), seed


def test_scales_of_payoffs_do_not_matter():
    """Leader's payoffs in millionths, follower's in millions and beside a large constant."""
    for seed, tree in small_trees(600, 4):
        scaled = GameTree(
            tree.players,
            tree.information_sets,
            tree.nodes,
            tuple(
                type(own)((Fraction(own.payoffs[0], 10**6), 10**6 * own.payoffs[1] + 10**9)) for own in tree.outcomes
            ),
        )
        found = sequence_form_solve(scaled)
        assert found.leader_value * 10**6 == pytest.approx(sequence_form_solve(tree).leader_value, abs=1e-6), seed
        assert found.certain


def test_a_value_that_is_not_certain_says_so():
    """Payoffs that no program in floats can hold side by side; the normal form of so small a tree is exact."""
    growth = Growth(("leader", "follower"))
    places = [place for left in growth.move(growth.root, 0, "ab") for place in growth.move(left, 1, "cd", "unseen")]
    for place, paid in zip(places, ((1, 3), (2, 2), (3, 1), (0, -1e12)), strict=True):
        growth.leaf(place, paid)
    assert "follower span more than" in sequence_form_solve(growth.tree()).doubt
    assert tree_solve(growth.tree()).certain


def test_what_no_method_can_do_is_refused(monkeypatch):
    with pytest.raises(InvalidFieldError, match="hides moves"):
        backward_induction_solve(bagwell())
    with pytest.raises(InvalidFieldError, match="chance moves"):
        backward_induction_solve(kuhn_poker())
    with pytest.raises(InvalidFieldError, match="does not move"):
        tree_solve(kuhn_poker(), leader=2)
    with pytest.raises(InvalidFieldError, match="2 players move"):
        tree_solve(random_tree(0, players=3))
    monkeypatch.setattr(commitment, "MOST_SEQUENCES", 20)
    with pytest.raises(BeyondLimitsError, match="26 sequences"):
        sequence_form_solve(kuhn_poker())
    assert tree_methods(kuhn_poker())["sequence-form"].beyond == "26 sequences, more than 20"
    with pytest.raises(BeyondLimitsError, match="normal form of"):
        normal_form_solve(random_tree(0))


def test_solutions_are_said_in_words():
    found = sequence_form_solve(kuhn_poker(), leader=1)
    assert ("after K, ?", "check") in found.details["follower_strategy"] or (
        "after K, ?",
        "bet",
    ) in found.details["follower_strategy"]
    assert np.isfinite(found.details["bound"])
