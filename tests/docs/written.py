"""The written pages: which there are, their blocks of code, their tables."""

import re
from dataclasses import dataclass
from pathlib import Path

from docs.generators import pages
from docs.generators.pieces import BLOCK, included

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
MADE = ("_build", "generated")
WRITTEN = sorted(
    path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] not in MADE
)
GENERATED = pages()
GENERATED_PART = re.compile(r"```\{include\} generated/(\S+)\n```")


@dataclass(frozen=True)
class Block:
    """A block of code; `shown` is what stands below it as its output."""

    language: str
    code: str
    mark: str
    shown: str | None


def text_of(page: str) -> str:
    """A written page, as it stands in its file."""
    return (DOCS / page).read_text(encoding="utf-8")


def whole(text: str) -> str:
    """With what a page includes, written or generated, in its place."""
    return GENERATED_PART.sub(lambda match: GENERATED[match[1]], included(text))


def blocks(text: str) -> list[Block]:
    """In order, each with its output."""
    found = [(m["language"], m["code"], m["mark"] or "") for m in BLOCK.finditer(whole(text))]
    following = [*found, ("", "", "")][1:]
    return [
        Block(language, code, mark, after[1] if after[0] == "text" else None)
        for (language, code, mark), after in zip(found, following, strict=True)
        if language != "text"
    ]


def saved(page: str, file: str) -> str:
    """What a page lets its reader save under that name."""
    (code,) = [each.code for each in blocks(text_of(page)) if each.mark == f"saved as {file}"]
    return code


def block_after(text: str, words: str) -> str:
    """The first block of Python after some words."""
    return re.search(r"```python\n(.*?)```", text[text.index(words) :], re.S).group(1)
