"""This example learns which sellers a platform should show, against two Q-learning sellers (50,000 periods each time).

Without intervention sellers learn to price high (consumer surplus about .52 of at most 1.1261 a period); always showing
the cheapest brings about .65. Hiding whoever asks more than the lowest price brings all of it.

How to run: `python tuned_examples/ppo/platform_pricing_ppo.py --seeds 3`; `--as-test` makes it a regression test.
`rllib-stackelberg reproduce follow-up` shows the two baselines beside it.

Results to expect: more than either baseline in every seed.
"""

from rllib_stackelberg.training.examples import Example, main

CHEAPEST_SHOWN = 0.7
"""Somewhat more than what always showing the cheapest brings."""


EXAMPLES = [
    Example(
        "platform-pricing",
        (f"value >= {CHEAPEST_SHOWN} in every seed", lambda rows: all(row["value"] >= CHEAPEST_SHOWN for row in rows)),
        max_seconds=120,
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
