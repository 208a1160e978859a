"""Modules that hold a person's own games: by name, "package.module", or by file, "../games/toll.py"."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

SUFFIX = ".py"
PLATFORM = Path(__file__).parent
PACKAGE = __name__.partition(".")[0]


def located(game: str) -> str:
    """A game's name that means the same in every working directory: a file's path becomes absolute.

    >>> located("escape"), located("package.module:Game")
    ('escape', 'package.module:Game')
    """
    place, _, name = game.rpartition(":")
    return f"{Path(place).expanduser().resolve()}:{name}" if place.endswith(SUFFIX) else game


def told(error: BaseException) -> str:
    """An error of a game's own code in one line, with the place in its file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if PLATFORM not in Path(f.filename).parents and "site-packages" not in f.filename]
    own = [f for f in own if not f.filename.startswith("<") and Path(f.filename).parent.name != "importlib"]
    at = f" ({Path(own[-1].filename).name}, line {own[-1].lineno}, in {own[-1].name})" if own else ""
    return f"{type(error).__name__}: {error}{at}"


def load_module(place: str) -> ModuleType:
    """Import a module by name, where the working directory is searched too, or from a file.

    Raises:
        ImportError: there is none; whatever else the module itself raises.
    """
    if place.endswith(SUFFIX):
        return _load_file(Path(place).expanduser().resolve())
    if place.partition(".")[0] != PACKAGE:  # else what lies in the working directory could stand for a missing package
        _search(Path.cwd())
    return importlib.import_module(place)


def _load_file(file: Path) -> ModuleType:
    """The module of a file, with its neighbours importable, as when Python runs the file."""
    if not file.is_file():
        raise ImportError(f"there is no file {file}")
    root, name = _package(file)
    _search(root)
    if _taken(name, file):
        name = f"{name}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if "." in name:
        importlib.import_module(name.rpartition(".")[0])
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _package(file: Path) -> tuple[Path, str]:
    """The folder that the file is imported from, and its dotted name there: packages have an __init__.py."""
    root, parts = file.parent, [file.stem]
    while (root / "__init__.py").exists():
        root, parts = root.parent, [root.name, *parts]
    return root, ".".join(parts)


def _taken(name: str, file: Path) -> bool:
    """Whether that name is another module's (Python's own `queue`, or a file of the same name elsewhere)."""
    known = sys.modules.get(name)
    if known is not None:
        origin = getattr(known, "__file__", None)
    else:
        found = None if "." in name else importlib.util.find_spec(name)
        if found is None:
            return False
        origin = found.origin
    return origin is None or Path(origin).resolve() != file


def _search(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
