"""An exponential that a processor can take of many numbers at once.

The one of C's library is called for one number at a time, and was most of what an update of learners with exponential
weights costs. This one is additions and multiplications alone, so that a compiled loop over an array works through as
many numbers side by side as the processor's registers hold, and gives the same bits whether it does or not.

exp(x) = 2^n exp(r) with n = x / ln 2, rounded, and |r| <= ln(2) / 2: the Taylor polynomial of degree 13 leaves out at
most 4e-18 of exp(r). n ln 2 is taken off in two parts (Cody & Waite 1980), the first of which is exact.
"""

from __future__ import annotations

import math

import numpy as np

from rllib_stackelberg.compilation import kernel

PER_LN_2 = 1 / math.log(2)
LN_2 = float.fromhex("0x1.62e42fee00000p-1")
"""Its first 33 bits: times a whole number of at most 20 bits it is exact."""
REST_OF_LN_2 = float.fromhex("0x1.a39ef35793c76p-33")
WHOLE = 1.5 * 2.0**52
"""A number added to it is rounded to a whole one, which stands in the last bits."""
LOWEST = -708.0
"""Below it exp(x) is less than the least number of full precision, 2e-308, and counts as 0."""
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = (1 / math.factorial(k) for k in range(2, 14))


@kernel(error_model="numpy")
def exponential(x):
    """exp(x) of a number of at most 709, within 2 units in the last place; 0 below -708.

    >>> exponential(0.0), exponential(-1000.0)
    (1.0, 0.0)
    >>> exponential(-1.0) / math.exp(-1) - 1
    0.0
    """
    low = x < LOWEST
    given = LOWEST if low else x
    rounded = np.float64(given * PER_LN_2 + WHOLE)
    n = rounded - WHOLE
    r = (given - n * LN_2) - n * REST_OF_LN_2
    s = r * r
    q = s * s
    near = (C2 + r * C3) + s * (C4 + r * C5)
    far = (C6 + r * C7) + s * (C8 + r * C9)
    farthest = (C10 + r * C11) + s * (C12 + r * C13)
    power = np.int64((rounded.view(np.int64) + 1023) << 52).view(np.float64)
    return 0.0 if low else (1.0 + (r + s * (near + q * (far + q * farthest)))) * power
