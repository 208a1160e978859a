"""This example trains a designer who promises payments to two players of a 2x2 game, with PPO.

How to run: `python tuned_examples/ppo/matrix_design_ppo.py --seeds 10`; `--as-test` makes it a regression test.

Results to expect: 10/6 = 1.66667 in every seed; without payments expected learning ends at 1.0.
"""

from rllib_stackelberg.training.examples import Example, main, reaches

EXAMPLES = [Example("matrix-design", max_iterations=40, bar=reaches(10 / 6))]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
