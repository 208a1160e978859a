"""This example trains the leader of Escape, a common-interest game with a local trap, with PPO.

The leader asks once per episode (a bandit); followers are multiplicative weights.

How to run: `python tuned_examples/ppo/escape_ppo.py --seeds 10`; `--as-test` makes it a regression test.

Results to expect: value 1.0 (row 2; the trap at row 0 is worth 0.5) in every seed within seconds.
"""

from rllib_stackelberg.training.examples import Example, main, reaches

EXAMPLES = [Example("escape", max_iterations=30, bar=reaches(1.0))]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
