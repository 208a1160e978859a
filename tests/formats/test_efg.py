"""Games in .efg files: node by node as Gambit reads them, written back, and refused by line."""

import io
import time
from contextlib import suppress
from fractions import Fraction
from importlib.resources import files

import pygambit
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.formats.efg import NODES, efg_text, exact_shares, parse_efg, read_tree
from rllib_stackelberg.formats.gambit import catalogue_game, catalogue_names, gambit_game, tree_of
from rllib_stackelberg.formats.tokens import LARGEST, Tokens
from rllib_stackelberg.trees.growth import Growth
from rllib_stackelberg.trees.instances import bagwell, entry_deterrence, kuhn_poker
from rllib_stackelberg.trees.tree import CHANCE, NONE, GameTree

# Everything the format has: payoffs on the way, sets and outcomes by number, the null outcome, all forms of numbers.
EVERYTHING = """EFG 2 R "All \\"of\\" it" { "Ann" "" }
"A comment
of two lines"

c "root" 7 "weather" { "rain" 1/4 "sun" .75 } 3 "fee" { -1 -.5 }
p "" 1 12 "sees rain" { "L" "R" } 0
p "" 2 1 "" { "in" "out" } 0
t "" 1 "one" { 1/3, 2e1 }
t "" 2 "" { 0 1 }
p "" 2 1 1
t "end" 1
t "" 0
c "" 8 "" { "a" 0.5 "b" 0.5 } 2
p "" 2 1 "" { "in" "out" } 0
t "" 1
t "" 2 "" { 0 1 }
p "" 2 1 0 t "" 1 t "" 0
"""


def parsed(text: str) -> GameTree:
    return parse_efg(Tokens(text, "x.efg", "file"))


def same_tree(ours: GameTree, theirs: pygambit.Game) -> None:
    """Node by node: who moves, in which set, with what actions and probabilities, what is paid."""
    pairs: dict[int, tuple] = {}
    waiting = [(0, theirs.root)]
    while waiting:
        number, other = waiting.pop()
        node = ours.nodes[number]
        paid = [Fraction(other.outcome[player]) for player in theirs.players] if other.outcome else None
        assert paid == (None if node.outcome == NONE else list(ours.outcomes[node.outcome].payoffs))
        assert node.label == other.label
        if other.is_terminal:
            assert node.information_set == NONE
            continue
        own, their_set = ours.information_sets[node.information_set], other.infoset
        numbered = [] if other.player.is_chance else [player == other.player for player in theirs.players]
        assert own.player == (CHANCE if other.player.is_chance else numbered.index(True))
        assert pairs.setdefault(node.information_set, their_set) == their_set
        if other.player.is_chance:
            assert [Fraction(action.prob) for action in their_set.actions] == list(own.probabilities)
        waiting.extend(zip(ours.children[number], other.children, strict=True))
    assert len(set(map(id, pairs))) <= len(ours.information_sets) == len({str(found) for found in pairs.values()})


def test_all_of_the_format():
    tree = parsed(EVERYTHING)
    assert (tree.title, tree.comment, tree.players) == ('All "of" it', "A comment\nof two lines", ("Ann", ""))
    assert [own.player for own in tree.information_sets] == [CHANCE, 0, 1, CHANCE]
    assert tree.information_sets[0].probabilities == (Fraction(1, 4), Fraction(3, 4))
    third = Fraction(1, 3)
    assert tree.exact_paid[:4] == (
        (third - 1, Fraction(39, 2)),
        (Fraction(-1), Fraction(1, 2)),
        (2 * third - 1, Fraction(79, 2)),
        (third - 1, Fraction(39, 2)),
    )
    assert tree.exact_paid[4] == (third - 1, Fraction(41, 2))
    same_tree(tree, pygambit.read_efg(io.StringIO(EVERYTHING)))


