"""This example learns a platform's policy against two sellers that learn to price (Q-learning, six prices each).

Left alone the sellers share most of what a monopoly would earn. A platform that hides whoever asks more than the lowest
price gives consumers all there is: .7579 a period.

How to run: `python tuned_examples/ppo/pricing_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: the optimum in every seed. A random policy finds it, too, once in some thirty: what is learned is not
how to find it, but that it is the best of five kinds.
"""

from rllib_stackelberg.training.examples import Example, main

LEAST = 0.757
"""Of .7579, which the rules in the list reach where they hide all but the lowest price."""

EXAMPLES = [
    Example(
        "pricing",
        (f"value >= {LEAST} in every seed", lambda rows: all(row["value"] >= LEAST for row in rows)),
        params={"levels": 6},
        settings={
            "followers": "q-learning:rate=0.15,discount=0.95,decay=1e-4,foresight=1",
            "response_updates": 300_000,
            "settled_plays": 20_000,
        },
        max_seconds=100,
        stop_at_optimum=True,
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
