"""The floors of the house: from the table of tests/test_imports.py, which fails where an import goes up."""

import ast
from pathlib import Path

import rllib_stackelberg

from .markdown import table

ROOT = Path(__file__).parents[2]
OUTSIDE = {"envs": ROOT / "envs"}


def floors() -> tuple[tuple[str, ...], ...]:
    """Packages from the ground up."""
    tree = ast.parse((ROOT / "tests" / "test_imports.py").read_text(encoding="utf-8"))
    (found,) = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS"
    ]
    return ast.literal_eval(found)


def said_of(package: str) -> str:
    """The first sentence of a package's docstring."""
    home = OUTSIDE.get(package, Path(rllib_stackelberg.__file__).parent / package.replace(".", "/"))
    file = home / "__init__.py" if home.is_dir() else home.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n\n")[0].replace("\n", " ")


def pages() -> dict[str, str]:
    """One table, the top floor first."""
    rows = [
        (str(floor) if not place else "", f"`{package}`", said_of(package))
        for floor, packages in reversed(list(enumerate(floors(), start=1)))
        for place, package in enumerate(packages)
        if not package.startswith("__")
    ]
    return {"architecture/floors.md": table(("floor", "package", "what it is"), rows)}
