"""Games in .nfg files: as Gambit reads them, written back, and refused by line."""

import io
import time
from contextlib import suppress
from fractions import Fraction
from itertools import product

import numpy as np
import pygambit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.formats.gambit import catalogue_game, catalogue_names, gambit_game, normal_form_of
from rllib_stackelberg.formats.nfg import nfg_text, parse_nfg, read_nfg
from rllib_stackelberg.formats.normal_form import PAYOFFS, NormalForm
from rllib_stackelberg.formats.tokens import LARGEST, Tokens

# Numbers in all forms, comments of several lines, a quote in a name; the first player's strategy changes fastest.
PAYOFF_VERSION = """NFG 1 R "A \\"title\\"" { "Row" "Column" } { 3 2 }
"A comment
of two lines"

1 1/3 0.5 -2e1  .25 4.
1 1  0 3  2 0
"""
OUTCOME_VERSION = """NFG 1 D "Outcomes"{"Row""Column"}

{ { "T" "B" } { "L" "R" } } ""
{ { "win" 1, -1 } { "" 1/3 2 } }
1 0 2 1
"""


def parsed(text: str) -> NormalForm:
    return parse_nfg(Tokens(text, "x.nfg", "file"))


def same_payoffs(ours: NormalForm, theirs: pygambit.Game) -> None:
    table = np.array(ours.payoffs, dtype=object).reshape(*ours.shape, len(ours.players))
    for profile in product(*(range(len(player.strategies)) for player in theirs.players)):
        outcome = theirs[profile]  # None is the outcome that pays nobody
        paid = [Fraction(outcome[player]) if outcome else Fraction(0) for player in theirs.players]
        assert paid == table[profile].tolist(), profile


def test_both_versions():
    game = parsed(PAYOFF_VERSION)
    assert (game.title, game.comment) == ('A "title"', "A comment\nof two lines")
    assert game.strategies == (("1", "2", "3"), ("1", "2"))
    assert game.payoffs[:4] == (1, Fraction(1, 3), 1, 1)  # the first row, both columns
    assert game.numbers[:, 0, 1].tolist() == [1 / 3, -20, 4]
    other = parsed(OUTCOME_VERSION)
    assert other.strategies == (("T", "B"), ("L", "R"))
    assert other.payoffs == (1, -1, Fraction(1, 3), 2, 0, 0, 1, -1)
    for text in (PAYOFF_VERSION, OUTCOME_VERSION):
        same_payoffs(parsed(text), pygambit.read_nfg(io.StringIO(text)))


def test_gambits_catalogue():
    names = catalogue_names()
    assert len(names) >= 38
    for name in names:
        theirs = catalogue_game(name)
        ours = normal_form_of(theirs)
        same_payoffs(ours, theirs)
        assert [len(player.strategies) for player in theirs.players] == list(ours.shape)
        assert parsed(nfg_text(ours)) == ours
        same_payoffs(ours, gambit_game(ours))


