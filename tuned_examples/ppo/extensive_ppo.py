"""This example trains leaders of small games in extensive form with PPO: pure commitments, and mixtures.

Followers learn by counterfactual regret minimisation where they move several times in a play, by expected updates else.

How to run: `python tuned_examples/ppo/extensive_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: pure commitments exactly, within seconds; mixtures within 1 %. They lie at the edge of what the
follower accepts: a mixed commitment to Bagwell's game is worth 5.5 at 1/2, 1/2, and 3.5 one step further.
"""

from rllib_stackelberg.training.examples import Example, Rows, main, reaches


def within(optimum: float, share: float = 0.01):
    """A bar: every seed comes as close to the optimum as that share of it."""

    def close(rows: Rows) -> bool:
        """Whether all values are close to the optimum."""
        return all(abs(optimum - row["value"]) <= share * abs(optimum) for row in rows)

    return f"within {share:.2g} of {optimum:.6g}", close


EXAMPLES = [
    Example("entry-deterrence", max_iterations=30, bar=reaches(2.0)),
    Example("bagwell", max_iterations=30, bar=reaches(5.0)),
    Example("centipede", max_iterations=30, bar=reaches(8.0)),
    Example("kuhn-poker", max_iterations=60, bar=within(-1 / 6, 1e-9)),
    Example("kuhn-poker", params={"leads": 2}, max_iterations=60, bar=within(-1 / 6, 1e-9)),
    Example("bagwell", params={"mixed": True}, max_iterations=60, bar=within(5.5)),
    Example("entry-deterrence", params={"mixed": True}, max_iterations=60, bar=within(2.0)),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
