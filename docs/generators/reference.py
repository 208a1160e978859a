"""The reference: a page for what the package hands out, and pages for packages, from docstrings.

Of packages those that people import from. Games have their own pages, commands explain themselves (`--help`), what
trains is RLlib's but for `leader_config` and `train`, and the rest is the project's own.
"""

import ast
from pathlib import Path

import rllib_stackelberg

from .architecture import said_of
from .markdown import contents, deeper, table

HEAD = """# Reference

From the docstrings of the code. First what the package itself hands out; then the packages that people import
from, module by module. [Architecture](../../architecture.md) lists all of them.

"""
PACKAGES = (
    *("aec", "commitment", "economics", "errors", "evaluation", "followers", "formats", "leader", "learning", "online"),
    *("populations", "response", "rules", "solvers", "testing", "trees"),
)
COMPILED = ("_engine", "_loops")
"""How modules end that hold nothing but compiled loops."""
HOME = Path(rllib_stackelberg.__file__).parent


def face() -> str:
    """Everything in `rllib_stackelberg.__all__`, by the module that it stands in."""
    parts = ["# rllib_stackelberg\n\n`from rllib_stackelberg import ...` gives each of these.\n"]
    for module, names in rllib_stackelberg._PLACES.items():
        directives = "\n\n".join(f".. {directive(name)}:: rllib_stackelberg.{name}" for name in names)
        parts.append(f"## {module}\n\n```{{eval-rst}}\n{directives}\n```\n")
    return "\n".join(parts)


def directive(name: str) -> str:
    """Of Sphinx: what documents an object of that kind."""
    found = getattr(rllib_stackelberg, name)
    return "autoclass" if isinstance(found, type) else "autofunction" if callable(found) else "autodata"


def modules_of(package: str) -> list[str]:
    """The modules of a package, itself first."""
    home = HOME / package.replace(".", "/")
    name = f"rllib_stackelberg.{package}"
    if not home.is_dir():
        return [name]
    stems = [file.stem for file in sorted(home.glob("*.py")) if not file.stem.endswith(("__", *COMPILED))]
    return [name, *(f"{name}.{stem}" for stem in stems)]


def words_of(module: str) -> str:
    """A module's docstring, as Markdown."""
    path = HOME.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return deeper(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "", 2)


def package_page(package: str) -> str:
    """Its modules, one after the other; names that the package only passes on are told where they are made."""
    parts = [f"# {package}\n\n{said_of(package)}\n"]
    modules = modules_of(package)
    for module in modules[1:] or modules:
        short = module.removeprefix("rllib_stackelberg.")
        parts.append(f"## {short}\n\n{words_of(module)}\n\n```{{eval-rst}}\n.. automodule:: {module}\n```\n")
    return "\n".join(parts)


def modules_counted(package: str) -> int:
    """How many modules it has, its face aside."""
    return max(len(modules_of(package)) - 1, 1)


def pages() -> dict[str, str]:
    """All of it."""
    rows = [(f"[`{each}`]({each}.md)", said_of(each), str(modules_counted(each))) for each in PACKAGES]
    listed = table(("package", "what it is", "modules"), rows)
    first = "- [`rllib_stackelberg`](face.md): what the package hands out\n\n"
    index = HEAD + first + listed + "\n" + contents(["face", *PACKAGES])
    return {
        "reference/index.md": index,
        "reference/face.md": face(),
        **{f"reference/{each}.md": package_page(each) for each in PACKAGES},
    }
