"""The house: every module belongs to one package, and imports go down.

The table below is the plan of the house. A module that is in no package of it fails, and so does an import that goes
up or sideways, wherever in a file it stands: inside a function, or for type checkers alone. Within a package modules
import each other in one order. Importing the package is light.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import rllib_stackelberg
from rllib_stackelberg import cli, games

NAME = "rllib_stackelberg"
ROOT = Path(rllib_stackelberg.__file__).parent.parent

FLOORS = (
    ("lazy_modules",),
    ("arrays", "errors", "compilation", "rounding", "plot_backend", "terminal"),
    ("comparisons", "files"),
    ("streams", "followers"),
    ("rules", "experiments", "networks"),
    ("plays", "commitment"),
    ("aec", "economics"),
    ("trees",),
    ("formats",),
    ("response", "populations", "testing"),
    ("leader", "solvers"),
    ("envs", "evaluation", "online"),
    ("runs",),
    ("reports",),
    ("training.running",),
    ("training.leaders",),
    ("training.independent",),
    ("training.populations",),
    ("training",),
    ("learning",),
    ("commands",),
    ("cli", "__init__"),
    ("__main__",),
)
"""Packages and single modules from the ground up; each may import what stands on a lower floor."""

FLOOR = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
MOST_AT_THE_TOP = 14


def name_of(path: Path) -> str:
    """Dotted name of a file inside the package; games stand beside it in a checkout."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    parts = parts[1:] if parts[0] == NAME else parts
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)


MODULES = {name_of(path): path for folder in (NAME, "envs") for path in sorted((ROOT / folder).rglob("*.py"))}


@cache
def package_of(module: str) -> str:
    """The longest name in the table that a module belongs to; "" if there is none."""
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in FLOOR), "")


TYPES_ALONE = "TYPE_CHECKING"


@cache
def tree_of(path: Path) -> ast.Module:
    """What stands in a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def statements(body: list[ast.stmt], types: bool) -> Iterator[ast.stmt]:
    """Statements at any depth, the imports among them; without `types` not those for type checkers alone."""
    for statement in body:
        yield statement
        if types or not (isinstance(statement, ast.If) and ast.unparse(statement.test) == TYPES_ALONE):
            for field in ("body", "orelse", "finalbody", "handlers", "cases"):
                yield from statements(getattr(statement, field, []), types)


@cache
def imports_of(path: Path, types: bool = True) -> frozenset[str]:
    """Full names of what a file imports, anywhere in it."""
    found: set[str] = set()
    for node in statements(tree_of(path).body, types):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


@cache
def imported(path: Path) -> frozenset[str]:
    """Modules of the package that a file imports anywhere in it."""
    own = {name.removeprefix(f"{NAME}.") for name in imports_of(path) if name.startswith(f"{NAME}.")}
    return frozenset(name if name in MODULES else name.rpartition(".")[0] or "__init__" for name in own)


def outside(path: Path) -> set[str]:
    """Names of the other packages that a file imports when it runs."""
    return {name.partition(".")[0] for name in imports_of(path, types=False)}


def test_every_module_is_in_a_package_of_the_table():
    assert not [module for module in MODULES if not package_of(module)]


@pytest.mark.parametrize("package", FLOOR)
def test_imports_go_down(package):
    up = {
        module: others
        for module in MODULES
        if package_of(module) == package
        and (others := [other for other in imported(MODULES[module]) if not below(package_of(other), package)])
    }
    assert not up, f"what modules of {package} import that does not stand below"


def below(other: str, package: str) -> bool:
    """Whether modules of a package may import those of another one."""
    return other == package or FLOOR[other] < FLOOR[package]


@pytest.mark.parametrize("package", FLOOR)
def test_modules_of_a_package_are_not_in_a_circle(package):
    own = {module for module in MODULES if package_of(module) == package}
    assert own, f"{package} of the table is not there"
    arrows = {module: imported(MODULES[module]) & own - {module} for module in own}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as circle:
        pytest.fail(f"{circle.args[1]}")


def test_few_things_lie_at_the_top():
    files = [path for path in (ROOT / NAME).iterdir() if path.is_file()]
    assert len(files) <= MOST_AT_THE_TOP, sorted(path.name for path in files)


def test_whatever_has_a_public_name_says_what_it_is():
    """Also functions inside functions and methods of private classes, which linters leave alone."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    named = [
        (module, node)
        for module, path in MODULES.items()
        for node in statements(tree_of(path).body, types=True)
        if isinstance(node, kinds) and not node.name.startswith("_")
    ]
    assert len(named) > 1000
    assert not [f"{module}: {node.name}" for module, node in named if ast.get_docstring(node) is None]


def test_ray_and_torch_stay_under_training():
    modules = [module for module in MODULES if not module.startswith("training")]
    assert not [module for module in modules if outside(MODULES[module]) & {"ray", "torch"}]


def test_what_the_package_hands_out_is_where_types_say_it_is():
    (block,) = [
        node
        for node in ast.parse(MODULES["__init__"].read_text()).body
        if ast.unparse(node).startswith("if TYPE_CHECKING")
    ]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    said = {alias.name: node.module.removeprefix(f"{NAME}.") for node in imports for alias in node.names}
    assert said == rllib_stackelberg._MODULE_OF
    assert set(said) == set(rllib_stackelberg.__all__)
    assert all(getattr(rllib_stackelberg, name) is not None for name in said)
    assert not hasattr(rllib_stackelberg, "nothing")


def test_every_command_is_registered_by_the_module_that_is_loaded_for_it():
    found = {command.callback.__name__: command.callback.__module__ for command in cli.app.registered_commands}
    said = {name: f"{NAME}.commands.{module}" for module, names in cli.MODULES.items() for name in names}
    assert found == said


