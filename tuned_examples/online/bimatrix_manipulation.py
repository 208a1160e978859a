"""This example lets learning leaders meet followers that respond, that manipulate, and that learn to do either.

The first table is of one 2x2 game in which a follower gains by punishing row 0; the second of random games, exact: how
often the best manipulation is strictly better for the follower than best responses, and what both gain by it; the third
of random 3x3 games in which both sides learn. Rewards are coins. Yu & Chen 2024, arXiv 2405.03158.

How to run: `python tuned_examples/online/bimatrix_manipulation.py --seeds 20` (minutes; `--out DIR` writes the figure
and the data).

Results to expect: against best responses both leaders end at row 0, the equilibrium (.7, .3), in .99 of the rounds;
against FBM at row 1, (.5, .9). FMUCB gets there in nearly all seeds: in the others the leader gives row 1 up before it
has been learned that it can be led there. The best manipulation is strictly better in 22, 46, 69 and 87 % of random
games.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.followers.best_manipulation import best_manipulation, led_to
from rllib_stackelberg.online.options import OnlineOptions
from rllib_stackelberg.online.results import curves_data, result_data
from rllib_stackelberg.reports import bands_figure, markdown_table, write_drawing, write_table

KNOWN = {"leader": [[0.7, 0.1], [0.5, 0.2]], "follower": [[0.3, 0.2], [0.9, 0.1]]}
LEADERS = ("EXP3", "UCBE")
FOLLOWERS = ("best-response", "UCB", "FBM", "FMUCB")
SIZES = (2, 3, 5, 10)
MANY = 20_000
COMMAND = "python tuned_examples/online/bimatrix_manipulation.py"


def met(game: str, params: dict[str, Any], leader: str, follower: str, rounds: int, seeds: int) -> dict[str, Any]:
    """A run's result, its curves among it."""
    options = OnlineOptions.checked(
        game=game, params=params, leader=leader, follower=follower, rounds=rounds, seeds=seeds
    )
    record = options.run()
    found = result_data(record, options.arena)
    between = (found["equilibrium"]["follower"] + found["manipulation"]["follower"]) / 2
    manipulated = float((record.last_payoffs()[:, 1] > between).mean())
    return found | {"curves": curves_data(record), "manipulated": manipulated}


def known(rounds: int, seeds: int) -> dict[str, dict[str, Any]]:
    """Every leader against every follower in the known game."""
    return {
        f"{leader} against {follower}": met("bimatrix", KNOWN, leader, follower, rounds, seeds)
        for leader in LEADERS
        for follower in FOLLOWERS
    }


def exact() -> dict[int, dict[str, float]]:
    """Best manipulation against best responses, in random games of every size."""
    found = {}
    for size in SIZES:
        leader, follower = np.random.default_rng(size).random((2, MANY, size, size))
        best = led_to(leader, follower, follower.argmax(axis=-1))
        manipulated = led_to(leader, follower, best_manipulation(leader, leader, follower).response)
        gains = [after - before for before, after in zip(best, manipulated, strict=True)]
        found[size] = {
            "follower gains strictly": float((gains[1] > 0).mean()),
            "follower loses": float((gains[1] < 0).mean()),
            "follower's mean gain": float(gains[1].mean()),
            "leader's mean gain": float(gains[0].mean()),
            "leader gains, where follower does": float((gains[0] > 0)[gains[1] > 0].mean()),
        }
    return found


def random_games(games: int, rounds: int, seeds: int) -> dict[str, dict[str, float]]:
    """Means over random 3x3 games of what is reached in the last rounds, before what could be."""
    found = {}
    for leader in LEADERS:
        for follower in FOLLOWERS:
            runs = [
                met("random-bimatrix", {"actions": 3, "seed": game}, leader, follower, rounds, seeds)
                for game in range(games)
            ]
            found[f"{leader} against {follower}"] = mean_of(runs, "last_average")
    for exact in ("equilibrium", "manipulation"):
        found[f"exact: {exact}"] = mean_of(runs, exact)
    return found


def mean_of(runs: list[dict[str, Any]], key: str) -> dict[str, float]:
    """Means over runs of what both players get."""
    return {player: float(np.mean([run[key][player] for run in runs])) for player in ("leader", "follower")}


def cells(head: str, rows: dict[Any, dict[str, Any]]) -> list[dict[str, str]]:
    """Rows of a table, by name."""
    return [{head: str(name)} | {column: f"{value:.3f}" for column, value in row.items()} for name, row in rows.items()]


def known_rows(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """What the first table shows."""
    return {
        name: {
            "row 0 at the end": sum(found["last_frequencies"][0]),
            "row 1 at the end": sum(found["last_frequencies"][1]),
            "leader average": found["leader_average"],
            "follower average": found["follower_average"],
            "follower at the end": found["last_average"]["follower"],
            "seeds manipulated": found["manipulated"],
        }
        for name, found in results.items()
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20_000, help="of every run")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--games", type=int, default=8, help="random games to learn in")
    parser.add_argument("--out", type=Path, help="folder for the figure and the data")
    arguments = parser.parse_args()
    results = known(arguments.rounds, arguments.seeds)
    shares, learned = exact(), random_games(arguments.games, arguments.rounds, arguments.seeds)
    tables = {
        "known": cells("leader against follower", known_rows(results)),
        "exact": cells("actions of each", shares),
        "random": cells("leader against follower", learned),
    }
    for rows in tables.values():
        print(markdown_table(rows), end="\n\n")
    if arguments.out:
        command = f"{COMMAND} --rounds {arguments.rounds} --seeds {arguments.seeds} --games {arguments.games}"
        for name, rows in tables.items():
            write_table(arguments.out / f"bimatrix_manipulation_{name}.md", rows, command)
        curves = {name: results[f"EXP3 against {name}"]["curves"]["follower_average"] for name in FOLLOWERS}
        label, drawing = "follower's average payoff so far", arguments.out / "bimatrix_manipulation"
        write_drawing(drawing, bands_figure, curves=curves, label=label, references={})
        data = {"known": results, "random": shares, "learned": learned}
        write_atomically(arguments.out / "bimatrix_manipulation.json", to_json(data).encode())


if __name__ == "__main__":
    main()
