"""This example learns mixed commitments in five games of pygambit's catalogue with PPO over continuous actions.

A table of Shapley (1974), and four trees: von Stengel's (2022) figure 10.5, Watson's job-market signalling (2013), the
card game of Myerson (1991), and figure 1 of von Stengel & Forges (2008). In each of them mixing is worth more than
every pure commitment. tuned_examples/results/gambit_catalogue.md has the optima of the whole catalogue.

How to run: `python tuned_examples/ppo/gambit_catalogue_ppo.py --seeds 3`; `--as-test` makes it a regression test. Needs
pygambit.

Results to expect: within 1 % of the optimum in every seed.
"""

from rllib_stackelberg.training.examples import Example, Rows, main

CLOSE = 0.01


def close(rows: Rows) -> bool:
    """Within 1 % of the optimum in every seed."""
    return all(abs(row["exact"] - row["value"]) <= CLOSE * abs(row["exact"]) for row in rows)


EXAMPLES = [
    Example(
        game,
        (f"within {CLOSE:.0%} of the optimum in every seed", close),
        params={"catalogue": name, "mixed": True},
        max_iterations=180,
    )
    for game, name in (
        ("bimatrix", "journals/other/shapley1974/fig3"),
        ("extensive", "books/vonstengel2022/fig10.5"),
        ("extensive", "books/watson2013/fig29_1"),
        ("extensive", "books/myerson1991/fig2_1"),
        ("extensive", "journals/mor/vonstengelforges2008/fig1"),
    )
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
