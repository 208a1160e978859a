"""What is made of a function that is to be kept, and numba's place for a cache filled with ours.

Numba's own cache sees changes in a function's file alone, knows functions that are handed over as arguments by nothing
that another process would recognise, and numbers its files, so that two processes may write under the same number.
Here one file holds one function for arguments of one kind. Its name is a hash of all that its machine code depends on:
what the function and its callees say (contents.py), the types of its arguments, the processor, numba's settings, and
the versions of what took part.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import logging
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any

import llvmlite
import numba
import numpy as np
from numba import njit
from numba.core import bytecode, config, serialize, sigutils, typing
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys

from rllib_stackelberg.compilation import folder
from rllib_stackelberg.compilation.contents import UnknownContentError, content_of, content_of_type, dispatcher_of

FORMAT = 1
VERSIONS = (FORMAT, sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__)
SETTINGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "ENABLE_AVX")

log = logging.getLogger(__name__)

# Compiled functions meet in one process with others that were compiled elsewhere, and the linker knows them by name and
# number alone. Numba counts from 1 in every process; two functions of one name could have the same number.
bytecode.FunctionIdentity._unique_ids = itertools.count(int.from_bytes(os.urandom(6)))


def kept(function: Callable, **options: Any) -> Any:
    """What `compilation.kept` makes of a function, with the same arguments."""
    compiled = njit(**options)(function)
    if isinstance(compiled, Dispatcher):  # NUMBA_DISABLE_JIT hands the function back
        compiled._cache = Cache(compiled)
    return compiled


def load() -> None:
    """Make numba ready to compile, and to take what is kept."""
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def has_kept(function: Any, *arguments: Any) -> bool:
    """Whether a function need not be compiled for such arguments: it has been, in this process or another."""
    function = dispatcher_of(function)
    if not isinstance(function, Dispatcher):
        return True
    kinds = tuple(map(numba.typeof, arguments))
    if kinds in function.overloads:
        return True
    name = file_name(function, kinds, function.targetctx)
    return name is not None and folder.has(name)


def file_name(function: Dispatcher, kinds: tuple, context: Any) -> str | None:
    """What a function compiled for arguments of such types is kept under; None if it cannot be kept."""
    try:
        content = content_of(function), [content_of_type(kind) for kind in kinds]
    except UnknownContentError as unknown:
        log.info("%s is compiled in every process: %s", function.py_func.__qualname__, unknown)
        return None
    machine = context.codegen().magic_tuple()
    settings = [repr(getattr(config, name, None)) for name in SETTINGS]
    whole = repr((VERSIONS, machine, settings, content))
    return f"{function.py_func.__name__}-{hashlib.sha256(whole.encode()).hexdigest()[:40]}"


class Cache:
    """What a dispatcher asks before and tells after it compiles, as numba's `_Cache`."""

    cache_path = None  # shown by numba's statistics

    def __init__(self, function: Dispatcher):
        self.function = function

    def load_overload(self, signature: Any, context: Any) -> CompileResult | None:
        """The function compiled for a signature, if it is kept."""
        kinds, _ = sigutils.normalize_signature(signature)
        name = file_name(self.function, kinds, context)
        content = folder.read(name) if name is not None else None
        if content is None:
            return None
        # Not all that numba compiles with (`context.refresh()`, .2 s): what machine code calls is numba's runtime, and
        # what the modules provide that its parts come from, which numba loads with it.
        rtsys.initialize(context)
        try:
            return _loaded(pickle.loads(content), kinds, context)
        except Exception as error:
            log.info("%s is compiled anew: %s", name, error)
            return None

    def save_overload(self, signature: Any, result: CompileResult) -> None:
        """Keep what has been compiled, if it can be."""
        kinds, _ = sigutils.normalize_signature(signature)
        name = file_name(self.function, kinds, result.target_context)
        if name is None or result.objectmode or result.lifted or result.library.has_dynamic_globals:
            return
        try:
            content = serialize.dumps(_saved(result))
        except Exception as error:
            log.info("%s is compiled in every process: %s", name, error)
            return
        folder.write(name, content)

    def flush(self) -> None:
        """Nothing is kept that another signature could not use."""


def _saved(result: CompileResult) -> tuple:
    """What numba's own cache saves, without the types of the arguments: these name functions of this process."""
    library, descriptor, environment, signature, *rest = result._reduce()
    descriptor = copy.copy(descriptor)
    descriptor.argtypes = ()
    return (library, descriptor, environment, signature.return_type, *rest)


def _loaded(saved: tuple, kinds: tuple, context: Any) -> CompileResult:
    """The inverse, for types that name functions of this process."""
    library, descriptor, environment, returned, *rest = saved
    descriptor.argtypes = kinds
    signature = typing.signature(returned, *kinds)
    return CompileResult._rebuild(context, library, descriptor, environment, signature, *rest)
