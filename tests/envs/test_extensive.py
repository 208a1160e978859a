"""Game trees as games: what plays pay is what the tree pays, whoever leads, drawn or not."""

from fractions import Fraction

import numpy as np
import pytest
from rllib_stackelberg.envs.extensive_v0 import TreeGame

from rllib_stackelberg import BestResponse, LeaderSettings, RegretMatchingPlus, make_game, respond, solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import Profiles, outcomes_against
from rllib_stackelberg.plays.plays import Plays, play_out
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.testing.conformance import inspect
from rllib_stackelberg.trees.growth import Growth
from rllib_stackelberg.trees.tree import CHANCE
from tests.trees.random_trees import payoffs, random_tree


def expected(game, answers, policies):
    """Payoffs of all agents over all that nature may do: against fixed answers and pure follower policies."""
    nature, probabilities = game.nature.support()
    plays, slots = Plays(game, len(nature)), np.arange(len(nature))

    def choose(_, turn, information):
        return policies[turn][information]

    plays.begin(slots, nature, choose)
    play_out(plays, LeaderStrategy.from_pairs(game, answers), choose)
    return probabilities @ plays.payoffs


def drawn_strategies(game, rng):
    """Random answers and policies, and the same as probabilities by information set of the tree."""
    tree, answers, policies, shares = game.tree, [], [], {}
    for agent, sets in enumerate(game.sets):
        counts = [len(tree.information_sets[own].actions) for own in sets]
        actions = [int(rng.integers(count)) for count in counts]
        for key, (own, count, action) in enumerate(zip(sets, counts, actions, strict=True)):
            weights = [int(w) for w in rng.integers(0, 3, size=count)] if game.mixed and agent == 0 else [0] * count
            if not any(weights):
                weights[action] = 1
            shares[own] = tuple(Fraction(weight, sum(weights)) for weight in weights)
            if agent == 0:
                padded = [weight / 2 for weight in weights] + [1.0] * (game.leader_turn.width - count)
                answers.append((key, padded if game.mixed else action))
        if agent:
            policies.append(np.array(actions))
    return answers, policies, shares


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("players", [2, 3])
def test_expected_payoffs_of_plays_are_those_of_the_tree(players, mixed):
    rng = np.random.default_rng(players)
    for seed in range(12):
        tree = random_tree(seed, depth=5, players=players)
        if {known.player for known in tree.information_sets} - {CHANCE} != set(range(players)):
            continue
        game = TreeGame(tree, leads=1 + seed % players, mixed=mixed)
        answers, policies, shares = drawn_strategies(game, rng)
        in_tree = [float(paid) for paid in payoffs(tree, shares)]
        assert expected(game, answers, policies) == pytest.approx([in_tree[player] for player in game.players]), seed


@pytest.mark.parametrize("mixed", [False, True])
def test_random_trees_keep_the_contract(mixed):
    for seed in range(6):
        tree = random_tree(seed, players=2 + seed % 2)
        if {known.player for known in tree.information_sets} - {CHANCE} >= {0, 1}:
            assert inspect(TreeGame(tree, mixed=mixed), plays=32, singles=16).findings == (), seed


@pytest.mark.parametrize(
    ("name", "parameters", "learner"),
    [
        ("kuhn-poker", {}, RegretMatchingPlus()),
        ("kuhn-poker", {"mixed": True}, RegretMatchingPlus()),
        ("kuhn-poker", {"mixed": True, "leads": "second"}, RegretMatchingPlus()),
        ("kuhn-poker", {"mixed": True, "leads": "second"}, BestResponse()),
        ("centipede", {"leads": 2}, BestResponse()),
        ("centipede", {"mixed": True}, BestResponse()),
        ("openspiel", {"name": "tiny_hanabi", "mixed": True}, BestResponse()),
    ],
)
def test_learners_pay_the_leader_its_optimum(name, parameters, learner):
    """Ties go to the leader, as the solver has them; learners move once in a play, or several times.

    Learners from regret do not know a tie at the end for one, where they have learned on the way that it was none.
    """
    game = make_game(name, **parameters)
    found = solve(game)
    reached = respond(
        game, found.leader_strategy, learner, updates=300, update_mode="expected", ties="leader", reward_play="argmax"
    )
    assert reached.leader_value == pytest.approx(found.leader_value, abs=1e-6)


def test_a_play_that_chance_ends_has_one_turn_without_a_choice():
    growth = Growth(("leader", "follower", "bystander"))
    nothing, on = growth.chance(growth.root, {"rain": Fraction(1, 4), "sun": Fraction(3, 4)})
    growth.leaf(nothing, (8, 4, 1))
    for left in growth.move(on, 0, "ab"):
        for end in growth.move(left, 1, "cd"):
            growth.leaf(end, (left.action, end.action, 0))
    game = TreeGame(growth.tree())
    assert inspect(game).findings == ()
    assert game.agents == ("leader_0", "follower_0")
    assert expected(game, [(0, 1)], [np.array([1, 1])]) == pytest.approx([2 + 0.75, 1 + 0.75])
    assert solve(game).leader_value == pytest.approx(2.75)


