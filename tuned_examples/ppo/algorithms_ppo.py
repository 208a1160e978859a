"""This example trains the leaders of three games with PPO, beside which RLlib's other algorithms train them.

The same games are in the folders of the other algorithms, such as `tuned_examples/sac`. Prices are from an interval,
where the next buyer is the one of the highest score, and from a grid of five.

How to run: `python tuned_examples/ppo/algorithms_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: the optimum of simple allocation, 1, and no welfare lost with messages, in nine of ten seeds.
"""

from rllib_stackelberg.training.examples import Example, at_least, main, reaches

EXAMPLES = [
    Example("simple-allocation", params={"messages": 3}, max_iterations=30, stop_at_optimum=True, bar=reaches(1.0)),
    Example(
        "message-spm",
        params={"types": 3, "messages": 2, "leader": "scores"},
        max_seconds=60,
        restart_after=60,
        stop_at_optimum=True,
        bar=at_least(-0.001),
    ),
    Example(
        "message-spm",
        params={"types": 3, "messages": 2, "price_grid": 5},
        max_iterations=60,
        bar=at_least(-0.001),
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
