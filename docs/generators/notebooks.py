"""Guides as notebooks: the same words and the same code, a cell a block.

`python -m docs.generators.notebooks` writes them into docs/notebooks; a test fails where they are not what this makes.
What a guide shows as printed is left out: a notebook prints it itself. What trains stays text.
"""

import json
import re
from pathlib import Path
from typing import Any

from .pieces import BLOCK, included

DOCS = Path(__file__).parents[1]
NOTEBOOKS = {
    "first_mechanism": "first_mechanism.md",
    "your_own_game": "own_game.md",
    "compare_follower_models": "follower_models.md",
    "taxation": "taxation.md",
}


def cells(page: str) -> list[tuple[str, str]]:
    """(type, source) of each cell of a page."""
    text, found, end = included((DOCS / page).read_text(encoding="utf-8")), [], 0
    for block in BLOCK.finditer(text):
        mark = block["mark"] or ""
        if mark == "trains":
            continue
        found.append(("markdown", text[end : block.start()]))
        end = block.end()
        if block["language"] != "text":
            found.append(("code", source(block["language"], block["code"], mark)))
    return [(kind, words) for kind, each in [*found, ("markdown", text[end:])] if (words := cleaned(each))]


def source(language: str, code: str, mark: str) -> str:
    """A block as it is written in a cell."""
    if mark.startswith("saved as "):
        return f"%%writefile {mark.removeprefix('saved as ')}\n{code}"
    return re.sub(r"^\$ ", "!", code, flags=re.M) if language == "console" else code


def cleaned(text: str) -> str:
    """Without marks, without pictures, which a notebook draws itself, and without links to other pages."""
    text = re.sub(r"!\[[^\]]*\]\(static/[^)]*\)\n*", "", text)
    return re.sub(r"\[([^\]]+)\]\([\w/]+\.md\)", r"\1", re.sub(r"<!-- .*? -->\n", "", text)).strip()


def notebook(page: str) -> str:
    """The notebook of a page, without outputs."""
    made: list[dict[str, Any]] = []
    for place, (kind, text) in enumerate(cells(page)):
        cell = {"cell_type": kind, "id": f"cell-{place}", "metadata": {}, "source": text}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, guide in NOTEBOOKS.items():
        (DOCS / "notebooks" / f"{name}.ipynb").write_text(notebook(guide), encoding="utf-8")
