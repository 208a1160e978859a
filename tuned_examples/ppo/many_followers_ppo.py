"""This example sells to many buyers by the plain defaults: `train GAME` with a time limit and nothing else.

Two messages a buyer; the leader's payoff is the welfare lost (at most 0). Each instance has a time of training and a
bar for its value. Beside the value stand what there is without messages (exact), the bound (0: an efficient sale), and
luck: the best and the mean of as many random leaders as the run played episodes (10,000 at most; where a response is
long, 100), and what the best of them is worth on fresh plays. A seed is within its bar if its value is, and if the
leader that still explores earns that within .003 at the end.

How to run: `python tuned_examples/ppo/many_followers_ppo.py --seeds 10`; `--only "buyers=5 types=3"` runs the instances
whose name contains that; `--out DIR` adds what was run to a table there, so that instances can be run one by one.
`--as-test` makes it a regression test.

Results to expect: see docs/measured/many_buyers.md.
"""

from collections.abc import Callable
from typing import Any

from rllib_stackelberg.rounding import number
from rllib_stackelberg.training.example_tables import Cell, Rows, count_of, known, median_and, median_of
from rllib_stackelberg.training.examples import COLUMNS, Example, main

Good = Callable[[dict[str, Any]], bool]

NEAR = 0.003
"""How far the mean return may be from the value at the end."""


def settled(row: dict[str, Any]) -> bool:
    """Whether the exploring leader earns what the greedy one does."""
    return abs(row["mean_return"] - row["value"]) <= NEAR


def share_of(good: Good, share: float) -> Callable[[Rows], bool]:
    """Whether so many seeds are good, and settled."""
    return lambda rows: sum(good(row) and settled(row) for row in rows) >= share * len(rows)


def at_least(value: float) -> Good:
    """A value of so much."""
    return lambda row: row["value"] >= value


def without_a_gain(row: dict[str, Any]) -> bool:
    """Nearly nothing lost, and no buyer gains by leaving the play."""
    return row["value"] >= -0.001 and row["deviation_gain"] <= 1e-9


def half_of_silence(row: dict[str, Any]) -> bool:
    """At most half of what is lost without messages."""
    return row["value"] >= row["exact_without"] / 2


def certificate(result: dict[str, Any]) -> dict[str, Any]:
    """What is said of the play besides the largest gain."""
    found = result["certificate"]
    return {"deviation_error": found["deviation_error"], "equilibrium": found["equilibrium"]}


GOOD: dict[str, Good] = {}
"""By an instance's name, which values are within its bar."""


def instance(seconds: float, bar: str, good: Good, share: float, **params: Any) -> Example:
    """An instance with its seconds of training, and the share of seeds whose value must be within the bar."""
    words = f"{bar}, and a mean return within {NEAR} of the value, in {share:.0%} of seeds"
    made = Example(
        "message-spm",
        (words, share_of(good, share)),
        params=params,
        max_seconds=seconds,
        stop_at_optimum=True,
        without={"messages": 1},
        details=certificate,
    )
    GOOD[made.name] = good
    return made


EXAMPLES = [
    instance(120, "value >= -.001, no gain", without_a_gain, 0.8, types=4),
    instance(180, "value >= -.002", at_least(-0.002), 0.8, types=5),
    instance(90, "value >= -.001", at_least(-0.001), 0.9, buyers=5, types=3),
    instance(240, "value >= -.003", at_least(-0.003), 0.8, buyers=8, types=3),
    instance(300, "value >= -.012", at_least(-0.012), 0.8, buyers=5, types=5),
    instance(180, "value >= -.004", at_least(-0.004), 0.8, buyers=3, items=2, types=3),
    instance(120, "value >= -.001", at_least(-0.001), 0.9, buyers=16, types=5, anonymous=True),
    instance(240, "value >= -.008", at_least(-0.008), 0.8, buyers=16, types=9, anonymous=True),
    instance(600, "half of what is lost without messages", half_of_silence, 1.0, buyers=64, types=33, anonymous=True),
]


def luck(_: Any, rows: Rows) -> str:
    """The best of random leaders, its worth on fresh plays where values are estimated, and the mean."""
    return ", ".join(median_of(column)(_, rows) for column in ("random_best", "random_judged", "random_mean"))


SHOWN: dict[str, Cell] = {
    "game": COLUMNS["game"],
    "limit, seconds": lambda example, _: f"{example.max_seconds:g}",
    "without messages": lambda _, rows: number(rows[0]["exact_without"], 4),
    "exact optimum": COLUMNS["exact optimum"],
    "value: median, worst": median_and(min, "value", 4),
    "standard error at most": lambda _, rows: number(max(known(rows, "error"), default=None), 2),
    "gain from deviating at most": lambda _, rows: number(max(known(rows, "deviation_gain")), 2),
    "mean return: median, worst": median_and(min, "mean_return", 4),
    "random search: best, on fresh plays, mean": luck,
    "episodes": COLUMNS["episodes"],
    "seconds: median, slowest": COLUMNS["seconds: median, slowest"],
    "within the bar": lambda example, rows: count_of(GOOD[example.name])(example, rows),
    "settled": count_of(settled),
}

if __name__ == "__main__":
    main(EXAMPLES, __doc__, SHOWN)
