"""How abilities change from year to year, and who is a super-star.

Every household has an ordinary ability: log e' = .982 log e + .2 N(0, 1). An ordinary household becomes a super-star
with probability 2.2e-6; a super-star remains one with probability .99; its ordinary ability is out of use meanwhile.
A super-star has 504.3 times the mean, this very year, of those who are none (stars would set their own height); one
that falls back gets an ordinary ability uniform between the least and the largest of those who were none and are
none. Where nobody is left to compare with, all ordinary abilities are. One uniform says whether a household rises or
falls, and where it lands. Source: Mi et al. 2025, arXiv 2403.12093.
"""

from __future__ import annotations

import numpy as np

from rllib_stackelberg.arrays import Flags, Numbers
from rllib_stackelberg.economics.households import ABILITY_NOISE, ABILITY_PERSISTENCE, normal

STAR, STAR_BEGINS, STAR_STAYS = 504.3, 2.2e-6, 0.99


def next_abilities(log_ability: Numbers, star: Flags, uniforms: Numbers) -> tuple[Numbers, Numbers, Flags]:
    """Next year's logarithm of ordinary ability, ability as it counts, and who is a star, each `[B, N]`.

    Args:
        log_ability: of ordinary ability, and star: who is one, `[B, N]`; uniforms: `[B, N, 2]`.

    >>> nobody = np.zeros((1, 3), dtype=bool)
    >>> uniforms = np.array([[[0.5, 1e-6], [0.5, 0.5], [0.5, 0.5]]])
    >>> _, ability, star = next_abilities(np.zeros((1, 3)), nobody, uniforms)
    >>> ability.round(1).tolist(), star.tolist()
    ([[504.3, 1.0, 1.0]], [[True, False, False]])
    """
    log_ability = ABILITY_PERSISTENCE * log_ability + ABILITY_NOISE * normal(uniforms[:, :, 0])
    ordinary, chance = np.exp(log_ability), uniforms[:, :, 1]
    if chance.min() >= STAR_BEGINS and not star.any():
        return log_ability, ordinary, star.copy()
    was, star = star, chance < np.where(star, STAR_STAYS, STAR_BEGINS)
    back, compared = was & ~star, ~(was | star)
    compared |= ~compared.any(axis=1, keepdims=True)
    low = np.where(compared, ordinary, np.inf).min(axis=1, keepdims=True)
    high = np.where(compared, ordinary, 0.0).max(axis=1, keepdims=True)
    place = (chance - STAR_STAYS) / (1 - STAR_STAYS)
    ordinary = np.where(back, low + place * (high - low), ordinary)
    compared = ~star | star.all(axis=1, keepdims=True)
    mean = np.where(compared, ordinary, 0.0).sum(axis=1, keepdims=True) / compared.sum(axis=1, keepdims=True)
    return np.where(back, np.log(ordinary), log_ability), np.where(star, STAR * mean, ordinary), star
