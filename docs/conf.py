"""The documentation: `python -m sphinx -W docs docs/_build/html`, without a network.

Furo and MyST, as Gymnasium's and PettingZoo's documentation has them: the readers of this one come from there. Pages on
games, learners, results, the reference and the architecture are generated from the code and from recorded files
(docs/generators), so nothing on them is typed by hand.
"""

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

from generators import write_pages  # noqa: E402

import rllib_stackelberg  # noqa: E402

project = "rllib-stackelberg"
author = "The rllib-stackelberg developers"
copyright = author
version = release = rllib_stackelberg.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
# Both commands of the README are parts of pages, and no pages.
exclude_patterns = ["_build", "generators", "templates", "generated/commands/main.md", "generated/commands/test.md"]
suppress_warnings = ["ref.python"]  # attributes of several classes have one name: a word of a docstring may mean any

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 100
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False

html_theme = "furo"
html_title = f"rllib-stackelberg {version}"
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"  # every browser shows it, and no page asks the network for a script
html_show_sourcelink = False
html_copy_source = False

write_pages(DOCS / "generated")


def show_math(writer: Any, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML."""
    block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=block)
    writer.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def made_plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: those of modules stand on generated pages, and |x| is no substitution."""
    kept = [] if what == "module" else lines
    lines[:] = [line if ">>>" in line or "`" in line else line.replace("|", r"\|") for line in kept]


ARRAY = re.compile(
    r"~?(?:numpy\.)?ndarray\[~?(?:builtins\.)?tuple\[~?(?:typing\.)?Any, \.\.\.\], ~?(?:numpy\.)?dtype\[([^\]]*)\]\]"
)
"""What numpy makes of `NDArray[...]`."""


def arrays_by_name(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """A signature and what it returns, with arrays as they are written: `NDArray[float64]`, `NDArray` of any kind."""

    def named(part: str | None) -> str | None:
        return part and re.sub(r"\[~?[\w.]*_ScalarT\]", "", ARRAY.sub(r"NDArray[\1]", part))

    return named(signature), named(returns)


def setup(app: Any) -> None:
    """Tell Sphinx how formulas, modules and signatures are shown."""
    app.connect("autodoc-process-docstring", made_plain)
    app.connect("autodoc-process-signature", arrays_by_name)
    app.add_html_math_renderer("mathml", (show_math, None), (show_math, None))
