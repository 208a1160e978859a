"""This example trains leaders against a follower that manipulates them, and against one that best responds.

Random 3x3 games whose follower sees the leader's action. The manipulating follower knows both players' payoffs and
commits to the response function that makes the leader choose what the follower likes best (Yu & Chen 2024, arXiv
2405.03158); the leader knows neither, and learns by PPO what its actions bring. Beside every learned value stands the
exact one against the same follower, by enumeration of the leader's actions.

How to run: `python tuned_examples/ppo/manipulation_ppo.py --seeds 5` (minutes).

Results to expect: the exact values in every seed. The follower never gets less by manipulating; the leader may get less
or more.
"""

from functools import partial
from typing import Any

from rllib_stackelberg import LeaderSettings, make_game
from rllib_stackelberg.rounding import number
from rllib_stackelberg.solvers import response_solve
from rllib_stackelberg.training.example_tables import Cell, Rows, median_and
from rllib_stackelberg.training.examples import Example, main

GAMES = range(6)
FOLLOWERS = ("best-response", "best-manipulation")


def values(result: dict[str, Any], followers: str) -> dict[str, Any]:
    """The follower's value, and both players' in the optimum against this follower."""
    game = make_game(result["game"], **result["params"])
    (follower,) = result["follower_values"]
    best = response_solve(game, LeaderSettings.checked(followers=followers, response_updates=1))
    return {"follower": follower, "exact_leader": best.leader_value, "exact_follower": best.follower_values[0]}


def optimal(rows: Rows) -> bool:
    """Whether every seed found the optimum, and explores little by the end."""
    return all(
        row["value"] >= row["exact_leader"] - 1e-9 and row["mean_return"] >= row["exact_leader"] - 0.02 for row in rows
    )


def arm(seed: int, followers: str) -> Example:
    """A leader of a random game, against one kind of follower."""
    return Example(
        "random-bimatrix",
        ("the exact value in all seeds, mean return within .02 of it", optimal),
        params={"actions": 3, "seed": seed, "sees_leader": True},
        settings={"followers": followers, "response_updates": 1},
        arm=followers,
        max_iterations=25,
        details=partial(values, followers=followers),
    )


ARMS = [arm(seed, followers) for seed in GAMES for followers in FOLLOWERS]
EXAMPLES = [example for example in ARMS if example.params["seed"] in (0, 4)]
"""What is tested: a game in which manipulation costs the leader, and one in which both gain by it."""

COLUMNS: dict[str, Cell] = {
    "game": lambda example, _: f"{example.params['seed']}",
    "follower": lambda example, _: f"`{example.arm}`",
    "leader, exact": lambda _, rows: number(rows[0]["exact_leader"], 4),
    "leader, trained: median, worst": median_and(min, "value", 4),
    "follower, exact": lambda _, rows: number(rows[0]["exact_follower"], 4),
    "follower of the trained leader: median, least": median_and(min, "follower", 4),
    "leader's mean return: median, worst": median_and(min, "mean_return"),
    "seeds": lambda _, rows: f"{len(rows)}",
}

if __name__ == "__main__":
    main(ARMS, __doc__, COLUMNS)
