"""What saved policies of `taxation` are worth: as trained, after a shock, and where some households do not follow them.

Everything is played by NumPy alone, on the report streams of the run's seed: a policy meets the same economies with
and without a shock, and with every share of non-adopters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from estimates import Estimate, geometric_mean, geometric_of, mean_of
from numpy.typing import NDArray
from rllib_stackelberg.envs.taxation_v0 import LEAST, START_WORK

from rllib_stackelberg.populations.course import course
from rllib_stackelberg.populations.evaluation import PLAYS, PopulationEvaluation, evaluate_population
from rllib_stackelberg.populations.mixed_members import FixedMembers, MixedMembers
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import make_population
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.streams import Purpose, Stream, Streams

NO_SHOCK = "none"
SHOCKS = ("productivity", "wealth")
AFTER = 10
"""Years after a shock at which output is compared."""

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
HAND_TO_MOUTH = (LEAST, START_WORK)
"""Share saved and share worked of non-adopters: as little as the game lets them save, and the best answer to no tax
where nothing is saved."""

COURSES = 16
"""Plays of a run that are followed year by year."""

GDP = "GDP per head"
OUTPUT = f"output, {AFTER} years after"
GEOMETRIC = (GDP, OUTPUT)
"""Measures that grow by a factor a year: their means are geometric."""

Row = dict[str, float]


@dataclass(frozen=True, eq=False)
class SavedRun:
    """Policies of a run and the economies they are played in.

    Attributes:
        params: of the game they were trained in; policy: of both sides; seed: of the run.
    """

    params: Mapping[str, Any]
    policy: PopulationPolicy
    seed: int

    @classmethod
    def read(cls, folder: RunFolder) -> SavedRun:
        """From a run folder.

        Raises:
            InvalidFieldError: it is none, or its policy is not of a population game.
        """
        config = folder.read("config")
        return cls(config["params"], PopulationPolicy.load(folder.path), int(config["seed"]))

    def game(self, shock: str = NO_SHOCK, year: int = 1) -> PopulationGame:
        """Its game, with a shock."""
        return make_population("taxation", **self.params, shock=shock, shock_year=year)

    @cached_property
    def output(self) -> NDArray[np.float64]:
        """GDP per head, dollars, year by year of some plays `[T, COURSES]`; NaN where a play had ended."""
        return self._followed(self.game())

    def _followed(self, game: PopulationGame) -> NDArray[np.float64]:
        found = np.full((game.periods, COURSES), np.nan)
        years = course(game, self.policy, self.seed, COURSES).figures[GDP]
        found[: len(years)] = years
        return found

    def relative_output(self, shock: str, year: int) -> NDArray[np.float64]:
        """Output over what it is without the shock, of the same plays; NaN where either has ended."""
        return self._followed(self.game(shock, year)) / self.output


def accounts(found: PopulationEvaluation) -> Row:
    """What the table of governments shows of an evaluation: means over plays, of GDP the geometric one."""
    return {
        "years": float(found.periods.mean()),
        GDP: float(geometric_mean(found.average[GDP])),
        "wealth Gini": float(found.average["wealth Gini"].mean()),
        "income Gini": float(found.average["income Gini"].mean()),
        "welfare": float(found.members.mean()),
        "government": float(found.leader.mean()),
    }


def as_trained(run: SavedRun, plays: int = PLAYS) -> Row:
    """The accounts of the policies where they were trained."""
    return accounts(evaluate_population(run.game(), run.policy, run.seed, Purpose.REPORT, plays))


def shocked(run: SavedRun, shock: str, year: int, plays: int = PLAYS) -> Row:
    """How a shock in a year (1 is the first) is survived; output is relative to no shock, NaN if no play got so far."""
    found = evaluate_population(run.game(shock, year), run.policy, run.seed, Purpose.REPORT, plays)
    later = run.relative_output(shock, year)[year - 1 + AFTER :][:1]
    return {
        "years": float(found.periods.mean()),
        OUTPUT: float(geometric_mean(later)),
        "welfare": float(found.members.mean()),
    }


def mixed(run: SavedRun, share: float, plays: int = PLAYS) -> Row:
    """What the policies are worth where a share of the households lives from hand to mouth instead.

    Who does, is drawn by the run's seed; a larger share contains the smaller one. NaN: the payoff of nobody.
    """
    game = run.game()
    others, generator = FixedMembers.of(game, HAND_TO_MOUTH), Streams(run.seed).generator(0, 0, Stream.MODEL)
    policy = MixedMembers.drawn(run.policy, others, share, game.members, generator)
    sides = {"adopters": ~policy.apart, "non-adopters": policy.apart}
    groups = {name: among for name, among in sides.items() if among.any()}
    found = evaluate_population(game, policy, run.seed, Purpose.REPORT, plays, groups)
    apart = {name: float(found.groups[name].mean()) if name in groups else np.nan for name in sides}
    row = accounts(found)
    return {"years": row["years"], GDP: row[GDP], "wealth Gini": row["wealth Gini"], **apart}


def over_seeds(rows: list[Row]) -> dict[str, Estimate]:
    """Every measure, over seeds."""
    return {name: (geometric_of if name in GEOMETRIC else mean_of)([row[name] for row in rows]) for name in rows[0]}
