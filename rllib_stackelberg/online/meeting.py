"""The loop in which a learning leader and a learning follower meet, and the record it leaves.

Regret is cumulative, in expected payoffs of the actions that were taken:
- the leader's against its value in the Stackelberg equilibrium. It may fall: a follower that answers otherwise than by
  its best response can be worth more to the leader than the equilibrium;
- the follower's against its best response to the very actions the leader took.
Seed s draws from its own streams: what it does is the same alone and among others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.learners import (
    Feedback,
    FollowerLearner,
    FollowerPlayer,
    LeaderLearner,
    LeaderPlayer,
    OnlineLearner,
    Player,
)
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.streams import Purpose, Stream, Streams

LAST = 0.1
"""Share of the rounds that counts as the end of a run."""

Progress = Callable[[int, int], None]
"""(rounds played, rounds in all)."""


@dataclass(frozen=True, eq=False)
class OnlineRecord:
    """What S seeds of T rounds left behind; leader first wherever there are two.

    Attributes:
        game: id; parameters: of the game; leader, follower: the learners, as text; seed: of the run.
        leader_value: the leader's in the Stackelberg equilibrium.
        leader_actions: `[S, T, w]`; follower_actions: `[S, T, v]`; a discrete action in column 0.
        payoffs: expected payoffs of those actions, `[S, T, 2]`.
        rewards: what the players got, `[S, T, 2]`.
        leader_regret, follower_regret: cumulative, `[S, T]`.
        leader_error, follower_error: distance of the player's estimate from the game's `estimand` after each round,
            `[S, T]`; None for a learner without one.
    """

    game: str
    parameters: dict[str, Any]
    leader: str
    follower: str
    seed: int
    leader_value: float
    leader_actions: NDArray[np.float64]
    follower_actions: NDArray[np.float64]
    payoffs: NDArray[np.float64]
    rewards: NDArray[np.float64]
    leader_regret: NDArray[np.float64]
    follower_regret: NDArray[np.float64]
    leader_error: NDArray[np.float64] | None
    follower_error: NDArray[np.float64] | None

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return self.payoffs.shape[0]

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return self.payoffs.shape[1]

    @property
    def last(self) -> slice:
        """The last tenth of the rounds (at least one)."""
        return slice(self.rounds - max(round(self.rounds * LAST), 1), self.rounds)

    def averages(self) -> NDArray[np.float64]:
        """Running averages of the payoffs, `[S, T, 2]`."""
        return np.cumsum(self.payoffs, axis=1) / np.arange(1, self.rounds + 1)[:, None]

    def last_payoffs(self) -> NDArray[np.float64]:
        """Average payoffs at the end of the run, `[S, 2]`."""
        return self.payoffs[:, self.last].mean(axis=1)

    def last_frequencies(self, rows: int, columns: int) -> NDArray[np.float64]:
        """How often each pair of discrete actions is played at the end, `[S, rows, columns]`."""
        pairs = self.leader_actions[:, self.last, 0] * columns + self.follower_actions[:, self.last, 0]
        counts = [np.bincount(own.astype(np.int64), minlength=rows * columns) for own in pairs]
        return np.array(counts).reshape(-1, rows, columns) / pairs.shape[1]


def meet(
    arena: Arena,
    leader: LeaderLearner,
    follower: FollowerLearner,
    rounds: int,
    seeds: int,
    seed: int = 0,
    first: int = 0,
    progress: Progress | None = None,
) -> OnlineRecord:
    """Play that many rounds with seeds `first`, ..., `first + seeds - 1` of the run `seed`.

    Raises:
        InvalidFieldError: a learner that cannot play the game, or no rounds or seeds.
    """
    if rounds < 1 or seeds < 1:
        field = "rounds" if rounds < 1 else "seeds"
        raise InvalidFieldError(field, f"got {rounds if rounds < 1 else seeds}", "an integer of at least 1")
    leader.check(arena.game)
    follower.check(arena.game)
    reference = arena.leader_value
    trace = _Trace(arena, seeds, rounds)
    draws = _Draws(arena, (leader, follower), rounds, [first + s for s in range(seeds)], seed)
    players = leader.begin(arena, seeds, rounds), follower.begin(arena, seeds, rounds)
    for t in range(rounds):
        _round(arena, (leader, follower), players, draws, trace, t)
        if progress is not None:
            progress(t + 1, rounds)
    game = arena.game
    return OnlineRecord(
        game=name_of(game),
        parameters=dict(game.parameters),
        leader=leader.text(),
        follower=follower.text(),
        seed=seed,
        leader_value=reference,
        **trace.finished(arena, reference),
    )


class _Draws:
    """Every uniform of a run, `[T, S, k]` each; a seed's are its own."""

    def __init__(
        self, arena: Arena, learners: tuple[OnlineLearner, OnlineLearner], rounds: int, seeds: list[int], run: int
    ):
        streams = Streams(run, Purpose.ONLINE)

        def table(stream: Stream, width: int) -> NDArray[np.float64]:
            """Numbers in [0, 1) for all rounds and seeds: `[rounds, S, width]`."""
            return np.stack([streams.uniforms(s, 0, stream, (rounds, width)) for s in seeds], axis=1)

        self.nature = table(Stream.NATURE, len(arena.game.nature.blocks) if arena.noise == "rules" else 0)
        self.coins = table(Stream.REWARD_NOISE, 2 if arena.noise == "bernoulli" else 0)
        self.leader = table(Stream.LEADER, learners[0].traits.draws)
        self.follower = table(Stream.FOLLOWER, learners[1].traits.draws)


