"""Gambit's text formats, piece by piece, with the line that each piece stands in.

What .nfg and .efg files have in common: white space means nothing outside quotes, `\\"` is a quote in a text, and
numbers (integers, decimals, fractions) are exact. Whatever is wrong is refused with the file, its line and what was
expected there.

Source: Gambit, "Game representation formats".
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from math import gcd
from pathlib import Path

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, brief, read_bounded

LARGEST = 8 * 2**20
"""Bytes of a file: more than the largest game that anything here can solve."""

LONGEST_NUMBER = 400
"""Characters of a number; no float needs more."""

PIECE = re.compile(
    r'\s*(?:"(?P<text>[^"\\]*(?:\\.[^"\\]*)*)"|(?P<brace>[{}])|(?P<comma>,)|(?P<word>[^\s{},"]+)|(?P<open>"))',
    re.DOTALL,
)
NUMBER = re.compile(r"[+-]?(?:[0-9]+/[0-9]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)")
NUMBERS = "a number such as 2, -0.5 or 1/3"


class Tokens:
    """A text, read from its beginning to its end.

    Args:
        content: the text.
        place: where it is from, for people: the name of a file.
        field: what it was given for, named when it is refused.
    """

    def __init__(self, content: str, place: str, field: str):
        self.content, self.place, self.field = content, place, field
        self.start = self.end = 0
        self.kind = self.value = ""
        self.advance()

    @classmethod
    def of_file(cls, file: str | Path, field: str, allowed: str) -> Tokens:
        """Those of a file.

        Args:
            file: where it is; field: what it was given for; allowed: what it should be, in words.

        Raises:
            InvalidFieldError: naming the field: the file cannot be read, is too large, or is no text.
        """
        try:
            content = read_bounded(Path(file), LARGEST)
            return cls(content.decode("utf-8-sig"), str(file), field)
        except OSError as error:
            raise InvalidFieldError(field, f"cannot read {file} ({error.strerror or error})", allowed) from error
        except BrokenDocumentError as error:
            raise InvalidFieldError(field, f"{file} is {error}", allowed) from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise InvalidFieldError(field, f"{file}, line {line}: no text in UTF-8", allowed) from error

    def advance(self) -> None:
        """Go on to the next piece: `kind` is "text", "brace", "comma" or "word", empty at the end of the file."""
        found = PIECE.match(self.content, self.end)
        if found is None:
            self.start = self.end = len(self.content.rstrip())
            self.kind = self.value = ""
            return
        self.kind = found.lastgroup or ""
        self.start, self.end, self.value = found.start(self.kind), found.end(), found[self.kind]
        if self.kind == "open":
            raise self.refused("a text begins here that does not end", 'a closing "')

    def line(self, at: int | None = None) -> int:
        """Number of the line, from 1, of a place in the file; of the present piece by default."""
        return self.content.count("\n", 0, self.start if at is None else at) + 1

    def refused(self, problem: str, expected: str, at: int | None = None) -> InvalidFieldError:
        """The error to raise: what is wrong, in which line."""
        return InvalidFieldError(self.field, f"{self.place}, line {self.line(at)}: {problem}", expected)

    def unexpected(self, expected: str) -> InvalidFieldError:
        """The error to raise for a piece that is none of those that may stand there."""
        if not self.kind:
            return self.refused("the file ends", expected)
        return self.refused(f"found {'the text ' if self.kind == 'text' else ''}{brief(self.value)}", expected)

    def text(self, expected: str) -> str:
        """Take a quoted text."""
        if self.kind != "text":
            raise self.unexpected(f"{expected}, in quotes")
        value = self.value.replace('\\"', '"')
        self.advance()
        return value

    def word(self, *words: str, of: str = "") -> str:
        """Take one of some words without quotes.

        Args:
            words: them; of: what they stand for, in words.
        """
        if self.kind != "word" or self.value not in words:
            raise self.unexpected(" or ".join(words) + (f", {of}" if of else ""))
        value = self.value
        self.advance()
        return value

    def brace(self, brace: str, of: str) -> None:
        """Take an opening or closing brace."""
        if not self.at(brace):
            raise self.unexpected(f"{brace} {'before' if brace == '{' else 'after'} {of}")
        self.advance()

    def at(self, brace: str) -> bool:
        """Whether a brace comes next."""
        return self.kind == "brace" and self.value == brace

    def comma(self) -> None:
        """Take a comma, if one comes next."""
        if self.kind == "comma":
            self.advance()

    def whole(self, expected: str, least: int = 0) -> int:
        """Take a whole number without a sign."""
        if self.kind != "word" or not re.fullmatch("[0-9]{1,9}", self.value) or int(self.value) < least:
            raise self.unexpected(f"{expected}, a whole number{f' of at least {least}' if least else ''}")
        value = int(self.value)
        self.advance()
        return value

    def number(self, expected: str) -> Fraction:
        """Take a number, exactly."""
        if self.kind != "word":
            raise self.unexpected(f"{expected}, {NUMBERS}")
        try:
            value = exact(self.value)
        except ValueError as error:
            raise self.refused(str(error), f"{expected}, {NUMBERS}") from error
        self.advance()
        return value

    def quoted_list(self, of: str, expected: str) -> list[str]:
        """Take texts between braces."""
        self.brace("{", of)
        found = []
        while not self.at("}"):
            if self.kind != "text":
                raise self.unexpected(f"{expected} in quotes, or }} after {of}")
            found.append(self.text(expected))
        self.advance()
        return found

    def numbers(self, count: int, expected: str) -> list[Fraction]:
        """Take all that is left: so many numbers, and no more.

        Args:
            count: how many; expected: what they are, in words.
        """
        words = self.content[self.start :].split()
        values = []
        for place, word in enumerate(words[:count]):
            try:
                values.append(exact(word))
            except ValueError as error:
                raise self.refused(str(error), f"{expected}: {NUMBERS}", self._start_of(place)) from error
        if len(words) < count:
            problem = f"the file ends after {len(words):,} of {count:,} numbers"
            raise self.refused(problem, expected, len(self.content.rstrip()))
        if len(words) > count:
            problem = f"found {brief(words[count])} after {count:,} numbers"
            raise self.refused(problem, f"the end of the file after {expected}", self._start_of(count))
        return values

    def _start_of(self, place: int) -> int:
        """Where a word begins, counted from the present one."""
        return self.start + next(islice(re.finditer(r"\S+", self.content[self.start :]), place, None)).start()

    def payoffs(self, players: int) -> list[Fraction]:
        """Take a payoff for each player, with commas between them or without, and the closing brace."""
        found: list[Fraction] = []
        at = self.start
        while not self.at("}"):
            found.append(self.number("a payoff"))
            self.comma()
        if len(found) != players:
            raise self.refused(f"{len(found)} payoffs", f"{players}, one for each player", at)
        self.advance()
        return found

    def ends(self) -> None:
        """Refuse whatever else stands in the file."""
        if self.kind:
            raise self.unexpected("the end of the file")


@lru_cache(maxsize=65_536)
def exact(text: str) -> Fraction:
    """A number as it is written; a float holds about as much.

    Raises:
        ValueError: it is none, or larger than any float; the message says so.

    >>> exact("0.1"), exact("-1/3"), exact("1.5e3")
    (Fraction(1, 10), Fraction(-1, 3), Fraction(1500, 1))
    """
    if not NUMBER.fullmatch(text):
        raise ValueError(f"found {brief(text)}")
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text):,} characters")
    try:
        value = Fraction(text)
        float(value)
    except ZeroDivisionError as error:
        raise ValueError(f"{brief(text)} divides by 0") from error
    except OverflowError as error:
        raise ValueError(f"the number {brief(text)} is larger than any float") from error
    if value and not float(value):
        raise ValueError(f"the number {brief(text)} is closer to 0 than any float")
    return value


def quoted(text: str) -> str:
    r"""A text in quotes; quotes in it get a backslash.

    Raises:
        InvalidFieldError: it ends in a backslash, or has one before a quote, which would be read as another text.

    >>> print(quoted('the "best" one'))
    "the \"best\" one"
    """
    if '\\"' in text + '"':
        raise InvalidFieldError("export", f"{brief(text)} has a backslash before a quote or its end", "another name")
    return '"' + text.replace('"', '\\"') + '"'


def written(number: Fraction) -> str:
    """A number, exactly: in decimals, or as a fraction where they do not end.

    >>> written(Fraction(1, 3)), written(Fraction(-1, 8)), written(Fraction(4))
    ('1/3', '-0.125', '4')
    """
    decimals, rest = 0, number.denominator
    while rest > 1:
        common = gcd(rest, 10)
        if common == 1:
            return str(number)
        decimals, rest = decimals + 1, rest // common
    digits = str(abs(number.numerator) * 10**decimals // number.denominator).rjust(decimals + 1, "0")
    point = len(digits) - decimals
    return f"{'-' if number < 0 else ''}{digits[:point]}{'.' if decimals else ''}{digits[point:]}"
