"""This example learns to lead in a repeated prisoner's dilemma, against a follower who learns by Q-learning.

The leader commits to an answer to every last round; the follower plays 5,000 games of five rounds against that and then
what it values most. The best table is: defect first, then do what the follower did. A follower that knows the round
defects in the last one (both get -1.2 a round, -6 a game); one that only knows the last joint action would cooperate
from the second round on (-.8 a round, -4 a game), but does not always find out: what its rows mean depends on the
round, and Q-learning takes them for states.

How to run: `python tuned_examples/ppo/iterated_bimatrix_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: -6 in every seed with the round known, also against a follower that minimises counterfactual regret
(300 updates of multiplicative weights at its rows) instead; about -4.7 without.
"""

from rllib_stackelberg.training.examples import Example, Rows, main


def at_least(value: float) -> tuple:
    """Bar: the reported value in every seed."""

    def met(rows: Rows) -> bool:
        """Whether all values reach it."""
        return all(row["value"] >= value for row in rows)

    return f"value >= {value:g} in every seed", met


EXAMPLES = [
    Example("iterated-bimatrix", at_least(-6 - 1e-9), params={"follower_sees": "round"}, max_seconds=25),
    Example("iterated-bimatrix", at_least(-5), params={"follower_sees": "joint"}, max_seconds=25),
    Example(
        "iterated-bimatrix",
        at_least(-6 - 1e-9),
        params={"follower_sees": "round"},
        settings={"followers": "mw:epsilon=1", "response_updates": 300},
        max_iterations=20,
        arm="counterfactual regret",
    ),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
