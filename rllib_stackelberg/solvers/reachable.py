"""The exact optimum against a given response algorithm: the best leader table when followers learn as they do.

This is what the leader's problem maximises, and neither above nor below the equilibrium optimum in general: learning
need not reach the equilibrium a leader would pick, and what it plays need not be one. Leader tables are combinations of
sub-tables (subtables.py). Followers learn once for all combinations that are the same to them; the leader then takes
the best of those. Promising combinations are valued first, then the others in the order of an upper bound (bounds.py),
until none left can be better; where the first ones attain the largest bound, that is at once.

For discrete leader actions. The number of combinations is exponential in the number of components.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.comparisons import NEGLIGIBLE, typical_spread
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import OutcomeTable, Profiles
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.solvers.bounds import Ranking, outlook, promising, ranked
from rllib_stackelberg.solvers.subtables import Component, components
from rllib_stackelberg.streams import Purpose, Streams

BOUNDS = 20_000_000_000
"""Most numbers added up for bounds (combinations, times scenarios): about two minutes of one core."""

WORK = 1_500_000_000
"""Most outcomes to learn from (combinations, times samples, updates and outcomes of one): five minutes of one core."""

BATCH = 1 << 16
"""Outcomes of the combinations that are valued side by side."""


def response_solve(
    game: StackelbergGame, settings: LeaderSettings, seed: int = 0, samples: int = 16
) -> StackelbergSolution:
    """Best leader table against a given response algorithm.

    Args:
        game: the game; settings: followers, updates and play. Of several models of followers, the optimum is that
            of the mean.
        seed: of the response streams; samples: responses per table where they are random.

    Returns:
        The optimum to within 1e-9 of what the leader's payoffs typically differ by; `details` tells how many `tables`
        there are (different ones), how many `kinds` of them followers can tell apart, how many kinds were `valued`, and
        the `bound` of all.

    Raises:
        InvalidFieldError: leader actions are not discrete, or the game is too large.

    >>> from rllib_stackelberg import make_game
    >>> settings = LeaderSettings(update_mode="expected", response_updates=50)
    >>> found = response_solve(make_game("message-spm", types=2, messages=1, price_grid=3), settings)
    >>> found.leader_value, found.details["tables"]
    (0.0, 13)
    """
    # Followers that break ties for the leader, or against it, do not play alike where its payoffs differ.
    watched = any(part.settings.ties in ("leader", "against") for part in settings.parts)
    parts = [replace(component, leader_matters=watched) for component in components(game)]
    valuation = Valuation(game, parts, settings, seed, samples if settings.random_response else 1)
    outlooks = [outlook(game, component) for component in valuation.components]
    spread = typical_spread(np.concatenate([part.payoffs[..., 0].ravel() for part in valuation.components]))
    search = Search(valuation, NEGLIGIBLE * spread)
    start = promising(outlooks, min(valuation.most, 4 * valuation.batch))
    search.through(start)
    kinds = math.prod(len(own) for own in outlooks)
    if start.rest > search.enough:
        scenarios = outlooks[0][0].size
        if kinds * scenarios > BOUNDS:
            raise _too_large(game, f"{kinds:g} leader tables that differ to followers", f"up to {BOUNDS // scenarios}")
        ranking = ranked(outlooks, valuation.most, search.enough)
        search.through(ranking)
        if ranking.rest > search.enough:
            allowed = f"up to {valuation.most} at {valuation.updates} response updates"
            raise _too_large(game, f"more than {search.valued} leader tables that must be valued", allowed)
    details = {
        "tables": math.prod(len(component.answers) for component in valuation.components),
        "kinds": kinds,
        "valued": search.valued,
        "bound": start.rest,
        "samples": valuation.samples,
        "settings": settings.model_dump(mode="json"),
    }
    return valuation.solution(search.best, details)


def _too_large(game: StackelbergGame, problem: str, allowed: str) -> InvalidFieldError:
    return InvalidFieldError("game", f"{name_of(game)} has {problem}", allowed)


@dataclass(frozen=True)
class Best:
    """A sub-table per component and the leader's payoff with them."""

    value: float
    subtables: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Valuation:
    """Values combinations of sub-tables by letting followers learn against them.

    Attributes:
        game: the game; components: its parts; settings: the response.
        seed: of the response streams; samples: responses per combination.
    """

    game: StackelbergGame
    components: list[Component]
    settings: LeaderSettings
    seed: int
    samples: int

    @cached_property
    def profiles(self) -> Profiles:
        """All (nature, joint action) pairs."""
        return Profiles.of(self.game)

    @property
    def batch(self) -> int:
        """Combinations valued side by side."""
        return max(1, BATCH // (len(self.profiles) * self.samples))

    @property
    def most(self) -> int:
        """Combinations that can be valued within the limit."""
        return max(1, WORK // (len(self.profiles) * self.samples * self.updates))

    @property
    def updates(self) -> int:
        """Of a combination's responses, under all models."""
        return sum(part.settings.response_updates for part in self.settings.parts)

    def table(self, subtables: Index) -> OutcomeTable:
        """Outcomes of combinations of sub-tables, `[B, components]`."""
        shape = (len(subtables), len(self.profiles))
        payoffs = np.zeros((*shape, len(self.game.agents)))
        information = np.full((*shape, len(self.game.learned_turns)), -1)
        for component, chosen in zip(self.components, subtables.T, strict=True):
            payoffs[:, component.profiles] = component.payoffs[chosen]
            information[:, component.profiles] = component.information[chosen]
        axes = (len(subtables), len(self.profiles.nature), len(self.profiles.joint))
        return OutcomeTable(self.game, self.profiles, payoffs.reshape(*axes, -1), information.reshape(*axes, -1))

    def play(self, table: OutcomeTable) -> NDArray[np.float64]:
        """Probability of every profile once followers have learned, mean over responses and models: `[B, T, A]`."""
        entry = np.repeat(np.arange(len(table.payoffs)), self.samples)
        repeated = OutcomeTable(self.game, self.profiles, table.payoffs[entry], table.information[entry])
        played = sum(part.probability * self._played(repeated, part.settings) for part in self.settings.parts)
        return np.asarray(played)

    def _played(self, table: OutcomeTable, settings: LeaderSettings) -> NDArray[np.float64]:
        """As `play`, under one model, from a table that repeats every combination for its samples."""
        rows = len(table.payoffs)
        response = Response.begin(settings, self.game, rows)
        # Every combination meets the same streams.
        episodes = [(s, 0) for s in range(self.samples)] * (rows // self.samples)
        response.respond(table, Phase(np.arange(rows), settings, Streams(self.seed, Purpose.SELECTION), episodes))
        policies = response.reported(table, np.arange(rows), settings.reward_play, settings.ties)
        played = table.distribution(policies)
        return played.reshape(-1, self.samples, *played.shape[1:]).mean(axis=1)

    def best(self, kinds: Index) -> Best:
        """The best combination among those of the given kinds, `[B, components]`."""
        first = np.stack(
            [component.first[own] for component, own in zip(self.components, kinds.T, strict=True)], axis=1
        )
        played = self.play(self.table(first)).reshape(len(kinds), -1)
        values, chosen = np.zeros(len(kinds)), []
        for component, own in zip(self.components, kinds.T, strict=True):
            payoffs = played[:, component.profiles] @ component.payoffs[..., 0].T
            alike = np.where(component.kinds == own[:, None], payoffs, -np.inf)
            chosen.append(alike.argmax(axis=1))
            values += alike.max(axis=1)
        b = int(values.argmax())
        return Best(float(values[b]), tuple(int(own[b]) for own in chosen))

    def solution(self, best: Best, details: dict) -> StackelbergSolution:
        """The combination found, its payoffs summed as everywhere else."""
        table = self.table(np.array([best.subtables]))
        values = table.values(self.play(table))[0]
        pairs = [pair for part, own in zip(self.components, best.subtables, strict=True) for pair in part.pairs(own)]
        return StackelbergSolution(
            leader_value=float(values[0]),
            follower_values=tuple(values[1:].tolist()),
            leader_strategy=tuple(sorted(pairs)),
            method="enumeration of reachable tables against the response algorithm",
            tie_break="as played",
            details=details,
        )


@dataclass(eq=False)
class Search:
    """The best combination so far.

    Attributes:
        valuation: what values combinations; margin: how much better another one must be to replace it.
        best: so far; valued: number of combinations (of kinds) that were.
    """

    valuation: Valuation
    margin: float
    best: Best = Best(-math.inf)
    valued: int = 0

    @property
    def enough(self) -> float:
        """Combinations of a bound up to this need not be valued."""
        return self.best.value + self.margin

    def through(self, ranking: Ranking) -> None:
        """Value combinations until no later one can be better."""
        done = 0
        while done < len(ranking.bounds) and ranking.bounds[done] > self.enough:
            some = ranking.combinations[done : done + self.valuation.batch]
            found = self.valuation.best(some)
            if found.value > self.enough:
                self.best = found
            done += len(some)
            self.valued += len(some)
