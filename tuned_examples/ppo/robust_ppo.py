"""This example trains leaders against one model of followers each, and a robust one against a mixture of all of them.

The three models: multiplicative weights and best responses, for whose argmax play the leader is paid, and a logit
response, which makes small mistakes and goes on making them (`reward_play="last"`). One model is drawn per leader
episode and hidden from the leader. Random Bayesian games, in which the leader picks one of 24 payoff tables, and a
mixed commitment, whose optimum against best responses lies where the follower is all but indifferent.

The first table holds the best leader tables there are, under each model and under the mixture: all 24, or a grid of
mixtures. The second one holds what was learned: a line per trained leader, a column per model; "judged" is the mean
over models, which the robust leader maximises.

How to run: `python tuned_examples/ppo/robust_ppo.py --seeds 3` (minutes).

Results to expect: every leader comes within a hundredth of the best for what it was trained against, so the robust one
has the best mean; the leaders of "weights" and "best" lose up to .5 under a model they did not train against.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from rllib_stackelberg import LeaderSettings, evaluate_strategy, make_game
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.rounding import number
from rllib_stackelberg.training.example_tables import Cell, Rows, mean_of
from rllib_stackelberg.training.examples import Example, main

MODELS: list[dict[str, Any]] = [
    {"name": "weights", "followers": "mw:epsilon=0.1"},
    {"name": "best", "followers": "best-response"},
    {"name": "logit", "followers": "logit:precision=10", "reward_play": "last"},
]
MIXTURE = {"models": MODELS}
RANDOM = {"types": 2, "actions": 3, "tables": 24, "correlated": True, "objective": "own"}
GRID = 200
SHORTFALL = 0.01

Instance = tuple[str, tuple[tuple[str, Any], ...]]


WORDS = {"weights": "weights", "best": "best responses", "logit": "logit"}
VALUES = {
    "mean of models": "judged",
    **{f"under {WORDS[m['name']]}": f"under {m['name']}" for m in MODELS},
    "worst": "worst",
}
"""What tables show of each row, by their headings."""


def payoff_tables(params: dict[str, Any]) -> Iterable[Any]:
    """Every answer of a leader that picks a payoff table."""
    return range(params["tables"])


def commitments(params: dict[str, Any]) -> Iterable[Any]:
    """A grid of mixtures of two actions."""
    return ([share, 1 - share] for share in np.linspace(0, 1, GRID + 1))


ANSWERS: dict[str, Callable[[dict[str, Any]], Iterable[Any]]] = {"bayesian": payoff_tables, "conitzer": commitments}


@lru_cache
def valued(instance: Instance) -> list[Evaluation]:
    """Every answer of the leader (these games ask once), valued under the mixture."""
    name, params = instance[0], dict(instance[1])
    game, settings = make_game(name, **params), LeaderSettings.checked(**MIXTURE)
    strategies = [LeaderStrategy.from_pairs(game, [(0, answer)]) for answer in ANSWERS[name](params)]
    return [evaluate_strategy(strategy, settings, every_play=False) for strategy in strategies]


def best_under(instance: Instance, model: int | None) -> Evaluation:
    """The answer that is worth most under a model; None: under the mixture."""
    return max(
        valued(instance), key=lambda e: e.leader_value if model is None else e.by_model[model].found.leader_value
    )


def short(game: str, params: Iterable[tuple[str, Any]]) -> str:
    """The game, and which of the random ones."""
    return f"`{' '.join([game, *(f'seed={value}' for key, value in params if key == 'seed')])}`"


def instance_of(example: Example) -> Instance:
    """What it is played on."""
    return example.game, tuple(example.params.items())


def near_optimal(instance: Instance, model: int | None) -> tuple[str, Callable[[Rows], bool]]:
    """Bar: what a leader was trained for is worth nearly as much as it can be."""

    def met(rows: Rows) -> bool:
        """Whether the mean value falls short of the best by little."""
        best = best_under(instance, model)
        most = best.leader_value if model is None else best.by_model[model].found.leader_value
        return float(np.mean([row["value"] for row in rows])) >= most - SHORTFALL

    return f"mean value within {SHORTFALL} of the best by enumeration", met


def arms(game: str, params: dict[str, Any], iterations: int) -> list[Example]:
    """A leader per model, and the robust one."""
    instance = game, tuple(params.items())
    chosen = [(WORDS[model["name"]], [model], k) for k, model in enumerate(MODELS)]
    return [
        Example(
            game, near_optimal(instance, k), params=params, settings={"models": models}, arm=f"trained against {name}",
            max_iterations=iterations, judged=MIXTURE,
        )
        for name, models, k in [*chosen, ("the mixture", MODELS, None)]
    ]  # fmt: skip


def optima(examples: Sequence[Example]) -> list[dict[str, str]]:
    """The best answers by enumeration, valued under every model."""
    lines = []
    for instance in dict.fromkeys(map(instance_of, examples)):
        for k in (*range(len(MODELS)), None):
            found = best_under(instance, k)
            values = [found.leader_value, *(model.found.leader_value for model in found.by_model), found.worst_value]
            names = {"game": short(*instance), "best for": "the mixture" if k is None else WORDS[MODELS[k]["name"]]}
            lines.append(names | dict(zip(VALUES, (number(value, 3) for value in values), strict=True)))
    return lines


ARMS = [
    *arms("bayesian", RANDOM | {"seed": 18}, 60),
    *arms("bayesian", RANDOM | {"seed": 33}, 60),
    *arms("conitzer", {"mixed": True}, 160),
]
EXAMPLES = [example for example in ARMS if len(example.settings["models"]) > 1]
"""The robust leaders: what is tested. The others are what they stand beside."""

COLUMNS: dict[str, Cell] = {
    "game": lambda example, _: short(*instance_of(example)),
    "trained against": lambda example, _: example.arm.removeprefix("trained against "),
    **{heading: mean_of(column) for heading, column in VALUES.items()},
    "seeds": lambda _, rows: f"{len(rows)}",
}

if __name__ == "__main__":
    main(ARMS, __doc__, COLUMNS, optima)
