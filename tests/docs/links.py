"""Links of the README, of pages and of what stands beside them."""

import posixpath
import re

from tests.docs.written import GENERATED, ROOT, WRITTEN

BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "docker/README.md")
PAGES = {f"docs/{page}" for page in WRITTEN} | {f"docs/generated/{path}" for path in GENERATED}
GAMES = {page for page in PAGES if page.startswith("docs/generated/games/")}
"""Whose texts take exact solutions: test_pages.py reads them, and no other process has to."""

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")


def text_at(file: str) -> str:
    """A written or a generated page, or a file of the project."""
    made = file.removeprefix("docs/generated/")
    return GENERATED[made] if made in GENERATED else (ROOT / file).read_text(encoding="utf-8")


def outside_of_blocks(text: str) -> str:
    """Without blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def anchor(heading: str) -> str:
    """As GitHub and MyST name a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(file: str) -> set[str]:
    """Of all headings of a page."""
    return {anchor(line) for line in re.findall(r"^#+ (.*)$", outside_of_blocks(text_at(file)), re.M)}


def lost_links(file: str, text: str) -> list[str]:
    """Links of a text that lead nowhere: to no page, no file of the project, or no heading.

    Args:
        file: where the text stands.
        text: as Markdown.
    """
    lost = []
    for link in LINK.findall(outside_of_blocks(text)):
        path, _, part = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file
        there = target in PAGES or (not target.startswith("..") and (ROOT / target).exists())
        if not there or (part and part not in anchors(target)):
            lost.append(link)
    return lost
