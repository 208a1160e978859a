"""Options of a training run on a game with a population: checked before anything starts, saved with the run."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.populations.evaluation import PLAYS
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import GameName, find_spec, make_population
from rllib_stackelberg.runs.game_options import GameOptions
from rllib_stackelberg.runs.options import Positive, check_runners, left_open
from rllib_stackelberg.runs.ray_files import check_places


class PopulationOptions(GameOptions):
    """What to train and for how long.

    Attributes:
        game: id or "package.module:ClassName"; params: its constructor parameters.
        settings: fields of `PopulationSettings` that differ from the game's defaults.
        algo: "SMFRL", or "PPO": the leader by PPO against members that answer by SMFRL, in turns.
        seed: of the whole run.
        max_seconds: of training; None: the game's default, or no limit if `max_iterations` is given.
        max_iterations: epochs; with it and no remote env runners, a run repeats exactly.
        num_env_runners: remote sampling processes; 0 samples in the main one.
        plays: on which the final policies are valued.
        exploitability: epochs for which either side is trained on against the other's final policy; 0: not at all.
        out: run folder, new or empty; None: a new one under ./runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    game: GameName
    params: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    algo: Literal["SMFRL", "PPO"] = "SMFRL"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    max_seconds: Positive | None = None
    max_iterations: Annotated[int, Field(ge=1)] | None = None
    num_env_runners: Annotated[int, Field(ge=0)] = 0
    plays: Annotated[int, Field(ge=1, le=10**4)] = PLAYS
    exploitability: int = Field(
        default=0, ge=0, description="epochs for which each side is trained on alone, to see what it gains"
    )
    out: Path | None = None

    @classmethod
    def checked(cls, rules: PopulationGame | None = None, /, **values: Any) -> Self:
        """Build options and refuse, by field name, what cannot work.

        Args:
            rules: the game, if it has been made.
            values: fields.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """
        options = validated(cls, values).holding(rules)
        settings, game = options.resolved_settings, options.rules
        settings.boxes(game)
        settings.capacity(game)
        check_places()
        check_runners(options.num_env_runners)
        return options.model_copy(
            update=left_open(options.game, options.max_seconds, options.max_iterations, options.out)
        )

    @property
    def resumable(self) -> bool:
        """Whether the run keeps checkpoints."""
        return self.algo == "SMFRL"

    @cached_property
    def rules(self) -> PopulationGame:
        """The game, made when it is first asked for."""
        return make_population(self.game, **self.params)

    @cached_property
    def resolved_settings(self) -> PopulationSettings:
        """The game's default settings with this run's changes."""
        return PopulationSettings.checked(**find_spec(self.game).defaults.settings | self.settings)

    def done(self, iteration: int, seconds: float) -> float:
        """Which share of the run is over; 1 or more at its end."""
        shares = [0.0]
        if self.max_iterations is not None:
            shares.append(iteration / self.max_iterations)
        if self.max_seconds is not None and iteration:
            shares.append(seconds / self.max_seconds)
        return max(shares)