def test_three_players_are_solved_by_tables_where_moves_are_pure():
    game = make_game("openspiel", name="matching_pennies_3p")
    assert game.methods() == {}
    assert solve(game) is not None
    assert solve(make_game("openspiel", name="matching_pennies_3p", mixed=True)) is None


@pytest.mark.parametrize("leads", [0, 3, "third", ""])
def test_a_leader_that_is_not_there_is_refused(leads):
    with pytest.raises(InvalidFieldError, match=r"1 \(first\), 2 \(second\)"):
        make_game("kuhn-poker", leads=leads)


def test_a_game_without_a_follower_is_refused():
    growth = Growth(("leader", "follower"))
    for end in growth.move(growth.root, 0, "ab"):
        growth.leaf(end, (1, 1))
    for leads in (1, 2):
        with pytest.raises(InvalidFieldError, match="leads a game in which leader moves"):
            TreeGame(growth.tree(), leads=leads)


EFG = 'EFG 2 R "entry" { "firm" "rival" } p "" 2 1 "" { "out" "in" } 0 t "" 1 "" { 2 0 } '
EFG += 'p "" 1 1 "" { "fight" "peace" } 0 t "" 2 "" { -1 -1 } t "" 3 "" { 1 1 }'


def test_files_and_catalogues_are_led_by_whom_it_says(tmp_path):
    """Bagwell 1995, its noisy signal: 5.01 to the first mover, 4 in equilibrium and if the second one leads."""
    file = tmp_path / "entry.efg"
    file.write_text(EFG)
    assert solve(make_game("extensive", file=file)).leader_value == 2
    assert solve(make_game("extensive", file=file, leads="rival", mixed=True)).leader_value == 1
    bagwell = [make_game("extensive", catalogue="journals/geb/bagwell1995", leads=k, mixed=True) for k in (1, 2)]
    assert [solve(game).leader_value for game in bagwell] == pytest.approx([5.01, 4.0])


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({}, "catalogue", "no game is given"),
        ({"file": "entry.efg", "catalogue": "x"}, "catalogue", "beside file"),
        ({"catalogue": "nothing"}, "catalogue", "no game 'nothing'"),
        ({"catalogue": "books/shohamleytonbrown2008/fig5_12"}, "catalogue", "forgets .*perfect recall"),
        ({"file": "missing.efg"}, "file", "missing.efg"),
    ],
)
def test_games_that_are_none_are_refused_by_name(given, field, words):
    with pytest.raises(InvalidFieldError, match=words) as refused:
        make_game("extensive", **given)
    assert refused.value.field == field


def test_followers_move_apart_where_tables_say_so():
    """In a game that says so, no leader's answers make a table in which a follower's row hangs on a follower's move."""
    said, rng = [], np.random.default_rng(0)
    for seed in range(40):
        tree = random_tree(seed, depth=3 + seed % 2, players=3, hidden=0.7)
        if {known.player for known in tree.information_sets} - {CHANCE} != {0, 1, 2}:
            continue
        game = TreeGame(tree, leads=1 + seed % 3)
        if not game.one_shot or Profiles.count(game) > 4096:
            continue
        counts = [len(tree.information_sets[own].actions) for own in game.sets[0]]
        answers = [list(enumerate(rng.integers(counts).tolist())) for _ in range(10)]
        tables = [outcomes_against(game, LeaderStrategy.from_pairs(game, own)) for own in answers]
        assert not game.moves_apart or all(table.simultaneous for table in tables), seed
        said.append(game.moves_apart)
    assert 3 <= sum(said) < len(said)


def test_sampled_updates_are_played_where_followers_see_each_other():
    game = make_game("extensive", catalogue="journals/ijgt/selten1975/fig1")
    assert not game.moves_apart
    assert Response.in_play(LeaderSettings(), game)
    assert not Response.in_play(LeaderSettings(update_mode="expected"), game)
    assert not Response.in_play(LeaderSettings(), make_game("bagwell"))


def test_strategies_are_shown_in_words():
    game = make_game("kuhn-poker", mixed=True)
    shown = {entry["label"]: entry["shown"] for entry in LeaderStrategy.of(game, solve(game).leader_strategy).data()}
    assert shown["after Q, ?, check, bet"] in ("fold: 1/3, call: 2/3", "fold: 2/3, call: 1/3")


def test_three_players_who_see_each_other_move_learn_by_expected_updates():
    """Selten 1975, figure 1: the third player moves after either of the others, and does not know after which."""
    game = make_game("extensive", catalogue="journals/ijgt/selten1975/fig1")
    assert len(game.followers) == 2
    answers = [(key, 0) for key in range(game.leader_turn.keys)]
    reached = respond(game, answers, RegretMatchingPlus(), updates=200, update_mode="expected")
    values = [expected(game, answers, [np.array([a]), np.array([b])]) for a in (0, 1) for b in (0, 1)]
    assert any(reached.leader_value == pytest.approx(value[0]) for value in values)
