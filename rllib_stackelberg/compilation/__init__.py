"""Compiled functions that are kept between processes.

`kept` decorates what Python calls: a loop, with all that it calls in turn. What only compiled code calls is numba's
plain `njit`, and is kept as a part of the loops that it is compiled into.
"""

from rllib_stackelberg.compilation.cache import has_kept, kept
from rllib_stackelberg.compilation.folder import cache_folder, unwritable

__all__ = ["cache_folder", "has_kept", "kept", "unwritable"]
