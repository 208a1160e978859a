"""This example holds learning against two of the paper's baselines: luck, and learning against best responses.

"value" is that of the best snapshot against the followers it was trained with; "judged" is what the same
strategy is worth against followers who learn by multiplicative weights (250 sampled updates). "random" columns are of
as many uniformly random leader tables as the run played episodes (at most 10,000), against the followers of the run:
the best and the mean of one response each, and what the best table is worth to the judge. Brero et al., arXiv
2210.03852.

How to run: `python tuned_examples/ppo/baselines_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: see tuned_examples/results/baselines.md.
"""

from rllib_stackelberg.training.examples import Example, Rows, main, means, reaches

LEARNING = {"followers": "mw:epsilon=0.1", "response_updates": 250}
TEACHERS = {
    "taught by best responses": {"followers": "best-response", "response_updates": 10},
    "taught by learning followers": LEARNING,
}


def harmless(rows: Rows) -> bool:
    """Next to nothing is lost, exploring included, in two of three seeds; a random table loses .06."""
    return sum(row["mean_return"] >= -0.01 and row["judged"] >= -0.005 for row in rows) >= 0.6 * len(rows)


GAMES = [
    ("simple-allocation", {"messages": 3}, 30, reaches(1.0)),
    ("matrix-design", {}, 40, reaches(5 / 3)),
    ("maintain", {"mixed": True}, 180, reaches(0.99 * 11 / 12)),
    ("message-spm", {"types": 3, "messages": 2, "leader": "scores"}, 60, ("nothing lost in 60 % of seeds", harmless)),
]

EXAMPLES = [
    Example(game, bar, params, settings, arm=arm, judged=LEARNING, max_iterations=iterations)
    for game, params, iterations, bar in GAMES
    for arm, settings in TEACHERS.items()
]

if __name__ == "__main__":
    main(
        EXAMPLES,
        __doc__,
        means("value", "judged", "mean_return", "random_best", "random_judged", "random_mean", "seconds"),
    )
