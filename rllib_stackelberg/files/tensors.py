"""Arrays from safetensors that may be anybody's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from rllib_stackelberg.files.documents import BrokenDocumentError, shortened

# Of a policy; the first is what training writes.
REAL = (np.dtype(np.float32), np.dtype(np.float64))


def arrays(content: bytes) -> dict[str, NDArray]:
    """The arrays of a safetensors file, by name.

    Raises:
        BrokenDocumentError: it is none, or holds a kind of number that NumPy has not.
    """
    try:
        found: dict[str, NDArray] = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        raise BrokenDocumentError(f"no safetensors ({shortened(repr(error), 200)})") from error
    return found


def refuse_unreal(named: dict[str, NDArray]) -> None:
    """Refuse what is not finite, or no real number of single or double precision.

    Raises:
        BrokenDocumentError: naming the array.
    """
    for name, array in named.items():
        if array.dtype not in REAL:
            raise BrokenDocumentError(f"{shortened(name)} has numbers of kind {array.dtype}, not float32 or float64")
        if not np.isfinite(array).all():
            raise BrokenDocumentError(f"{shortened(name)} has entries that are not finite")