def test_gambits_catalogue():
    """All trees: those in which a player forgets are refused by line, all others are the same, back and forth."""
    folder, forgetful = files("pygambit") / "catalog_data", 0
    for name in catalogue_names():
        theirs = catalogue_game(name)
        if not theirs.is_tree:
            with pytest.raises(InvalidFieldError, match="normal form"):
                tree_of(theirs)
            continue
        file = str(folder / f"{name}.efg")
        if not theirs.is_perfect_recall:
            forgetful += 1
            with pytest.raises(InvalidFieldError, match=r"\.efg, line \d+: .* forgets .*; allowed: perfect recall"):
                read_tree(file)
            continue
        tree = read_tree(file)
        same_tree(tree, theirs)
        assert tree_of(theirs).exact_paid == tree.exact_paid
        same_tree(parsed(efg_text(tree)), gambit_game(tree))
    assert forgetful == 5


@st.composite
def trees(draw):
    """A random tree in which players know all their own moves and, in some sets, not those of others."""
    growth, labels = Growth(("A", "B")), st.text("abc é\"'{},", max_size=3)

    def grow(place, depth, history):
        kind = draw(st.sampled_from(("leaf", "chance", 0, 1))) if depth else "leaf"
        if len(growth) == 0:
            kind = 0
        if kind == "leaf":
            growth.leaf(place, draw(st.tuples(*[st.fractions(-9, 9, max_denominator=7)] * 2)))
            return
        count = draw(st.integers(1, 3))
        if kind == "chance":
            weights = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count).filter(any))
            shares = {f"{draw(labels)}{k}": Fraction(weight, sum(weights)) for k, weight in enumerate(weights)}
            places = growth.chance(place, shares)
        else:
            own = tuple(step for step in history if step[0] == kind)
            hidden = draw(st.booleans())
            known = (own, depth, count) if hidden else None
            actions = [str(k) for k in range(count)] if hidden else [draw(labels) for _ in range(count)]
            places = growth.move(place, kind, actions, known)
        for below in places:
            grow(below, depth - 1, (*history, (kind, depth, hidden if kind != "chance" else None, below.action)))

    grow(growth.root, draw(st.integers(1, 3)), ())
    return growth


def finished(growth: Growth) -> GameTree | None:
    try:
        return growth.tree("A title", 'with "quotes"')
    except InvalidFieldError:
        return None


@given(trees().map(finished))
@settings(max_examples=25, deadline=None)
def test_round_trip_equal(tree):
    assume(tree is not None and {0, 1} <= {known.player for known in tree.information_sets})
    once = parsed(efg_text(tree))
    assert parsed(efg_text(once)) == once
    assert (once.title, once.comment) == (tree.title, tree.comment)
    assert sorted(once.exact_paid) == sorted(tree.exact_paid)
    assert sorted(map(len, once.members)) == sorted(map(len, tree.members))


@pytest.mark.parametrize("tree", [bagwell(), entry_deterrence(), kuhn_poker()], ids=lambda tree: tree.title)
def test_gambit_reads_what_is_written(tree):
    again = parsed(efg_text(tree))
    same_tree(again, gambit_game(tree))
    assert again.exact_paid == tree.exact_paid


@given(st.sampled_from([EVERYTHING, efg_text(kuhn_poker())]), st.data())
@settings(max_examples=80, deadline=None)
def test_a_broken_file_is_refused_and_nothing_else(text, data):
    cut = data.draw(st.integers(0, len(text.rstrip(" \n}0123456789"))))
    with pytest.raises(InvalidFieldError, match=r"x\.efg, line \d+: "):
        parsed(text[:cut])
    piece = data.draw(st.sampled_from(['"', "{", "}", ",", "t", "p", "\0", "1e999", "1/0", " -1 ", " 99 "]))
    with suppress(InvalidFieldError):  # what is put into a text or a name may be part of it
        parsed(text[:cut] + piece + text[cut:])


