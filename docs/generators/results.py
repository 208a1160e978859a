"""Pages of recorded results: the tables and figures that scripts wrote, as they wrote them."""

import ast
from pathlib import Path

from rllib_stackelberg.experiments.paper import TABLES

from .markdown import contents, deeper

ROOT = Path(__file__).parents[2]
RESULTS, FIGURES = ROOT / "tuned_examples" / "results", ROOT / "tuned_examples" / "figures"
AGAIN = "tuned_examples/figures/draw_again.py"
UP = "../../../tuned_examples"
SHORT = {"lnpg": "LNPG"}
"""Words of file names that are written otherwise."""

HEAD = """# Results

Every page below shows files that a command wrote. No number on them was typed by hand: each page says which command
writes it again. [What was measured](../../measured/index.md) has more, with words.

arm
: One way to do it, such as one way to train. Arms of a table have the same seeds and the same game.

instance
: A game with its parameters.

asked once
: The leader is asked each distinct question once per episode; the [paper](../../paper.md) asks at every turn.

Stackelberg POMDP, Basic POMDP
: The leader learns from all of an episode, or only from the phase in which it is paid.

MAPPO, PPO
: The critic sees the followers' state (a central critic), or only what the leader sees.

no gain from deviating
: In how many seeds no follower could gain by leaving the reported play.

released code, as recorded
: What somebody measured earlier with the code that was released with the paper. It was not run again here.

"""


def title_of(text: str) -> str:
    """Of a table that starts with a heading."""
    return text.partition("\n")[0].lstrip("# ")


def table_page(file: Path) -> str:
    """A recorded table, its figures before its rows."""
    text = file.read_text(encoding="utf-8")
    body = deeper(text.partition("\n")[2], 1)
    pictures = [f"![{title_of(text)}: {each.stem}]({UP}/results/{each.name})\n" for each in figures_of(file.stem)]
    again = f"\nWritten by `rllib-stackelberg reproduce {file.stem}`.\n" if file.stem in known() else ""
    words, bar, rows = body.partition("\n|")
    return f"# {title_of(text)}\n{again}{words}\n" + "\n".join(pictures) + f"{bar}{rows}\n"


def known() -> set[str]:
    """Tables of `rllib-stackelberg reproduce`."""
    return {each.name for each in TABLES}


def figures_of(stem: str) -> list[Path]:
    """Figures of one table, by name."""
    return sorted(RESULTS.glob(f"{stem}-*.svg"))


def script_of(figure: Path) -> Path | None:
    """The script that draws it: the one whose name the figure's begins with, or that speaks of the figure."""
    scripts = sorted((ROOT / "tuned_examples").rglob("*.py"), key=lambda each: -len(each.stem))
    named = [each for each in scripts if figure.stem.startswith(each.stem)]
    speaking = [each for each in scripts if figure.stem in each.read_text(encoding="utf-8")]
    return next(iter(named + speaking), None)


def figure_page() -> str:
    """All figures that stand apart from tables, under the script that measures them, with what it says."""
    parts = [
        "# Figures\n\nEach stands with the words of the script that measures and draws it.\n\n"
        f"`python {AGAIN}` draws all of them again, from recorded numbers.\n"
    ]
    drawn: dict[Path, list[Path]] = {}
    for figure in sorted(FIGURES.glob("*.svg")):
        script = script_of(figure)
        assert script, f"no script draws {figure.name}"
        drawn.setdefault(script, []).append(figure)
    for script, figures in drawn.items():
        title = " ".join(SHORT.get(word, word) for word in script.stem.split("_"))
        pictures = "\n\n".join(f"![{each.stem}]({UP}/figures/{each.name})" for each in figures)
        words = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
        parts.append(f"## {title[:1].upper()}{title[1:]}\n\n{pictures}\n\n{deeper(words, 2)}\n")
    return "\n".join(parts)


def pages() -> dict[str, str]:
    """A page for every table, one for figures, and one that lists them."""
    files = sorted(RESULTS.glob("*.md"))
    made = {f"results/{file.stem}.md": table_page(file) for file in files}
    rows = [f"- [{title_of(file.read_text(encoding='utf-8'))}]({file.stem}.md)" for file in files]
    rows.append("- [Figures](figures.md)")
    names = [*(file.stem for file in files), "figures"]
    return made | {
        "results/figures.md": figure_page(),
        "results/index.md": HEAD + "\n".join(rows) + "\n\n" + contents(names),
    }
