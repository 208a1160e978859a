"""Links between the README, the pages and other files lead somewhere, headings included."""

import posixpath
import re

import pytest

from tests.docs.links import BESIDE, GAMES, PAGES, anchor, lost_links, text_at
from tests.docs.written import WRITTEN, text_of


@pytest.mark.parametrize(("heading", "name"), [("Faults and resume", "faults-and-resume"), ("A `b`, c!", "a-b-c")])
def test_headings_are_named_as_on_github(heading, name):
    assert anchor(heading) == name


@pytest.mark.parametrize("file", sorted({*BESIDE, *PAGES} - GAMES))
def test_links_lead_somewhere(file):
    assert lost_links(file, text_at(file)) == []


def test_lost_links_are_found():
    text = "[a](docs/paper.md) [b](docs/papers.md) [c](docs/paper.md#ask-once) [d](docs/paper.md#ask-twice) [e](../x)"
    assert lost_links("README.md", text) == ["docs/papers.md", "docs/paper.md#ask-twice", "../x"]


def test_every_page_is_in_a_table_of_contents():
    listed = {
        posixpath.normpath(name) + ".md"
        for toctree in re.findall(r"```\{toctree\}\n(?::[^\n]*\n)*\n?(.*?)```", text_of("index.md"), re.S)
        for name in toctree.split()
    }
    assert {*WRITTEN} - {"index.md"} <= listed


def test_pages_are_of_a_sittings_length():
    assert not [page for page in WRITTEN if len(text_of(page)) > 14_000]
