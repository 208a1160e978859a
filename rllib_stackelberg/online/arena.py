"""A game with one leader's and one follower's move, as online learners meet in it.

Payoffs are those of the game's rules: played with its own chance moves, and in expectation over them. A finite game may
pay by a coin instead: the smallest or the largest reward, with the expectation the rules say.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.payoff_matrices import payoff_matrices
from rllib_stackelberg.rules.game import StackelbergGame, State, Turn
from rllib_stackelberg.solvers.methods import solve

Noise = Literal["rules", "bernoulli"]


class Arena:
    """One round of a game at a time, for S seeds side by side.

    Attributes:
        game: the rules; leader_turn, follower_turn: its two turns.
        noise: "rules": rewards are what a play pays; "bernoulli": a coin between `low` and `high`.
        low, high: bounds of the two players' rewards, `[2]`: 0 and 1 where payoffs lie between them, else the
            game's payoff range.
    """

    def __init__(self, game: StackelbergGame, noise: Noise = "rules"):
        self.game, self.noise = game, noise
        self.leader_turn, self.follower_turn = _two_turns(game)
        ranges = np.asarray(game.payoff_range, dtype=float)
        unit = (ranges >= 0).all() and (ranges <= 1).all()
        self.low, self.high = np.array([[0.0, 0.0], [1.0, 1.0]]) if unit else ranges.T
        if noise == "bernoulli" and not self.finite:
            raise InvalidFieldError("noise", "a coin needs a finite game", "rules")

    @cached_property
    def finite(self) -> bool:
        """Whether both players choose from a list, and the follower by itself."""
        return finite(self.game.turns)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """Expected payoffs of a finite game, `[leader's actions, follower's, 2]`."""
        matrices = payoff_matrices(self.game)
        return np.stack([matrices.leader, matrices.follower], axis=-1)

    @cached_property
    def leader_value(self) -> float:
        """What the leader gets in the Stackelberg equilibrium."""
        solution = solve(self.game)
        if solution is None or not solution.exists:
            raise InvalidFieldError("game", "has no known equilibrium to measure regret against", "a game with one")
        return solution.leader_value

    def expected(self, leader: NDArray, follower: NDArray) -> NDArray[np.float64]:
        """Expected payoffs `[N, 2]` of actions `[N, w]` and `[N, v]`."""
        if self.finite:
            return self.means[leader[:, 0].astype(np.int64), follower[:, 0].astype(np.int64)]
        return self._expected(leader, follower)

    def best_response(self, leader: NDArray) -> NDArray[np.float64]:
        """The follower's answers `[N, v]` that are best for it; at a reply turn those of the rules."""
        if self.finite:
            return self.means[..., 1].argmax(axis=1)[leader[:, 0].astype(np.int64), None].astype(float)
        nature = np.zeros((len(leader), self.game.nature.width), dtype=np.int64)
        return self.game.reply(self._after_leader(nature, leader))[:, : self.follower_turn.width]

    def play(
        self, leader: NDArray, follower: NDArray, nature: NDArray, coins: NDArray
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rewards `[S, 2]` and signals `[S, d]` of one round.

        `nature [S, blocks]` and `coins [S, 2]` are uniforms.
        """
        if self.noise == "bernoulli":
            spread = self.high - self.low
            share = (self.expected(leader, follower) - self.low) / np.where(spread > 0, spread, 1.0)
            return self.low + spread * (coins < share), np.zeros((len(leader), 0))
        drawn = self.game.nature.values(self.game.nature.draw(nature))
        state, payoffs = self._paid(drawn, leader, follower)
        return payoffs, self.game.signal(state)

    def unit(self, rewards: NDArray, player: Literal[0, 1]) -> NDArray[np.float64]:
        """Rewards of the leader (0) or the follower (1) moved and scaled from their bounds to [0, 1]."""
        spread = self.high[player] - self.low[player]
        return (rewards - self.low[player]) / (spread if spread > 0 else 1.0)

    def _expected(self, leader: NDArray, follower: NDArray) -> NDArray[np.float64]:
        nature, probabilities = self.game.nature.support()
        per_chunk = max(self.game.plays_at_once // len(nature), 1)
        found = np.empty((len(leader), 2))
        for start in range(0, len(leader), per_chunk):
            rows = slice(start, start + per_chunk)
            firsts, seconds = (np.repeat(actions[rows], len(nature), axis=0) for actions in (leader, follower))
            _, payoffs = self._paid(np.tile(nature, (len(leader[rows]), 1)), firsts, seconds)
            found[rows] = (payoffs.reshape(-1, len(nature), 2) * probabilities[:, None]).sum(axis=1)
        return found

    def _after_leader(self, nature: NDArray, leader: NDArray) -> State:
        return self.game.step(self.game.begin(nature), self._padded(leader))[0]

    def _paid(self, nature: NDArray, leader: NDArray, follower: NDArray) -> tuple[State, NDArray[np.float64]]:
        state, first = self.game.step(self.game.begin(nature), self._padded(leader))
        state, second = self.game.step(state, self._padded(follower))
        return state, first + second

    def _padded(self, actions: NDArray) -> NDArray[np.float64]:
        return np.pad(actions, ((0, 0), (0, self.game.width - actions.shape[1]))).astype(float)


def finite(turns: Sequence[Turn]) -> bool:
    """Whether all of them are choices from a list that the rules do not make."""
    return all(turn.enumerable and turn.kind != "reply" for turn in turns)


def _two_turns(game: StackelbergGame) -> tuple[Turn, Turn]:
    """The leader's turn and the one follower's after it, refused unless that is the whole game."""
    answering = [turn for turn in game.turns if turn.kind != "leader"]
    state = game.begin(np.zeros((1, game.nature.width), dtype=np.int64))
    leads = int(game.turn(state)[0]) == game.leader_index
    if len(answering) != 1 or answering[0].times != 1 or not leads or game.prior.size != 1 or game.memory != 1:
        raise InvalidFieldError(
            "game", "is not one move of a leader and one of a follower", "a game of these two moves"
        )
    leader = game.leader_turn
    if leader.masked or (leader.chooses and leader.numbers):
        raise InvalidFieldError("game", "has a leader with a choice and numbers, or with a mask", "one or the other")
    return leader, answering[0]
