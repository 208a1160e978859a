"""Options of a training run on a game with a population: checked before anything starts, saved with the run."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from rllib_stackelberg.populations.evaluation import PLAYS
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import find_spec, make_population
from rllib_stackelberg.runs.run_options import RunOptions

Algorithm = Literal["SMFRL", "PPO", "APPO"]


class PopulationOptions(RunOptions):
    """As the base says, and:

    Attributes:
        settings: fields of `PopulationSettings` that differ from the game's defaults.
        algo: how the leader learns; members_algo: how members do. Where both are "SMFRL", they learn at once; else in
            turns, each against the other as it is.
        max_iterations: epochs of SMFRL, or rounds of turns.
        device: where networks compute, with "cuda" torch's first CUDA device; remote env runners act on the CPU. Not
            saved: a run that goes on goes on where it is told to.
        plays: on which the final policies are valued.
        exploitability: epochs for which either side is trained on against the other's final policy; 0: not at all.
    """

    algo: Algorithm = "SMFRL"
    members_algo: Algorithm = Field(
        default="SMFRL", description="how members learn; the sides learn in turns, unless both do by SMFRL"
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", exclude=True, description="where networks compute: cpu, cuda")
    plays: Annotated[int, Field(ge=1, le=10**4)] = PLAYS
    exploitability: int = Field(
        default=0, ge=0, description="epochs for which each side is trained on alone, to see what it gains"
    )

    def check_training(self) -> None:
        """As the base says."""
        settings, game = self.resolved_settings, self.rules
        settings.boxes(game)
        settings.capacity(game)

    @property
    def in_turns(self) -> bool:
        """Whether the sides learn one after the other."""
        return (self.algo, self.members_algo) != ("SMFRL", "SMFRL")

    @cached_property
    def rules(self) -> PopulationGame:
        """The game, made when it is first asked for."""
        return make_population(self.game, **self.params)

    @cached_property
    def resolved_settings(self) -> PopulationSettings:
        """The game's default settings with this run's changes."""
        return PopulationSettings.of(self.rules, **find_spec(self.game).defaults.settings | self.settings)

    def done(self, iteration: int, seconds: float) -> float:
        """Which share of the run is over; 1 or more at its end."""
        shares = [0.0]
        if self.max_iterations is not None:
            shares.append(iteration / self.max_iterations)
        if self.max_seconds is not None and iteration:
            shares.append(seconds / self.max_seconds)
        return max(shares)
