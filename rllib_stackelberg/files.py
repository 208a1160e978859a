"""Files that are either whole or not there."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary sibling, flush it to disk, and move it in place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_fields(field: str, file: Path, *names: str) -> tuple[Any, ...]:
    """Named entries of a JSON file given for a parameter.

    Raises:
        InvalidFieldError: naming the parameter, if the file cannot be read or lacks an entry.
    """
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
        return tuple(content[name] for name in names)
    except OSError as error:
        raise InvalidFieldError(field, f"cannot read {file} ({error.strerror})", "an existing JSON file") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFieldError(field, f"{file}: {error!r}", f"JSON with {' and '.join(names)}") from error


def to_json(value: Any) -> str:
    """Strict JSON: NaN and infinities become null."""
    return json.dumps(_finite(value), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.item() if type(value).__module__ == "numpy" else value
