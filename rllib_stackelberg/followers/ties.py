"""Which of a learner's actions are tied; what followers do then is a rule of its own (rules/ties.py)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.followers.learner import argmax_play
from rllib_stackelberg.followers.simplex import TIE


def equally_good(judged: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which actions are tied (within `followers.simplex.TIE`) for the largest number: `[..., actions]`.

    >>> equally_good(np.array([[.5, .5], [.4, .6]])).tolist()
    [[True, True], [False, True]]
    """
    best = judged.max(axis=-1, keepdims=True)
    return np.asarray(judged >= best - TIE * np.abs(best))


def argmax_policy(policy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Argmax play of a mixed strategy: its most likely action, the lowest of tied ones; `[..., actions]`.

    >>> argmax_policy(np.array([.4, .4, .2])).tolist()
    [1.0, 0.0, 0.0]
    """
    return np.eye(policy.shape[-1])[argmax_play(policy)]
