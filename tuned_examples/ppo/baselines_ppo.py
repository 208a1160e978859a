"""This example holds learning against two of the paper's baselines: luck, and learning against best responses.

"value" is that of the best greedy snapshot against the followers it was trained with; "judged" is what the same
strategy is worth against followers who learn by multiplicative weights (250 sampled updates). "random" columns are of
as many uniformly random leader tables as the run played episodes (at most 10,000), against the followers of the run:
the best and the mean of one response each, and what the best table is worth to the judge. Brero et al., arXiv
2210.03852.

How to run: `python tuned_examples/ppo/baselines_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: see the README.
"""

from rllib_stackelberg.training.examples import Example, Rows, main

LEARNING = {"followers": "mw:epsilon=0.1", "response_updates": 250}
TEACHERS = {
    "taught by best responses": {"followers": "best-response", "response_updates": 10},
    "taught by learning followers": LEARNING,
}
GAMES = [("simple-allocation", {"messages": 3}, 30), ("matrix-design", {}, 40), ("maintain", {"mixed": True}, 180)]


def honest(rows: Rows) -> bool:
    """The best random table is worth no more than the optimum, and the mean table less than the best."""
    return all(row["random_judged"] <= row["exact"] + 1e-9 and row["random_mean"] < row["random_best"] for row in rows)


EXAMPLES = [
    Example(
        game,
        params=params,
        arm=arm,
        settings=settings,
        judged=LEARNING,
        max_iterations=iterations,
        bar=("luck is no better than the optimum", honest),
    )
    for game, params, iterations in GAMES
    for arm, settings in TEACHERS.items()
]

if __name__ == "__main__":
    main(
        EXAMPLES,
        __doc__,
        summary=("value", "judged", "mean_return", "random_best", "random_judged", "random_mean", "seconds"),
    )
