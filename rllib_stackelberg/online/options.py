"""Options of online play: checked before anything starts, saved with what it leaves."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.online.arena import Arena, Noise
from rllib_stackelberg.online.learners import FollowerLearner, LeaderLearner, Seat, learners, online_learner
from rllib_stackelberg.online.meeting import OnlineRecord, Progress, meet
from rllib_stackelberg.rules.registry import make_game

MOST_PLAYS = 20_000_000
"""Most rounds, times seeds, of one call: every one of them is kept until the end."""


def _names(seat: Seat) -> str:
    return ", ".join(kind.traits.name for kind in learners(seat))


class OnlineOptions(BaseModel):
    """Who meets whom, in what game, and for how long.

    Attributes:
        game: id or "package.module:ClassName"; params: its constructor parameters.
        leader, follower: learners, as the command line writes them.
        rounds: of every seed; seeds: how many, side by side; seed: of the whole run.
        noise: what rewards are (`Arena`); None: a coin in a finite game, the rules' own chance moves in others.
        out: folder of the results, new or empty; None: nothing is written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    game: str
    params: dict[str, Any] = {}
    leader: str = Field(description=f"learner, with parameters as in UCBE:bonus=50: {_names('leader')}")
    follower: str = Field(description=f"learner: {_names('follower')}")
    rounds: int = Field(default=3000, ge=1, le=10**6, description="how many rounds are played")
    seeds: int = Field(default=20, ge=1, le=1000, description="how many seeds, played side by side")
    seed: int = Field(default=0, ge=0, lt=2**31, description="random seed of the whole run")
    noise: Noise | None = Field(
        default=None,
        description="what rewards are drawn by [default: bernoulli, a coin, in a finite game; else the rules]",
    )
    out: Path | None = Field(
        default=None, description="folder for results, curves and report, new or empty [default: none is written]"
    )

    @classmethod
    def checked(cls, /, **values: Any) -> Self:
        """Build options and refuse, by field name, what cannot work.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """
        options = validated(cls, values)
        if options.rounds * options.seeds > MOST_PLAYS:
            problem = f"{options.rounds:,} of {options.seeds} seeds"
            raise InvalidFieldError("rounds", problem, f"up to {MOST_PLAYS // options.seeds:,} of so many seeds")
        for learner in options.learners:
            learner.check(options.arena.game)
        return options

    @cached_property
    def arena(self) -> Arena:
        """Where they meet."""
        game = make_game(self.game, **self.params)
        if self.noise is not None:
            return Arena(game, self.noise)
        return Arena(game, "bernoulli") if Arena(game).finite else Arena(game)

    @cached_property
    def learners(self) -> tuple[LeaderLearner, FollowerLearner]:
        """Leader and follower."""
        leader, follower = online_learner("leader", self.leader), online_learner("follower", self.follower)
        assert isinstance(leader, LeaderLearner)
        assert isinstance(follower, FollowerLearner)
        return leader, follower

    def run(self, progress: Progress | None = None) -> OnlineRecord:
        """Let them meet."""
        return meet(self.arena, *self.learners, self.rounds, self.seeds, self.seed, progress=progress)

    def resolved(self) -> dict[str, Any]:
        """As plain data, defaults filled in."""
        return self.model_dump(mode="json", exclude={"out"}) | {"noise": self.arena.noise}
