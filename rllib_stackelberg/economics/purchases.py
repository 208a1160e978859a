"""What a buyer takes at posted prices: the bundle that leaves it most, compiled.

A bundle is a set of kinds of items as the bits of one number, one unit of each kind at most. A seller posts prices in
one of four forms:

- `ITEMS`: a price for each kind;
- `FEE`: the same, and last a fee from who buys anything at all;
- `SIZES`: what the first item costs, whichever it is, what the second one adds, and so on;
- `BUNDLES`: a price for each bundle that is not empty, in the order of its number.

Of bundles that leave it as much, up to rounding, a buyer takes one that it pays for rather than none, in `SIZES` the
largest, and of single kinds the first.
"""

from __future__ import annotations

import numpy as np

from rllib_stackelberg.compilation import kept, njit

ITEMS, FEE, SIZES, BUNDLES = range(4)

FORMS = {"items": ITEMS, "fee": FEE, "sizes": SIZES, "bundles": BUNDLES}
"""By name."""


def numbers_of(form: int, kinds: int) -> int:
    """How many prices a form takes.

    >>> [numbers_of(form, 3) for form in (ITEMS, FEE, SIZES, BUNDLES)]
    [3, 4, 3, 7]
    """
    return {ITEMS: kinds, FEE: kinds + 1, SIZES: kinds, BUNDLES: 2**kinds - 1}[form]


@njit
def _dearest(worth, prices, among, least):
    """The kind of a set that leaves most above its price, the first of several; -1 if none leaves `least`."""
    best, most = -1, least
    for kind in range(len(worth)):
        if (among >> kind) & 1:
            left = worth[kind] - prices[kind]
            if left > most or (best < 0 and left >= most):
                best, most = kind, left
    return best


@njit
def worth_of(worth, bundled, wants, bundle):
    """What a bundle is worth to a buyer.

    Args:
        worth: of kinds, or of all bundles but the empty one if `bundled`.
        wants: kinds that it has a use for at most, the best ones of a bundle.
    """
    if bundle == 0:
        return 0.0
    if bundled:
        return worth[bundle - 1]
    total, rest, free = 0.0, bundle, np.zeros(len(worth))
    for _ in range(wants):
        kind = _dearest(worth, free, rest, -np.inf)
        if kind < 0:
            break
        total += worth[kind]
        rest &= ~(1 << kind)
    return total


@njit
def price_of(form, prices, bundle):
    """What a bundle costs."""
    if bundle == 0:
        return 0.0
    if form == BUNDLES:
        return prices[bundle - 1]
    total, size, rest = 0.0, 0, bundle
    while rest:
        if form == SIZES or rest & 1:
            total += prices[size]
        rest = rest & (rest - 1) if form == SIZES else rest >> 1
        size += 1
    return total + prices[-1] if form == FEE else total


@njit
def _of_bundles(worth, bundled, wants, prices, available, slack):
    best, taken = 0.0, 0
    for bundle in range(1, len(prices) + 1):
        if bundle & ~available:
            continue
        left = worth_of(worth, bundled, wants, bundle) - prices[bundle - 1]
        if left > best or (taken == 0 and left >= -slack):
            best, taken = left, bundle
    return taken


@njit
def _of_sizes(worth, wants, prices, available, slack):
    best, taken, left, bundle = 0.0, 0, 0.0, 0
    free = np.zeros(len(worth))
    for size in range(wants):
        kind = _dearest(worth, free, available & ~bundle, -np.inf)
        if kind < 0:
            break
        bundle |= 1 << kind
        left += worth[kind] - prices[size]
        if left >= best - slack:
            best, taken = max(left, best), bundle
    return taken


@njit
def _of_items(worth, wants, prices, available, slack):
    """The bundle, and what it leaves above the prices of its kinds."""
    left, taken = 0.0, 0
    for _ in range(wants):
        kind = _dearest(worth, prices, available & ~taken, -slack)
        if kind < 0:
            break
        taken |= 1 << kind
        left += worth[kind] - prices[kind]
    return taken, left


@njit
def best_bundle(form, worth, bundled, wants, prices, available, slack):
    """The bundle of available kinds that leaves a buyer most; none if all cost more than they are worth.

    Args:
        form: of prices; worth, bundled, wants: of `worth_of`.
        prices: `numbers_of(form, kinds)`.
        available: kinds that are left, as bits.
        slack: what a buyer may lose by rounding.
    """
    if form == BUNDLES:
        return _of_bundles(worth, bundled, wants, prices, available, slack)
    if form == SIZES:
        return _of_sizes(worth, wants, prices, available, slack)
    taken, left = _of_items(worth, wants, prices, available, slack)
    if form == FEE and left - prices[-1] < -slack:
        return 0
    return taken


@kept
def take_all(form, worths, bundled, wants, prices, available, slack, taken, paid, worth):
    """What each of many types takes at each of many prices, what it pays and what that is worth.

    Args:
        worths: `[types, kinds or bundles]`; prices: `[offers, numbers]`; others as of `best_bundle`.
        taken, paid, worth: `[offers, types]`, written.
    """
    for offer in range(len(prices)):
        for kind in range(len(worths)):
            bundle = best_bundle(form, worths[kind], bundled, wants, prices[offer], available, slack)
            taken[offer, kind] = bundle
            paid[offer, kind] = price_of(form, prices[offer], bundle)
            worth[offer, kind] = worth_of(worths[kind], bundled, wants, bundle)


@kept
def menu_value(sums, prices, worth_after, revenue):
    """Mean worth to the seller of prices by number of items, now and later.

    Args:
        sums: of a buyer's largest values, `[types, sizes]`, from size 0 on.
        prices: `[sizes]`, 0 at first; worth_after: what the rest is worth after each size, `[sizes]`.
        revenue: whether the seller is paid the prices.
    """
    total = 0.0
    for play in range(len(sums)):
        best, taken = 0.0, 0
        for size in range(1, len(prices)):
            left = sums[play, size] - prices[size]
            if left >= best:
                best, taken = left, size
        total += (prices[taken] if revenue else sums[play, taken]) + worth_after[taken]
    return total / len(sums)


@kept
def sizes_taken(sums, prices, taken):
    """How many items each type takes, `[types]`."""
    for play in range(len(sums)):
        best, taken[play] = 0.0, 0
        for size in range(1, len(prices)):
            left = sums[play, size] - prices[size]
            if left >= best:
                best, taken[play] = left, size
