"""This example trains a leader that hears two messages, and says something in between, with PPO.

The follower learns by counterfactual regret minimisation: a learner at each of its rows, here multiplicative weights.

How to run: `python tuned_examples/ppo/interview_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: the exact value in seconds, .875 with four types and two messages.
"""

from rllib_stackelberg.training.examples import Example, main, reaches

EXAMPLES = [
    Example("interview", max_iterations=30, bar=reaches(0.875)),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
