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
from scipy.optimize import brentq

from rllib_stackelberg.populations.course import course
from rllib_stackelberg.populations.evaluation import PLAYS, PopulationEvaluation, evaluate_population
from rllib_stackelberg.populations.mixed_members import FixedMembers, MixedMembers
from rllib_stackelberg.populations.play import PopulationPlays
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
GROWTH = "growth, points a year"
WELFARE = "welfare, factor of consumption"
WHILE_BOTH_LAST = "of years that both last"
FACTOR = "GDP per head, factor"
GEOMETRIC = (GDP, OUTPUT, FACTOR, WELFARE, WHILE_BOTH_LAST)
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

    @cached_property
    def enjoyed(self) -> NDArray[np.float64]:
        """What every household is paid in every year of some plays `[T, COURSES, N]`; 0 where a play had ended."""
        game = self.game()
        plays = PopulationPlays(game, Streams(self.seed, Purpose.REPORT), range(COURSES))
        found = np.zeros((game.periods, COURSES, game.members))
        year = 0
        while len(rows := plays.running):
            found[year, rows] = plays.step(*self.policy.play(game, plays.state.take(rows)), rows)[1]
            year += 1
        return found

    @property
    def lasting(self) -> NDArray[np.bool_]:
        """Whether some plays go on, year by year `[T, COURSES]`."""
        return np.isfinite(self.output)

    @property
    def growth(self) -> float:
        """Of GDP per head, percent a year, from a play's first year to its last, mean over plays; NaN of one year."""
        years = np.isfinite(self.output).sum(axis=0)
        last = self.output[years - 1, np.arange(COURSES)]
        lasting = years > 1
        if not lasting.any():
            return float("nan")
        rates = np.log(last / self.output[0])[lasting] / (years[lasting] - 1)
        return float(100 * np.expm1(rates).mean())

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


def with_consumption(paid: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """What households would be paid if they consumed `factor` times as much and worked as they do.

    A year pays p = c / (c + 1000 exp(10 h^3 / 3)) (taxation_v0.py), so that p / (1 - p) is in proportion to c.

    >>> with_consumption(np.array([0.5, 0.0]), 3.0).tolist()
    [0.75, 0.0]
    """
    return factor * paid / (1 + (factor - 1) * paid)


def consumption_equivalent(paid: NDArray[np.float64], welfare: float) -> float:
    """By which factor all consumption would have to change for households to be as well off as elsewhere.

    Args:
        paid: what each household is paid in each year `[T, P, N]`, payoffs in [0, 1).
        welfare: the mean payoff of a play elsewhere; between 0 and the number of years.

    Returns:
        NaN where no consumption would do: here plays end earlier than that, and a year pays 1 at most.

    >>> here = np.full((10, 1, 1), 0.5)
    >>> round(consumption_equivalent(here, 7.5), 6), round(consumption_equivalent(here, 5.0), 6)
    (3.0, 1.0)
    >>> consumption_equivalent(here, 11.0)
    nan
    """
    if welfare >= (paid > 0).sum(axis=0).mean():
        return float("nan")

    def missing(log_factor: float) -> float:
        """By how much welfare misses what is wanted, with consumption times that factor."""
        return float(with_consumption(paid, float(np.exp(log_factor))).sum(axis=0).mean()) - welfare

    return float(np.exp(brentq(missing, -40.0, 40.0, xtol=1e-12)))


def against(run: SavedRun, base: SavedRun) -> Row:
    """What a government makes different from another one, on the same households and shocks: the seed's.

    Growth in percentage points a year; welfare as the factor of all consumption under the other government that would
    make its households as well off, of whole plays and of the years that a play lasts under both; GDP per head as a
    factor; the Gini coefficient of wealth.
    """
    own, other = as_trained(run, COURSES), as_trained(base, COURSES)
    both = (run.lasting & base.lasting)[:, :, None]
    return {
        GROWTH: run.growth - base.growth,
        WELFARE: consumption_equivalent(base.enjoyed, own["welfare"]),
        WHILE_BOTH_LAST: consumption_equivalent(both * base.enjoyed, (both * run.enjoyed).sum(axis=0).mean()),
        FACTOR: own[GDP] / other[GDP],
        "wealth Gini": own["wealth Gini"] - other["wealth Gini"],
        "years": own["years"] - other["years"],
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
    """Every measure, over seeds. Welfare has no mean if some seed has none: the others do worst, and would mislead."""
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    if np.isnan(columns.get(WELFARE, 0.0)).any():
        columns[WELFARE] = np.full(len(rows), np.nan)
    return {name: (geometric_of if name in GEOMETRIC else mean_of)(values) for name, values in columns.items()}