NUMBERS = st.one_of(
    st.integers(-9, 9).map(Fraction),
    st.fractions(max_denominator=99),
    st.floats(-1e12, 1e12, allow_subnormal=False).map(repr).map(Fraction),
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\\"), max_size=5)
LABELS = st.from_regex(r"([!-/:-\[\]-~]( [!-\[\]-~])*)?", fullmatch=True)
"""Those that Gambit takes; a number may be what it calls another strategy that has no name."""


@st.composite
def normal_forms(draw, names=TEXTS):
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    count = int(np.prod(shape)) * len(shape)
    return NormalForm(
        players=tuple(draw(names) for _ in shape),
        strategies=tuple(tuple(draw(names) for _ in range(size)) for size in shape),
        payoffs=tuple(draw(st.lists(NUMBERS, min_size=count, max_size=count))),
        title=draw(TEXTS),
        comment=draw(TEXTS),
    )


@given(normal_forms(), normal_forms(LABELS))
@settings(max_examples=60, deadline=None)
def test_round_trip_equal_and_read_by_gambit(ours, theirs):
    assert parsed(nfg_text(ours)) == ours
    same_payoffs(theirs, gambit_game(theirs))


@given(normal_forms(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_broken_file_is_refused_and_nothing_else(game, data):
    text = nfg_text(game)
    cut = data.draw(st.integers(0, len(text.rstrip()) - 1))
    with pytest.raises(InvalidFieldError, match=r"x\.nfg, line \d+: "):
        parsed(_without_a_part(text[:cut]))
    garbled = text[:cut] + data.draw(st.sampled_from(['"', "{", "}", ",", "x", "\0", "1e999", "1/0", "-"])) + text[cut:]
    with suppress(InvalidFieldError):  # what is put into a text or a name may be part of it
        parsed(garbled)


def _without_a_part(text: str) -> str:
    """A cut that leaves all but digits of the last number is a file too: then nothing of that number is left."""
    return text.rstrip("-0123456789./")


BODY = 'NFG 1 R "" { "A" "B" } { 2 2 } ""\n1 1 2 2\n3 3 4 4'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file ends; allowed: NFG"),
        ('{"leader": [[1]]}', 1, "found '{'; allowed: NFG"),
        (BODY.replace("NFG 1", "NFG 2"), 1, "found '2'; allowed: 1"),
        (BODY.replace("NFG 1 R", "EFG 2 R"), 1, "found 'EFG'; allowed: NFG"),
        (BODY.replace('""\n', '"\n'), 1, "a text begins here that does not end"),
        (BODY.replace("{ 2 2 }", "{ 2 0 }"), 1, "player 2 (B) has no strategies"),
        (BODY.replace("{ 2 2 }", '{ { "T" } { } }'), 1, "player 2 (B) has no strategies"),
        (BODY.replace("{ 2 2 }", "{ 2 }"), 1, "found '}'; allowed: how many strategies player 2 (B) has"),
        (BODY.replace("{ 2 2 }", "{ 999999999 999999999 }"), 1, f"more than {PAYOFFS:,} payoffs"),
        (BODY.replace('{ "A" "B" }', "{ }"), 1, "there are no players"),
        (
            BODY.replace(" 4 4", " 4"),
            3,
            "the file ends after 7 of 8 numbers; allowed: payoffs of 2 players at 4 profiles",
        ),
        (BODY + "\n5", 4, "found '5' after 8 numbers; allowed: the end of the file"),
        (BODY.replace("3 3", "3 five"), 3, "found 'five'; allowed: payoffs"),
        (BODY.replace("4 4", "4 1/0"), 3, "'1/0' divides by 0"),
        (BODY.replace("4 4", "4 1e999"), 3, "the number '1e999' is larger than any float"),
        (BODY.replace("4 4", "4 1e-999"), 3, "closer to 0 than any float"),
        (BODY.replace("4 4", "4 " + "9" * 5000), 3, "a number of 5,000 characters"),
        (BODY.replace("4 4", "-1e308 1e308").replace("1 1", "1e308 1e308"), 2, "whose difference no float holds"),
        (OUTCOME_VERSION.replace("1 0 2 1", "1 0 3 1"), 5, "there is no outcome 3; allowed: a number of 0..2"),
        (OUTCOME_VERSION.replace("1 0 2 1", "1 0 2"), 5, "ends after 3 of 4 numbers; allowed: an outcome"),
        (OUTCOME_VERSION.replace("1, -1", "1"), 4, "1 payoffs; allowed: 2, one for each player"),
    ],
)
def test_what_is_wrong_and_where(text, line, said):
    with pytest.raises(InvalidFieldError) as refused:
        parsed(text)
    assert str(refused.value).startswith(f"file: x.nfg, line {line}: ")
    assert said in str(refused.value)


def test_files_that_are_no_text(tmp_path):
    for content, said in (
        (b"\x00\xff\xfe" * 5, "line 1: no text in UTF-8"),
        (b"NFG 1 R \n \xff", "line 2: no text in UTF-8"),
        (b"1 " * (LARGEST // 2 + 1), f"is larger than {LARGEST:,} bytes"),
        (b"garbage " * (LARGEST // 8), "found 'garbage'"),
        (b'NFG 1 R "" { "A" "B" } { 300 300 } ' + b"1 " * 4_000_000, "found '1' after 180,000 numbers"),
    ):
        (tmp_path / "bad.nfg").write_bytes(content)
        started = time.process_time()
        with pytest.raises(InvalidFieldError, match=r"bad\.nfg") as refused:
            read_nfg(tmp_path / "bad.nfg")
        assert said in str(refused.value)
        assert time.process_time() - started < 2
    with pytest.raises(InvalidFieldError, match="cannot read"):
        read_nfg(tmp_path / "none.nfg")


def test_labels_that_the_format_cannot_hold():
    one = (Fraction(1),)
    for name in ("ends in \\", 'a \\" inside'):
        with pytest.raises(InvalidFieldError, match="backslash"):
            nfg_text(NormalForm((name,), (("",),), one))
    assert parsed(nfg_text(NormalForm((r"\alpha",), (("",),), one))).players == (r"\alpha",)


def test_who_leads():
    game = normal_form_of(catalogue_game("journals/ijgt/nau2004/sec6"))
    assert game.shape == (2, 2, 4)
    led = game.led_by(3)
    assert led.shape == (4, 2, 2)
    assert led.led_by(2).led_by("Player 2") == game.led_by(1).led_by(2)
    assert led.numbers[3, 1, 0].tolist() == game.numbers[1, 0, 3][[2, 0, 1]].tolist()
    for nobody in (0, 4, "nobody", "", -1, "1.5"):
        with pytest.raises(InvalidFieldError, match=r"leads: there is no player .* 1 \(Player 1\)"):
            game.led_by(nobody)
