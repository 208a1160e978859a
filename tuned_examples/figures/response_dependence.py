"""This script shows how much a mechanism depends on the model of followers' response, on random Bayesian games.

Two followers with three types and three actions each, uniform payoffs; the leader gets their sum and picks one of three
payoff tables. Half of the games have independent types, half correlated ones. Learners: every registered utility
learner with its default parameters.

- A table for each kind of prior, means over games. "argmax", "last" and "average" are the leader's value of the first
  payoff table, by the play that counts. Beside the learners stand the best and the worst BCCE and pure Bayesian
  equilibrium (over the games that have one). "lost by believing it": a designer who expects the row's followers picks
  the payoff table that is best against their argmax play. If followers learn by multiplicative weights instead, that
  table is worth so much less than the best one. "BCCE gap" is of the worst of the response samples.
- `bcce_gaps.svg`: the gap over updates of every learner that promises no regret, mean over games.
- `response_models.svg`: the first game of each kind, every payoff table: learners' values before what equilibria allow.

How to run: `python tuned_examples/figures/response_dependence.py --games 20 --out .`
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from rich.progress import track

from rllib_stackelberg import MultiplicativeWeights, make_game
from rllib_stackelberg.evaluation.dependence import Dependence, gap_curve, response_models, utility_learners
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports import (
    Begun,
    dependence_figure,
    gap_curves_figure,
    markdown_table,
    write_drawing,
    write_table,
)

GAME = {"types": 3, "actions": 3, "tables": 3}
UPDATES = 1_000
CURVE = (10, 30, 100, 300, 1_000, 3_000, 10_000)
SHOWN = (100, 1_000, 10_000)
SAMPLES = 16
PLAYS = ("argmax", "last", "average")
COMMAND = "python tuned_examples/figures/response_dependence.py"
EQUILIBRIA = {"pessimistic equilibrium": "worst pure equilibrium", "optimistic equilibrium": "best pure equilibrium"}
REFERENCE = f"{MultiplicativeWeights.traits.name}, argmax"

Curves = dict[str, list[tuple[int, float]]]


def strategies(seed: int, correlated: bool) -> list[LeaderStrategy]:
    """One per payoff table of a random game."""
    game = make_game("bayesian", seed=seed, correlated=correlated, **GAME)
    return [LeaderStrategy.from_pairs(game, [(0, table)]) for table in range(GAME["tables"])]


def dependences(seed: int, correlated: bool) -> list[Dependence]:
    """Every payoff table of a random game under every response model."""
    learners = utility_learners(no_regret=False)
    return [response_models(each, learners, UPDATES, samples=SAMPLES) for each in strategies(seed, correlated)]


def curves(seeds: Sequence[int], correlated: bool) -> Curves:
    """Mean BCCE gaps over updates of every learner that promises no regret, against the first payoff table."""
    found: Curves = {}
    for learner in track(utility_learners(), "gap curves"):
        each = [gap_curve(strategies(seed, correlated)[0], learner, CURVE, samples=SAMPLES) for seed in seeds]
        means = [fmean(gap for _, gap in rung) for rung in zip(*each, strict=True)]
        found[learner.traits.name] = list(zip(CURVE, means, strict=True))
    return found


def lost(games: Sequence[Sequence[Dependence]], model: str) -> str:
    """By picking the payoff table that a response model likes best, against the reference; mean over games."""
    values = [[dict(table.rows()) for table in game] for game in games]
    able = [tables for tables in values if any(model in rows for rows in tables)]
    best = [max(rows[REFERENCE] for rows in tables) for tables in able]
    picked = [max(tables, key=lambda rows: rows.get(model, float("-inf")))[REFERENCE] for tables in able]
    return f"{fmean(best) - fmean(picked):.3f}" if able else ""


def lines(games: Sequence[Sequence[Dependence]], gaps: Curves) -> list[dict[str, str]]:
    """Rows of a table: equilibria, then learners."""
    first = [dict(game[0].rows()) for game in games]
    models = {model.name: model for model in games[0][0].models}
    found = []
    for name in ("worst BCCE", "pessimistic equilibrium", "optimistic equilibrium", "best BCCE"):
        values = [rows[name] for rows in first if name in rows]
        mean = f"{fmean(values):.3f}" if values else ""
        some = "" if len(values) == len(first) else f" ({len(values)} games)"
        found.append([EQUILIBRIA.get(name, name) + some, mean, mean, mean, lost(games, name), "", "", ""])
    for name in models:
        values = [f"{fmean(rows[f'{name}, {play}'] for rows in first):.3f}" for play in PLAYS]
        shown = [f"{dict(gaps[name])[updates]:.3f}" if name in gaps else "" for updates in SHOWN]
        found.append([name, *values, lost(games, f"{name}, argmax"), *shown])
    columns = ["followers", *PLAYS, "lost by believing it", *(f"BCCE gap after {updates:,}" for updates in SHOWN)]
    return [dict(zip(columns, row, strict=True)) for row in found]


def main(games: int, out: Path) -> None:
    """Both tables and both figures."""
    begun, panels, gaps = Begun(), {}, {}
    for kind, correlated in (("independent types", False), ("correlated types", True)):
        seeds = range(games)
        found = [dependences(seed, correlated) for seed in track(seeds, kind)]
        gaps[kind] = curves(seeds, correlated)
        panels |= {f"{kind.split()[0]}, table\u00a0{k}": each.data() for k, each in enumerate(found[0])}
        rows = lines(found, gaps[kind])
        print(f"\n{kind}, {games} games\n\n{markdown_table(rows)}")
        write_table(out / f"response_models_{kind.split()[0]}.md", rows, f"{COMMAND} --games {games}", begun)
    write_drawing(out / "bcce_gaps", gap_curves_figure, panels=gaps)
    write_drawing(out / "response_models", dependence_figure, panels=panels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=20, help="random games of each kind of prior")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the figures")
    arguments = parser.parse_args()
    main(arguments.games, arguments.out)
