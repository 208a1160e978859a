"""This example learns the wholesale price of a newsvendor game with PPO, against a retailer that knows demand.

The retailer answers by its rule (no learning follower is in this game): the best order and price, or the price that
would be best without noise.

How to run: `python tuned_examples/ppo/newsvendor_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: within .1 % of the equilibrium in every seed.
"""

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.training.examples import Example, Rows, main

CLOSE = 0.001


def example(**params: object) -> Example:
    """One instance; nobody learns in its response, so one update is as good as many."""
    solution = solve(make_game("newsvendor", **params))
    assert solution is not None

    def close(rows: Rows) -> bool:
        """Whether all values are close to the optimum."""
        return all(abs(1 - row["value"] / solution.leader_value) <= CLOSE for row in rows)

    return Example(
        "newsvendor",
        (f"within {CLOSE:.1%} of the equilibrium in every seed", close),
        params=params,
        settings={"response_updates": 1},
        max_iterations=60,
    )


EXAMPLES = [example(), example(sigma=0.5), example(retailer="riskless")]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
