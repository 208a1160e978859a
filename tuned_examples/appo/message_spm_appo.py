"""This example learns a sequential price mechanism with messages, with APPO.

Prices are from an interval, where the next buyer is the one of the highest score, and from a grid of five.

How to run: `python tuned_examples/appo/message_spm_appo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: no welfare lost, in nine of ten seeds.
"""

from rllib_stackelberg.training.examples import Example, at_least, main

EXAMPLES = [
    Example(
        "message-spm",
        algo="APPO",
        params={"types": 3, "messages": 2, "leader": "scores"},
        max_seconds=60,
        restart_after=60,
        stop_at_optimum=True,
        bar=at_least(-0.001),
    ),
    Example(
        "message-spm",
        algo="APPO",
        params={"types": 3, "messages": 2, "price_grid": 5},
        max_iterations=60,
        bar=at_least(-0.001),
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
