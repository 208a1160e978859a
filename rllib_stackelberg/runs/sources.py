"""Which code a game of one's own came from: the sum of the file that its class is in.

What that file imports is not looked at, and no code is kept in a run folder: code that stood there would be a
stranger's.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from functools import lru_cache
from pathlib import Path

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.registry import GameSpec, load_class
from rllib_stackelberg.runs.records import Source

PACKAGE = __name__.partition(".")[0]


def source_of(spec: GameSpec) -> Source | None:
    """The code of a game; None of one that comes with this package, whose version stands beside it."""
    return _source_of_class(load_class(spec.entry_point))


@lru_cache(maxsize=256)
def _source_of_class(cls: type) -> Source | None:
    """Read once: code that a process has imported stays as it is when somebody edits the file."""
    top = cls.__module__.partition(".")[0]
    if top == PACKAGE:
        return None
    file = inspect.getsourcefile(cls)
    content = Path(file).read_bytes() if file else b""
    version = getattr(sys.modules.get(top), "__version__", None)
    return Source(
        module=cls.__module__,
        sha256=hashlib.sha256(content).hexdigest(),
        version=version if isinstance(version, str) else None,
    )


def refuse_other_source(recorded: Source | None, spec: GameSpec) -> None:
    """Refuse a game whose code is not that of the run.

    Raises:
        InvalidFieldError: the module's file has changed since, or it is another.
    """
    if recorded is None:
        return
    found = source_of(spec)
    if found is None or found.sha256 != recorded.sha256:
        was = f"{recorded.module} {recorded.version or ''}".strip()
        problem = f"the code of {spec.id} is not that of the run ({was}, SHA-256 {recorded.sha256[:12]}...)"
        raise InvalidFieldError("game", problem, "the module as it was when the run was trained; or train anew")
