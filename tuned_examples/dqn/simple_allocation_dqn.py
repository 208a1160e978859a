"""This example trains an allocator that gives an item to a follower who can only send a message, with DQN.

How to run: `python tuned_examples/dqn/simple_allocation_dqn.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: the optimum, 1; a seed in three needs a second start. A leader that learns values has no critic.
"""

from rllib_stackelberg.training.examples import Example, main, reaches

EXAMPLES = [
    Example(
        "simple-allocation",
        algo="DQN",
        params={"messages": 3},
        max_iterations=240,
        restart_after=80,
        stop_at_optimum=True,
        bar=reaches(1.0),
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
