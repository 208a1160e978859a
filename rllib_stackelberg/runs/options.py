"""Options of a training run on a game of finite types: checked before anything starts, saved with the run."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.workload import RESPONSE_SAMPLES, check_workload
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.registry import find_spec, make_game
from rllib_stackelberg.runs.algorithms import ALGORITHMS, check_algorithm
from rllib_stackelberg.runs.run_options import RunOptions


class TrainOptions(RunOptions):
    """As the base says, and:

    Attributes:
        settings: fields of `LeaderSettings` that differ from the game's defaults.
        algo: RLlib algorithm; critic: "central" or "local"; None: central, where the algorithm has one.
        max_seconds: an iteration that is under way then is cut and does not count, but for the first one.
        max_iterations: of RLlib.
        restart_after: iterations after which a leader that has not reached the certified optimum starts afresh
            (earlier if its mean return has long been that of its snapshots); the best snapshot of all starts
            is kept. None: when its schedule is over, if an optimum or a bound is known and missed, and time is left.
        stop_at_optimum: end when nothing is left to learn: the best snapshot has reached the exact value, in an
            equilibrium of the followers, or what the best of all leader strategies is worth, where they are few enough
            to try all; and the exploring leader's mean return is within .2 % of the payoff range of it.
    """

    algo: str = Field(default="PPO", description=", ".join(ALGORITHMS))
    critic: Literal["central", "local"] | None = Field(
        default=None, description="what the critic sees [default: central, where there is a critic]"
    )
    restart_after: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="iterations after which a leader that missed the optimum starts afresh [default: once its "
        "exploration has ended, if the optimum or a bound is known and missed]",
    )
    stop_at_optimum: bool = Field(default=True, description="end once nothing is left to learn [default: end]")

    def check_training(self) -> None:
        """As the base says; a response must not be too much work either."""
        game, settings = self.rules, self.resolved_settings
        check_algorithm(self.algo, game, settings, self.critic, field="algo")
        check_workload(game, settings, RESPONSE_SAMPLES)  # its result is valued in the end

    @cached_property
    def rules(self) -> StackelbergGame:
        """The game, made when it is first asked for."""
        return make_game(self.game, **self.params)

    @cached_property
    def resolved_settings(self) -> LeaderSettings:
        """The game's default settings with this run's changes, fitted to the game's size."""
        given = (
            {"response_updates": self.rules.response_updates} | find_spec(self.game).defaults.settings | self.settings
        )
        return LeaderSettings.checked(**given).fitted(self.rules)

    def finished(self, iteration: int, seconds: float) -> bool:
        """Whether the run has used up its budget."""
        if self.max_iterations is not None and iteration >= self.max_iterations:
            return True
        return self.max_seconds is not None and iteration > 0 and seconds >= self.max_seconds
