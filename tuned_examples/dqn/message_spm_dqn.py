"""This example learns a sequential price mechanism with messages, with DQN: an offer is a buyer and one of five prices.

How to run: `python tuned_examples/dqn/message_spm_dqn.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: no welfare lost. A leader that learns values has no critic, and it chooses from a list: with prices
from an interval DQN is refused.
"""

from rllib_stackelberg.training.examples import Example, at_least, main

EXAMPLES = [
    Example(
        "message-spm",
        algo="DQN",
        params={"types": 3, "messages": 2, "price_grid": 5},
        max_iterations=130,
        bar=at_least(-0.001),
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
