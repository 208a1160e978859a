"""This example trains an allocator that gives an item to a follower who can only send a message, with APPO.

How to run: `python tuned_examples/appo/simple_allocation_appo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: the optimum, 1, in nine of ten seeds.
"""

from rllib_stackelberg.training.examples import Example, main, reaches

EXAMPLES = [
    Example(
        "simple-allocation",
        algo="APPO",
        params={"messages": 3},
        max_iterations=30,
        stop_at_optimum=True,
        bar=reaches(1.0),
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
