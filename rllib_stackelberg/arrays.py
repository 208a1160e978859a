"""The arrays that are handed around, by what they hold. Shapes stand where they are used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
"""Places in something else: rows, episodes, actions."""

Numbers = NDArray[np.float64]
"""Quantities: payoffs, probabilities, actions in the game's units."""

Flags = NDArray[np.bool_]
"""What is so, and what is not."""

Arrays = dict[str, NDArray]
"""Columns by name."""