class _Trace:
    """What is written down while playing."""

    def __init__(self, arena: Arena, seeds: int, rounds: int):
        self.leader_actions = np.empty((seeds, rounds, arena.leader_turn.width))
        self.follower_actions = np.empty((seeds, rounds, arena.follower_turn.width))
        self.rewards = np.empty((seeds, rounds, 2))
        self.errors = np.full((2, seeds, rounds), np.nan)

    def finished(self, arena: Arena, reference: float) -> dict[str, Any]:
        """The arrays of the record; expectations are taken over all rounds at once."""
        seeds, rounds = self.rewards.shape[:2]
        leader = self.leader_actions.reshape(seeds * rounds, -1)
        payoffs = arena.expected(leader, self.follower_actions.reshape(seeds * rounds, -1)).reshape(seeds, rounds, 2)
        best = arena.expected(leader, arena.best_response(leader)).reshape(seeds, rounds, 2)
        errors = [None if np.isnan(error).all() else error for error in self.errors]
        return {
            "leader_actions": self.leader_actions,
            "follower_actions": self.follower_actions,
            "payoffs": payoffs,
            "rewards": self.rewards,
            "leader_regret": np.cumsum(reference - payoffs[..., 0], axis=1),
            "follower_regret": np.cumsum(best[..., 1] - payoffs[..., 1], axis=1),
            "leader_error": errors[0],
            "follower_error": errors[1],
        }


def _round(
    arena: Arena,
    learners: tuple[LeaderLearner, FollowerLearner],
    players: tuple[LeaderPlayer, FollowerPlayer],
    draws: _Draws,
    trace: _Trace,
    t: int,
) -> None:
    first = players[0].act(t, draws.leader[t])
    second = players[1].act(t, first, draws.follower[t])
    rewards, signal = arena.play(first, second, draws.nature[t], draws.coins[t])
    exact = any(learner.traits.sees == "exact" for learner in learners)
    expected = arena.expected(first, second) if exact else rewards
    trace.leader_actions[:, t], trace.follower_actions[:, t], trace.rewards[:, t] = first, second, rewards
    for own, (learner, player) in enumerate(zip(learners, players, strict=True)):
        seen = {"own": None, "noisy": rewards[:, 1 - own], "exact": expected[:, 1 - own]}[learner.traits.sees]
        player.learn(Feedback(t, first, second, rewards[:, own], seen, signal))
        trace.errors[own, :, t] = _error(player, arena.game.estimand)


def _error(player: Player, truth: NDArray[np.float64]) -> NDArray[np.float64] | float:
    estimate = player.estimate()
    return np.nan if estimate is None else np.sqrt(((estimate - truth) ** 2).sum(axis=1))