START = 'EFG 2 R "" { "A" "B" }\n"" \n'
BODY = START + 'p "" 1 1 "" { "l" "r" } 0\np "" 2 1 "" { "u" } 0\nt "" 1 "" { 1 2 }\nt "" 0\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file ends; allowed: EFG"),
        ("[1, 2]", 1, "found '[1'; allowed: EFG"),
        (BODY.replace("EFG 2", "EFG 1"), 1, "found '1'; allowed: 2"),
        (START, 2, "the file ends; allowed: a node: c (chance), p (a player) or t (the end)"),
        (BODY.removesuffix('t "" 0\n'), 5, "the file ends; allowed: a node after action 2"),
        (BODY + 't "" 0', 7, "found 't'; allowed: the end of the file"),
        (BODY.replace("p \"\" 2 1", "q \"\" 2 1"), 4, "found 'q'"),
        (BODY.replace("p \"\" 2 1", "p 2 1"), 4, "found '2'; allowed: the node's name, in quotes"),
        (BODY.replace("p \"\" 2 1", 'p "" 3 1'), 4, "there is no player 3; allowed: a number of 1..2"),
        (BODY.replace('1 "" { 1 2 }', "1"), 5, "outcome 1 comes for the first time; allowed: its name and payoffs"),
        (BODY.replace('1 "" { 1 2 }', '0 "" { 1 2 }'), 5, "outcome 0 has a name"),
        (BODY.replace("{ 1 2 }", "{ 1 }"), 5, "1 payoffs; allowed: 2, one for each player"),
        (BODY.replace("{ 1 2 }", "{ 1 2, 3 }"), 5, "3 payoffs; allowed: 2, one for each player"),
        (BODY.replace('t "" 0', 't "" 1 "" { 1 3 }'), 6, "outcome 1 is another one than before; allowed: as in line 5"),
        (BODY.replace('2 1 "" { "u" } 0', "2 1 0"), 4, "information set 1 comes for the first time"),
        (BODY.replace('{ "u" }', "{ }"), 4, "the information set has no actions"),
        (BODY.replace('{ "A" "B" }', '{ "A" "B" "C" }').replace("1 2 }", "1 2 3 }"), 1, "player 3 (C) has no move"),
        (BODY.replace('p "" 2 1 "" { "u" }', 'p "" 1 1 "" { "l" "x" }'), 4, "another one than before"),
        (BODY.replace('p "" 2 1 "" { "u" }', 'c "" 1 "" { "u" 1/2 }'), 4, "sum to 0.5; allowed: a sum of 1"),
        (BODY.replace('p "" 2 1 "" { "u" }', 'c "" 1 "" { "u" -1 "v" 2 }') + 't "" 0', 4, "that are no probabilities"),
        (BODY.replace('p "" 2 1 "" { "u" } 0', 'p "" 1 1 0') + 't "" 0\n', 4, "A forgets at information set 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_and_where(text, line, said):
    with pytest.raises(InvalidFieldError) as refused:
        parsed(text)
    assert str(refused.value).startswith(f"file: x.efg, line {line}: "), refused.value
    assert said in str(refused.value)


def test_large_files_are_refused_at_once(tmp_path):
    for content, said in (
        (b"\x00\xff\xfe" * 5, "line 1: no text in UTF-8"),
        (b"p " * (LARGEST // 2 + 1), f"is larger than {LARGEST:,} bytes"),
        (b"garbage " * (LARGEST // 8), "found 'garbage'"),
        (START.encode() + b'p "" 1 1 "" { "u" } 0\n' * 300_000, f"line {NODES + 3}: there are more than"),
        (START.encode() + b'p "' + b"x" * 8_000_000, "line 3: a text begins here that does not end"),
    ):
        (tmp_path / "bad.efg").write_bytes(content)
        started = time.process_time()
        with pytest.raises(InvalidFieldError, match=r"bad\.efg") as refused:
            read_tree(tmp_path / "bad.efg")
        assert said in str(refused.value)
        assert time.process_time() - started < 2


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any))
@settings(max_examples=50, deadline=None)
def test_probabilities_in_floats_sum_to_one(weights):
    shares = exact_shares(tuple(weight / sum(weights) for weight in weights))
    assert sum(shares) == 1
    assert [float(share) for share in shares] == pytest.approx([weight / sum(weights) for weight in weights], abs=1e-15)
