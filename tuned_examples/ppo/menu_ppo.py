"""This example learns menus of lotteries with PPO: a seller of two items, a buyer whose values it does not know.

What a menu earns is smooth in its numbers almost everywhere, but an entry that nobody takes earns nothing whatever it
says, and most first leaders end with a price for everything together. Later ones, which start afresh at random menus,
find the entries that are worth having beside it.

The menu is learned from a thousand types, and judged by all values in the ranges, exactly.

How to run: `python tuned_examples/ppo/menu_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: of two items of values in [0, 1] within .5 % of .5492 from an additive buyer (Manelli & Vincent
2007), within 1 % of .3849 from one of unit demand, in every seed.
"""

from typing import Any

from rllib_stackelberg.training.examples import Example, Rows, main

ADDITIVE = (12 + 2 * 2**0.5) / 27
UNIT_DEMAND = 2 / (3 * 3**0.5)


def example(published: float, close: float, **params: object) -> Example:
    """One buyer, its published revenue, and how close is close."""

    def over_all_values(result: dict[str, Any]) -> dict[str, Any]:
        """What the menu is worth to values that lie between those it was trained with."""
        return {"over_all_values": result["further_values"]["over all values in the ranges"]}

    def met(rows: Rows) -> bool:
        """Whether all menus are close to the published revenue."""
        return all(row["over_all_values"] >= (1 - close) * published for row in rows)

    return Example(
        "menu",
        (f"within {close:.1%} of {published:.4f} over all values in every seed", met),
        params=params,
        max_seconds=150,
        stop_at_optimum=True,
        details=over_all_values,
    )


EXAMPLES = [
    example(ADDITIVE, 0.005),
    example(UNIT_DEMAND, 0.01, demand="unit"),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