def test_solvers_of_scipy_are_loaded_where_they_are_used():
    """By `LazyModule`: most commands need none, and scipy.optimize takes as long to load as numpy and numba do."""
    assert not [module for module in MODULES if "scipy" in outside(MODULES[module])]


def test_numba_is_loaded_where_something_is_compiled():
    """By `compilation`, whose `njit` and `kept` make a function when it is first used."""
    modules = [module for module in MODULES if "numba" in outside(MODULES[module])]
    assert {package_of(module) for module in modules} == {"compilation"}


def test_trackers_are_loaded_by_nobody():
    """Who logs to them has them; `training.running.tracking` finds those that are there."""
    told = {module: {name.partition(".")[0] for name in imports_of(path)} for module, path in MODULES.items()}
    assert not [module for module, names in told.items() if names & {"mlflow", "wandb"}]


def test_one_file_knows_pygambit_and_loads_it_late():
    assert not [module for module in MODULES if "pygambit" in outside(MODULES[module])]
    named = [module for module in MODULES if 'import_module("pygambit' in MODULES[module].read_text(encoding="utf-8")]
    assert named == ["formats.gambit"]


def test_the_platform_names_no_game():
    files = {path.stem for path in (ROOT / "envs").glob("*_v*.py")}
    assert len(files) >= 10
    assert len(games()) >= len(files)
    for module in (module for module in MODULES if not module.startswith("envs")):
        assert not any(other.startswith("envs.") for other in imported(MODULES[module])), module
        text = MODULES[module].read_text(encoding="utf-8")
        assert not [name for name in files if name in text], module


def test_games_know_their_folder_by_the_packages_name():
    modules = [module for module in MODULES if module.startswith("envs")]
    assert len(modules) >= 10
    assert not [module for module in modules if "envs" in outside(MODULES[module])]


SLOW = {"ray", "torch", "scipy.optimize", "scipy.sparse", "scipy.special", "scipy.stats", "matplotlib", "jinja2"}
"""Libraries that take long to load; programmes and figures need some."""
LOOPS, ENVIRONMENTS, OWN = {"numba"}, {"pettingzoo"}, {"gymnasium", f"{NAME}.followers", f"{NAME}.solvers"}
GAMES = {name for name in MODULES if name.startswith("envs.")}

LOADS = {
    "": SLOW | LOOPS | ENVIRONMENTS | OWN | {"rich.markdown"},
    "--help": SLOW | LOOPS | ENVIRONMENTS | OWN | {"rich.markdown"},
    "--version": SLOW | LOOPS | ENVIRONMENTS | OWN | {"rich.markdown"},
    "games": SLOW | LOOPS | ENVIRONMENTS | OWN | {"rich.markdown", *(f"{NAME}.{game}" for game in GAMES)},
    "games message-spm": SLOW | LOOPS | ENVIRONMENTS,
    "solve escape": SLOW | LOOPS | ENVIRONMENTS | {f"{NAME}.leader", f"{NAME}.online"},
    "solve message-spm types=2 messages=2": {"ray", "torch", "matplotlib", "jinja2", "pettingzoo"},
}
"""What commands do without, and all that are above them; tests/runs/test_doctor.py says it of the doctor."""

IN_TURN = """
import sys
from rllib_stackelberg import cli

print("loaded", *sys.modules, flush=True)
for command in sys.argv[1:]:
    sys.argv[1:] = command.split()
    try:
        cli.main()
    except SystemExit as ended:
        assert not ended.code or not command, command
    print("loaded", *sys.modules, flush=True)
"""


@pytest.fixture(scope="module")
def loaded():
    """What a process has loaded that imports the package, and after each of the commands that it runs then."""
    arguments = [sys.executable, "-c", IN_TURN, *LOADS]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, check=False)
    said = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("loaded ")]
    assert len(said) == len(LOADS) + 1, done.stderr
    return {command: set(modules) for command, modules in zip(("import", *LOADS), said, strict=True)}


def test_importing_the_package_loads_neither_ray_nor_torch_nor_a_game(loaded):
    assert not [module for module in loaded["import"] if module in ("ray", "torch") or module.endswith("_v0")]
    assert f"{NAME}.cli" in loaded["import"]


@pytest.mark.parametrize("command", LOADS)
def test_a_command_loads_nothing_that_it_does_without(loaded, command):
    assert NAME in loaded[command]
    assert loaded[command] & LOADS[command] == set()


GROUND = {"arrays", "comparisons", "compilation", "errors", "files", "lazy_modules", "rounding"}
LIGHT = GROUND | {"commitment", "economics", "envs", "experiments", "formats", "plays", "rules", "trees"}
"""Packages that a game's file may load."""


def test_a_games_file_loads_rules_and_economics_alone():
    """The package's own face aside: neither learners nor what plays games to them."""
    games = [f"{NAME}.{module}" for module in MODULES if module.startswith("envs.")]
    code = f"""
import importlib, sys, types
face = types.ModuleType({NAME!r})
face.__path__ = [{str(ROOT / NAME)!r}, {str(ROOT)!r}]
sys.modules[{NAME!r}] = face
for game in {games!r}:
    importlib.import_module(game)
print(*[module for module in sys.modules if module.startswith({NAME!r})])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = {module.removeprefix(NAME).removeprefix(".") for module in done.stdout.split()}
    assert set(MODULES) & loaded >= {game.removeprefix(f"{NAME}.") for game in games}
    assert not {module for module in loaded if module and package_of(module) not in LIGHT}
