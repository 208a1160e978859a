"""This example learns a sequential price mechanism with messages, with SAC.

Prices are from an interval, where the next buyer is the one of the highest score, and from a grid of five.

How to run: `python tuned_examples/sac/message_spm_sac.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: no welfare lost by the best snapshot. The leader that explores comes near the optimum on the grid.
Where prices are continuous it does so in some seeds, and in others it stays near what a mechanism without messages
loses, -.0556.
"""

from rllib_stackelberg.training.examples import Example, at_least, main

EXAMPLES = [
    Example(
        "message-spm",
        algo="SAC",
        params={"types": 3, "messages": 2, "leader": "scores"},
        max_seconds=60,
        restart_after=60,
        stop_at_optimum=True,
        bar=at_least(-0.001, 0.6),
    ),
    Example(
        "message-spm",
        algo="SAC",
        params={"types": 3, "messages": 2, "price_grid": 5},
        max_iterations=120,
        bar=at_least(-0.001, 0.6),
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
