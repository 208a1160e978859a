"""Arrows point one way; importing the package is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rllib_stackelberg

ROOT = Path(rllib_stackelberg.__file__).parent.parent
PLATFORM = [p for p in (ROOT / "rllib_stackelberg").rglob("*.py") if "envs" not in p.relative_to(ROOT).parts]
GAMES = sorted((ROOT / "envs").glob("*.py"))
HEAVY = {"ray", "torch"}


def imported(path: Path) -> set[str]:
    """Modules a file imports when it is imported; what is inside functions is not counted."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), set()
    nodes = list(tree.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.If | ast.Try) and "TYPE_CHECKING" not in ast.dump(node):
            nodes += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("path", [p for p in PLATFORM if "training" not in p.parts] + GAMES, ids=lambda p: p.name)
def test_ray_and_torch_stay_under_training(path):
    assert not {module.split(".")[0] for module in imported(path)} & HEAVY
    allowed = path.name == "__init__.py" and path.parent.name == "rllib_stackelberg"
    assert allowed or not any(module.startswith("rllib_stackelberg.training") for module in imported(path))


@pytest.mark.parametrize("path", PLATFORM, ids=lambda p: p.name)
def test_the_platform_names_no_game(path):
    modules = imported(path)
    assert not any(module.startswith("rllib_stackelberg.envs.") for module in modules)
    assert not any(module.rpartition(".")[2] == "cli" for module in modules) or path.name == "__main__.py"
    assert not any(module.startswith("tuned_examples") for module in modules)
    text = path.read_text(encoding="utf-8").lower()
    named = [
        name for name in ("maintain_v0", "bimatrix_v0", "matrix_design_v0", "simple_allocation_v0") if name in text
    ]
    assert not named


@pytest.mark.parametrize("path", GAMES, ids=lambda p: p.name)
def test_games_use_relative_or_full_imports(path):
    assert not any(module == "envs" or module.startswith("envs.") for module in imported(path))


def test_importing_the_package_loads_neither_ray_nor_torch_nor_a_game():
    code = (
        "import sys, rllib_stackelberg, rllib_stackelberg.cli;"
        "from rllib_stackelberg import *; assert callable(leader_config) and callable(train) and callable(certify);"
        "bad = [m for m in sys.modules if m in ('ray', 'torch') or m.endswith('_v0')];"
        "print(bad); sys.exit(bool(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def compiled_functions(path: Path, decorators: set[str]) -> list[ast.FunctionDef]:
    """The functions of a file that numba compiles: those with one of the decorators."""
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    return [f for f in functions if {ast.unparse(d).partition("(")[0] for d in f.decorator_list} & decorators]


def test_compiled_code_that_is_kept_calls_no_other_file():
    """numba's cache looks at a function's own file alone: it would go on with the old code of the others."""
    files = {path: {function.name for function in compiled_functions(path, {"njit", "kept"})} for path in PLATFORM}
    compiled = set().union(*files.values())
    kept = [(path, function) for path in PLATFORM for function in compiled_functions(path, {"kept"})]
    assert len(kept) > 10
    for path, function in kept:
        named = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
        assert not named & compiled - files[path], function.name
