"""The words that tables explain in a line are those of docs/glossary.md."""

import re
from pathlib import Path

import pytest

from rllib_stackelberg.reports.glossary import ONLINE_WORDS, WORDS

GLOSSARY = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!word |---)([^|]+) \| ([^|]+) \|$", GLOSSARY, re.M)
TERMS = [term for words, _ in ROWS for term in words.split(", ")]


def test_a_term_stands_once():
    assert len(TERMS) > 60
    assert len(TERMS) == len(set(TERMS))


@pytest.mark.parametrize("word", [*WORDS, *ONLINE_WORDS])
def test_words_of_results_are_in_the_glossary(word):
    assert word in TERMS or f"{word} play" in TERMS
