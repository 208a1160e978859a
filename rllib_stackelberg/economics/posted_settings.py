"""Sales at posted prices from tables of values, and those of Brero et al. 2021 by name.

The settings are those of appendix C of the paper (arXiv 2010.01180, welfare), in its units before it divides by the
largest value. In each of them the best mechanism must do what simpler ones cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.economics.posted_sales import MOST_KINDS, PostedSale
from rllib_stackelberg.economics.purchases import ITEMS
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.priors import SUM_TOLERANCE

ALLOWED = "[world][buyer][type][kind], numbers of at least 0"


class Tables(NamedTuple):
    """Values `[world][buyer][type][kind]`, probabilities `[buyer][type]` and `[world]`, units and uses.

    Probabilities that are None are equal.
    """

    values: Sequence
    prior: Sequence[Sequence[float]] | None = None
    worlds: Sequence[float] | None = None
    units: Sequence[int] | None = None
    wants: int | None = None


def table_sale(tables: Tables, form: int = ITEMS, chosen: bool = False, revenue: bool = True) -> PostedSale:
    """A sale to buyers whose type tells all of their values, the same type others in another world.

    Raises:
        InvalidFieldError: tables that are none, or do not fit each other.
    """
    worlds = [[_types(buyer) for buyer in world] for world in _nested(tables.values)]
    buyers, kinds = len(worlds[0]), worlds[0][0].shape[1]
    counts = [len(own) for own in worlds[0]]
    if any([len(own) for own in world] != counts for world in worlds):
        raise InvalidFieldError("values", "differ in buyers or types between worlds", ALLOWED)
    if any(own.shape[1] != kinds for world in worlds for own in world):
        raise InvalidFieldError("values", "differ in kinds", ALLOWED)
    values = np.zeros((len(worlds), buyers, kinds, max(counts)))
    for w, world in enumerate(worlds):
        for b, own in enumerate(world):
            values[w, b, :, : counts[b]] = own.T
    marginals = [
        [_chances("prior", None if tables.prior is None else _one(tables.prior, b, buyers), count)]
        for b, count in enumerate(counts)
    ]
    return PostedSale(
        values=values,
        part_of=np.zeros(kinds, dtype=np.int64),
        marginals=marginals,
        worlds=_chances("worlds", tables.worlds, len(worlds)),
        stock=_units(tables.units, kinds),
        wants=kinds if tables.wants is None else min(tables.wants, kinds),
        form=form,
        chosen=chosen,
        revenue=revenue,
    )


def _nested(values: Any) -> Sequence:
    if not isinstance(values, list | tuple) or not values or not all(isinstance(w, list | tuple) and w for w in values):
        raise InvalidFieldError("values", "are not tables of worlds, buyers, types and kinds", ALLOWED)
    if len({len(world) for world in values}) > 1:
        raise InvalidFieldError("values", "differ in buyers between worlds", ALLOWED)
    if len(values[0]) > MOST_BUYERS:
        raise InvalidFieldError("values", f"are of {len(values[0])} buyers", f"up to {MOST_BUYERS}")
    return values


MOST_BUYERS = 64
MOST_UNITS = 64


def _types(own: Any) -> np.ndarray:
    """Values of a buyer, `[types, kinds]`."""
    try:
        found = np.asarray(own, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError("values", "are ragged or not numeric", ALLOWED) from error
    if found.ndim != 2 or not found.size or found.shape[1] > MOST_KINDS:
        raise InvalidFieldError("values", f"of a buyer have shape {found.shape}", f"[type][kind], up to {MOST_KINDS}")
    check_comparable("values", found)
    if (found < 0).any():
        raise InvalidFieldError("values", f"have {found.min():g}", ALLOWED)
    return found


def _one(prior: Any, buyer: int, buyers: int) -> Any:
    if not isinstance(prior, list | tuple) or len(prior) != buyers:
        raise InvalidFieldError("prior", "is no list for each buyer", f"{buyers} lists of probabilities")
    return prior[buyer]


def _chances(field: str, given: Any, count: int) -> np.ndarray:
    """Probabilities that sum to 1; equal ones if none are given."""
    if given is None:
        return np.full(count, 1 / count)
    try:
        found = np.asarray(given, dtype=float)
    except (ValueError, TypeError) as error:
        raise InvalidFieldError(field, "is not numeric", f"{count} probabilities") from error
    if found.shape != (count,) or not np.isfinite(found).all() or (found < 0).any():
        raise InvalidFieldError(field, f"got {given}", f"{count} probabilities")
    if abs(found.sum() - 1) > SUM_TOLERANCE:
        raise InvalidFieldError(field, f"sums to {found.sum():.12g}", "probabilities that sum to 1")
    return found


def _units(units: Any, kinds: int) -> np.ndarray:
    """Of each kind; one if they are not given."""
    if units is None:
        return np.ones(kinds, dtype=np.int64)
    if len(units) != kinds or not all(1 <= unit <= MOST_UNITS for unit in units):
        raise InvalidFieldError("units", f"got {units}", f"{kinds} numbers in 1..{MOST_UNITS}, one for each kind")
    return np.array(units, dtype=np.int64)


def _colors() -> Tables:
    """Ten buyers want red, ten yellow, and ten the one or the other, twice as much: those go first."""
    red, yellow, blue = [[1, 0]], [[0, 1]], [[2, 0], [0, 2]]
    return Tables([[red] * 10 + [yellow] * 10 + [blue] * 10], units=[10, 10], wants=1)


def _inventory() -> Tables:
    """Twenty buyers, ten items: as soon as there are as many items as buyers left, the price falls."""
    return Tables([[[[0.5], [1.0]]] * 20], units=[10])


def _kitchen_sink() -> Tables:
    """What the first buyer takes says who must be asked next, and at what price."""
    one = [[[0.01, 0, 0]], [[0, 0, 1], [0, 0, 1]], [[0, 0, 5], [0, 0, 0.5]]]
    other = [[[0, 0.01, 0]], [[0, 0, 2], [0, 0, 0]], [[0, 0, 0.499], [0, 0, 0.499]]]
    return Tables([one, other], prior=[[1.0], [0.2, 0.8], [0.2, 0.8]], wants=1)


def _who_bought() -> Tables:
    """Which one of the first three buyers buys, if one alone does, says whom to ask next."""
    worlds = []
    for dear in range(8):
        first = [[[60.0 * (dear >> b & 1)]] for b in range(3)]
        alone = [1, 2, 4].index(dear) if dear in (1, 2, 4) else None
        worth = [0.0 if alone is None else 40.0 if b == alone else 21.0 for b in range(3)]
        worlds.append(first + [[[own], [0.0]] for own in worth])
    return Tables(worlds, units=[2])


def _two_worlds() -> Tables:
    """Ten buyers, one item; values are all high or all low."""
    return Tables([[[[0.6], [1.0]]] * 10, [[[0.1], [0.4]]] * 10])


class Setting(NamedTuple):
    """A named instance: its tables, and whether the seller chooses whom to visit next."""

    tables: Callable[[], Tables]
    chosen: bool


SETTINGS = {
    "colors": Setting(_colors, True),
    "inventory": Setting(_inventory, False),
    "kitchen-sink": Setting(_kitchen_sink, True),
    "id": Setting(_who_bought, True),
    "two-worlds": Setting(_two_worlds, False),
}
