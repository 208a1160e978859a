"""This example learns sequential price mechanisms with messages: order and prices after what buyers say.

Without messages the best mechanism loses welfare (column "exact without"); two messages per buyer are enough to lose
none. A leader that misses the certified optimum starts afresh after some iterations and is done when it has learned it.

With 250 sampled updates the followers' own noise is what is left to lose: mechanisms that are efficient in equilibrium
are played wrongly in a few of a hundred responses. Instances with small differences in utility therefore let followers
learn longer (`response_updates`). The leader gives scores (`leader=scores`), as it did when the results of
docs/measured/messages.md were recorded; `many_followers_ppo.py` has the form that is the default.

How to run: `python tuned_examples/ppo/message_spm_ppo.py --seeds 10`; `--as-test` makes it a regression test; `--only
TEXT` runs the instances whose name contains TEXT.

Results to expect: nine of ten seeds (eight for five types) within the bar stated below each table.
"""

from collections.abc import Callable
from typing import Any

from rllib_stackelberg.rounding import number
from rllib_stackelberg.training.example_tables import Cell, Rows, median_of, optimum
from rllib_stackelberg.training.examples import COLUMNS, Example, main

NO_MESSAGES = {"messages": 1}


def at_least(value: float, share: float) -> tuple[str, Callable[[Rows], bool]]:
    """Bar, in a share of the seeds: the reported value, and a mean return that came within .002 of the optimum.

    The mean return is what luck does not give: random tables reach the optimum, too, one in thousands.
    """

    def met(rows: Rows) -> bool:
        """Whether enough seeds reach value and target."""
        good = [row["value"] >= value - 1e-9 and row["seconds_to_target"] is not None for row in rows]
        return sum(good) >= share * len(rows)

    return f"value >= {value:.6g} and mean return near the optimum in {share:.0%} of seeds", met


def instance(
    seconds: float,
    bar: float,
    share: float = 0.9,
    optimum: float = 0.0,
    game: str = "message-spm",
    updates: int = 250,
    restart_after: int = 60,
    **params: Any,
) -> Example:
    """An instance with its budget (seconds of training), bar and exact optimum."""
    return Example(
        game,
        at_least(bar, share),
        params=params | {"leader": "scores"},
        settings={"response_updates": updates},
        max_seconds=seconds,
        restart_after=restart_after,
        stop_at_optimum=True,
        without=NO_MESSAGES,
        target=optimum - 0.002,
    )


EXAMPLES = [
    instance(60, -0.001, game="message-spm-pi", messages=2),
    instance(60, 0.0, types=3, messages=2),
    instance(120, -0.001, types=4, messages=2, updates=1_000),
    instance(180, -0.005, 0.8, types=5, messages=2, updates=2_000, restart_after=100),
    instance(240, -0.002, 0.8, types=5, messages=3, updates=2_000, restart_after=100),
    instance(60, -0.061, optimum=-0.06, game="message-spm-pi", messages=1),
    instance(30, -1 / 18 - 0.001, optimum=-1 / 18, types=3, messages=1),
    instance(30, -1 / 24 - 0.001, optimum=-1 / 24, types=4, messages=1),
    instance(30, -1 / 20 - 0.001, optimum=-1 / 20, types=5, messages=1),
]

SHOWN: dict[str, Cell] = {
    "game": COLUMNS["game"],
    "exact optimum": optimum,
    "without messages": lambda _, rows: number(rows[0]["exact_without"], 4),
    "followers' updates": lambda example, _: f"{example.settings['response_updates']:,}",
    "value: median, worst": COLUMNS["value: median, worst"],
    "value of average play": median_of("average_play"),
    "no gain from deviating": COLUMNS["no gain from deviating"],
    "seconds until the mean return is within .002 of the optimum": median_of("seconds_to_target"),
    "random search: best, mean": COLUMNS["random search: best, mean"],
    "seconds: median, slowest": COLUMNS["seconds: median, slowest"],
    "seeds": COLUMNS["seeds"],
}

if __name__ == "__main__":
    main(EXAMPLES, __doc__, SHOWN)
