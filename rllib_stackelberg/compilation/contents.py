"""What a compiled function is made of, as a hash: its own code, and that of everything it calls, however far down.

Code is compared as Python compiles it: a comment changes nothing, a constant in another file does. It need not lie in a
file, so functions of a notebook have a hash, too. What cannot be told for sure has none.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
from collections.abc import Iterable
from types import CodeType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba.core import types
from numba.core.dispatcher import Dispatcher

LIBRARIES = ("builtins", "math", "numba", "numpy")
"""Known by their versions: what is theirs is told by its name."""

_hashes: WeakKeyDictionary[Dispatcher, str] = WeakKeyDictionary()
"""Of functions as they were when they were first compiled: numba does not see a constant change afterwards."""


class UnknownContentError(Exception):
    """Something that a compiled function uses can change without our seeing it."""


def dispatcher_of(function: Any) -> Any:
    """What numba made, or makes now, of a function that was to be compiled later; anything else as it is."""
    kind = getattr(function, "_numba_type_", None)
    return kind.dispatcher if isinstance(kind, types.Dispatcher) else function


def content_of(function: Any, callers: tuple[Dispatcher, ...] = ()) -> str:
    """Hash of a compiled function, its options, and all that it uses.

    Args:
        function: as numba's decorator returns it, or ours.
        callers: of whose content this is a part.

    Raises:
        UnknownContentError: It uses what cannot be told by its content.
    """
    function = dispatcher_of(function)
    if function in callers:
        if function is not callers[-1]:
            raise UnknownContentError(f"{function} and others call each other")
        return "itself"
    if function not in _hashes:
        options = sorted((name, repr(value)) for name, value in function.targetoptions.items())
        parts = (options, repr(function.locals), _function(function.py_func, (*callers, function)))
        _hashes[function] = hashlib.sha256(repr(parts).encode()).hexdigest()
    return _hashes[function]


def content_of_type(given: types.Type) -> Any:
    """What an argument's type says, with the functions that it brings along and the names of its fields.

    Raises:
        UnknownContentError: A kind of type whose name does not tell everything.
    """
    if isinstance(given, types.Dispatcher):
        return content_of(given.dispatcher)
    if isinstance(given, types.BaseTuple):
        kind = getattr(given, "instance_class", tuple)
        return _class(kind), [content_of_type(part) for part in given.types]
    if isinstance(given, types.Array):
        content_of_type(given.dtype)
        return str(given)
    if isinstance(given, types.Number | types.Boolean | types.NoneType | types.Omitted | types.IntegerLiteral):
        return str(given)
    raise UnknownContentError(f"an argument of type {given}")


def _function(function: Any, callers: tuple[Dispatcher, ...]) -> Any:
    """A Python function: its code, its defaults, and the values of the names in it."""
    code = function.__code__
    try:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError as empty:
        raise UnknownContentError(f"{function} names what is not there yet") from empty
    known = function.__globals__
    names = sorted({i.argval for part in _codes(code) for i in dis.get_instructions(part) if i.opname in GLOBAL})
    attributes = sorted({name for part in _codes(code) for name in part.co_names})
    return (
        function.__qualname__,
        _code(code),
        _value(function.__defaults__, attributes, callers),
        [(name, _value(known[name], attributes, callers)) for name in names if name in known],
        [_value(cell, attributes, callers) for cell in cells],
    )


GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
FLAGS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR
"""Of a function's arguments and kind; numba changes others while a profiler looks."""


def _codes(code: CodeType) -> Iterable[CodeType]:
    """A function's code, and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _code(code: CodeType) -> Any:
    constants = [_code(c) if isinstance(c, CodeType) else _constant(c) for c in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    arguments = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & FLAGS)
    return code.co_code, code.co_exceptiontable, arguments, names, constants


def _constant(value: Any) -> Any:
    """Python may write a set in another order in every process."""
    if isinstance(value, frozenset):
        return "set", sorted(map(repr, value))
    return [_constant(part) for part in value] if isinstance(value, tuple) else (type(value).__name__, repr(value))


def _value(value: Any, attributes: Iterable[str], callers: tuple[Dispatcher, ...]) -> Any:
    """Of a name: a function, a constant, or of a module what could be meant by the attributes that the code names."""
    value = dispatcher_of(value)
    if isinstance(value, Dispatcher):
        return content_of(value, callers)
    if isinstance(value, tuple):
        return _class(type(value)), [_value(part, attributes, callers) for part in value]
    if isinstance(value, ModuleType):
        if value.__name__.partition(".")[0] in LIBRARIES:
            return value.__name__
        named = [name for name in attributes if hasattr(value, name)]
        return [(name, _value(getattr(value, name), attributes, callers)) for name in named]
    if isinstance(value, type):
        return _class(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return value.dtype.str, value.shape, value.strides, hashlib.sha256(value.tobytes()).hexdigest()
    return _plain(value)


def _plain(value: Any) -> Any:
    """What is told by its text or its name."""
    if isinstance(value, np.ufunc):
        return "numpy", value.__name__
    if isinstance(value, bool | int | float | complex | str | bytes | type(None) | np.generic):
        return type(value).__name__, repr(value)
    if isinstance(value, types.Type):
        return str(value)
    module = getattr(value, "__module__", None) or ""
    if callable(value) and module.partition(".")[0] in LIBRARIES:
        return module, value.__name__
    raise UnknownContentError(f"it uses {value!r}")


def _class(kind: type) -> Any:
    """A class by its name, and by its fields if it is a tuple with names; others have no content that we can tell."""
    fields = getattr(kind, "_fields", None)
    if fields is None and kind.__module__.partition(".")[0] not in LIBRARIES:
        raise UnknownContentError(f"it uses {kind!r}")
    return kind.__module__, kind.__qualname__, fields
