"""The follower that knows the game and answers by its best response (at a reply turn: as the rules do)."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.learners import Feedback, FollowerLearner, FollowerPlayer, Traits
from rllib_stackelberg.rules.game import StackelbergGame


@dataclass(frozen=True)
class BestResponse(FollowerLearner):
    """Best response at the true payoffs."""

    traits = Traits("best-response")

    @classmethod
    def misfit(cls, game: StackelbergGame) -> None:
        """Plays everything."""

    def begin(self, arena: Arena, seeds: int, rounds: int) -> FollowerPlayer:
        """A follower with nothing to learn."""
        return _Player(arena)


class _Player(FollowerPlayer):
    def __init__(self, arena: Arena):
        self._arena = arena

    def act(self, round_: int, leader: NDArray, uniforms: NDArray) -> NDArray:
        """The best response to what the leader did."""
        return self._arena.best_response(leader)

    def learn(self, feedback: Feedback) -> None:
        """Nothing is left to learn."""
