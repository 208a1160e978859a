"""Links between the README, the pages and other files lead somewhere, headings included."""

import posixpath
import re

import pytest

from tests.docs.written import DOCS, GENERATED, ROOT, WRITTEN, text_of

BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "docker/README.md")
TEXTS = (
    {name: (ROOT / name).read_text(encoding="utf-8") for name in BESIDE}
    | {f"docs/{page}": text_of(page) for page in WRITTEN}
    | {f"docs/generated/{path}": text for path, text in GENERATED.items()}
)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")


def outside_of_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def anchor(heading: str) -> str:
    """As GitHub and MyST name a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {anchor(line) for line in re.findall(r"^#+ (.*)$", outside_of_blocks(text), re.M)}


@pytest.mark.parametrize(("heading", "name"), [("Faults and resume", "faults-and-resume"), ("A `b`, c!", "a-b-c")])
def test_headings_are_named_as_on_github(heading, name):
    assert anchor(heading) == name


@pytest.mark.parametrize("file", TEXTS)
def test_links_lead_somewhere(file):
    for link in LINK.findall(outside_of_blocks(TEXTS[file])):
        path, _, part = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file
        assert target in TEXTS or (ROOT / target).exists(), f"{file}: {link}"
        assert not target.startswith(".."), f"{file}: {link}"
        if part:
            assert part in anchors(TEXTS[target]), f"{file}: {link}"


def test_every_page_is_in_a_table_of_contents():
    listed = {
        posixpath.normpath(posixpath.join(posixpath.dirname(file), name)) + ".md"
        for file, text in TEXTS.items()
        for toctree in re.findall(r"```\{toctree\}\n(?::[^\n]*\n)*\n?(.*?)```", text, re.S)
        for name in toctree.split()
    }
    assert {f"docs/{page}" for page in WRITTEN} - {"docs/index.md"} <= listed


def test_pages_are_of_a_sittings_length():
    assert not [page for page in WRITTEN if len(text_of(page)) > 14_000]
    assert DOCS.joinpath("index.md").exists()
