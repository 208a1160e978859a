"""What is known of demand: ridge regression on (1, -price), and the ellipsoid in which the truth lies.

With V = ridge I + sum x x' and noise of standard deviation sigma, (theta - estimate)' V (theta - estimate) is at most
radius^2 at all times with probability 1 - delta, where radius = sigma sqrt(2 ln(1 / delta) + ln(det V / ridge^2)) +
sqrt(ridge) b and b bounds the distance of theta from where the regression is pulled to (Abbasi-Yadkori et al. 2011). It
is pulled to the middle of what the ranges of actions allow: demand at price 0 is at most the order cap, at the price
cap at least 0.
"""

from __future__ import annotations

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.economics.newsvendor import Market

LEAST_SHARE = 1e-3
"""A hypothesis about intercept or slope is at least this share of the largest there can be."""


class DemandEstimate:
    """Estimates of intercept and slope over S seeds.

    Attributes:
        largest: the largest intercept and slope there can be, `[2]`.
        ridge, confidence: of the regression; factor on the radius (0: no ellipsoid).
    """

    def __init__(self, market: Market, seeds: int, ridge: float, confidence: float = 0.0, delta: float = 0.05):
        self.largest = np.array([market.order_cap, market.order_cap / market.price_cap])
        self.ridge, self.confidence, self._delta = ridge, confidence, delta
        self._middle = self.largest / 2
        self._bound = float(np.sqrt((self._middle**2).sum()))
        self._sigma = market.sigma
        self._price_cap = market.price_cap
        # V and the sum of x times what the middle leaves unexplained, entry by entry: [S] each.
        self._v00, self._v01, self._v11 = (np.full(seeds, entry) for entry in (ridge, 0.0, ridge))
        self._r0, self._r1 = np.zeros(seeds), np.zeros(seeds)

    def add(self, price: Numbers, demand: Numbers) -> None:
        """One observation per seed, `[S]` each."""
        rest = demand - (self._middle[0] - self._middle[1] * price)
        self._v00 = self._v00 + 1
        self._v01 = self._v01 - price
        self._v11 = self._v11 + price * price
        self._r0 = self._r0 + rest
        self._r1 = self._r1 - price * rest

    @property
    def determinant(self) -> Numbers:
        """Of V, `[S]`: what has been seen; it only grows."""
        return self._v00 * self._v11 - self._v01 * self._v01

    @property
    def theta(self) -> Numbers:
        """Intercept and slope, `[S, 2]`."""
        det = self.determinant
        zero = (self._v11 * self._r0 - self._v01 * self._r1) / det
        one = (self._v00 * self._r1 - self._v01 * self._r0) / det
        return self._middle + np.stack([zero, one], axis=1)

    @property
    def radius(self) -> Numbers:
        """Of the ellipsoid, `[S]`."""
        grown = np.log(self.determinant / self.ridge**2)
        proven = self._sigma * np.sqrt(2 * np.log(1 / self._delta) + grown) + np.sqrt(self.ridge) * self._bound
        return self.confidence * proven

    def width(self, price: Numbers) -> Numbers:
        """Length of (1, -price) in the norm of V^-1: prices `[S, G]` -> `[S, G]`."""
        v00, v01, v11, det = (a[:, None] for a in (self._v00, self._v01, self._v11, self.determinant))
        return np.sqrt((v11 + 2 * v01 * price + v00 * price * price) / det)

    def largest_mean(self, price: Numbers) -> Numbers:
        """Largest mean demand that the ellipsoid, and the order cap, allow at prices `[S, G]`: `[S, G]`."""
        theta = self.theta
        mean = theta[:, :1] - theta[:, 1:] * price
        if self.confidence:
            mean = mean + self.radius[:, None] * self.width(price)
        return np.minimum(mean, self.largest[0])

    def surface(self, points: int) -> Numbers:
        """Hypotheses on the ellipsoid `[S, points, 2]`, none outside of what there can be."""
        angle = 2 * np.pi * np.arange(points) / points
        det = self.determinant
        i00, i01 = self._v11 / det, -self._v01 / det
        root = np.sqrt(i00)
        zero = root[:, None] * np.cos(angle)
        one = (i01 / root)[:, None] * np.cos(angle) + np.sqrt(1 / self._v11)[:, None] * np.sin(angle)
        return self.allowed(self.theta[:, None] + self.radius[:, None, None] * np.stack([zero, one], axis=-1))

    def allowed(self, theta: Numbers) -> Numbers:
        """Hypotheses `[..., 2]` moved to where intercept and slope can be."""
        zero = np.clip(theta[..., 0], LEAST_SHARE * self.largest[0], self.largest[0])
        one = np.clip(theta[..., 1], LEAST_SHARE * zero / self._price_cap, zero / self._price_cap)
        return np.stack([zero, one], axis=-1)
