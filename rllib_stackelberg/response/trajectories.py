"""The response phase of learners from experience: play after play, along the table of all paths.

Each move is learned from when its follower moves next, or when the play ends for good; in a game with memory the next
move may lie in the next play. After the response followers are frozen, and go on from where it ended.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import NEGLIGIBLE, beyond_rounding, typical_spread
from rllib_stackelberg.followers.ties import argmax_policy
from rllib_stackelberg.followers.trajectory import TrajectoryLearner
from rllib_stackelberg.plays.paths import PathTable
from rllib_stackelberg.response import engine
from rllib_stackelberg.response.phase import draws
from rllib_stackelberg.response.response import Play
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.trajectory_engine import play_on
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams

Index = NDArray[np.int64]

DEVIATION_PLAYS = 256
"""Consecutive plays over which a deviation is followed, in a game with memory."""


class TrajectoryResponse:
    """Learners from experience of a number of leader episodes.

    Attributes:
        learners: one per learned turn.
        numbers: what they keep, `[episode, row, width]`, the rows of all followers one after the other.
        carried: `[episode]`, state in which the last play left the next one.
    """

    def __init__(self, game: StackelbergGame, learners: Sequence[TrajectoryLearner], episodes: int):
        """Args: game; one learner per learned turn (or one for all); number of episodes."""
        turns = game.learned_turns
        self.game = game
        self.learners = tuple(learners) * len(turns) if len(learners) == 1 else tuple(learners)
        self._kernels, self._who = engine.follower_arrays(self.learners, turns, game.utility_scale)
        self._fresh = engine.fresh_rows(self.learners, turns, self._who)
        self.numbers = np.tile(self._fresh, (episodes, 1, 1))
        self._sums = np.zeros((episodes, len(self._fresh), int(self._who.actions.max(initial=0)) + 1))
        self.carried = np.zeros(episodes, dtype=np.int64)
        self.plays = 0

    def restart(self, episodes: Index) -> None:
        """Fresh followers in the given episodes."""
        self.numbers[episodes] = self._fresh
        self._sums[episodes] = 0.0
        self.carried[episodes] = 0

    def arrays(self) -> dict[str, NDArray]:
        """All that changes, by name, `[episode, ...]` each: the arrays themselves, not copies."""
        return {"numbers": self.numbers, "sums": self._sums, "carried": self.carried}

    def learn(
        self, table: PathTable, episode: int, entry: int, nature: Index, uniforms: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The response phase of one episode: nature `[plays]`, uniforms `[plays, L]` -> payoffs `[plays, agents]`."""
        self.plays = len(nature)
        return self._play(table, episode, entry, np.zeros((0, 0)), nature, uniforms, keep=True)

    def frozen(
        self,
        table: PathTable,
        episode: int,
        entry: int,
        policies: Sequence[NDArray[np.float64]],
        nature: Index,
        uniforms: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Payoffs `[plays, agents]` of strategies `[rows, actions]`, plays going on from where the response ended."""
        table_of = np.zeros((len(self._fresh), self._sums.shape[-1] - 1))
        for m, policy in enumerate(policies):
            table_of[self._rows(m), : policy.shape[1]] = policy
        return self._play(table, episode, entry, table_of, nature, uniforms, keep=False)

    def _play(
        self,
        table: PathTable,
        episode: int,
        entry: int,
        frozen: NDArray[np.float64],
        nature: Index,
        uniforms: NDArray[np.float64],
        keep: bool,
    ) -> NDArray[np.float64]:
        payoffs = np.zeros((len(nature), len(self.game.agents)))
        carried = play_on(
            self._kernels,
            self._who,
            table,
            entry,
            self.numbers[episode],
            self._sums[episode],
            frozen,
            int(self.carried[episode]),
            nature,
            np.ascontiguousarray(uniforms),  # one layout: the loop is compiled anew for another
            payoffs,
        )
        if keep:
            self.carried[episode] = carried
        return payoffs

    def _rows(self, turn: int) -> slice:
        return slice(self._who.first[turn], self._who.first[turn] + self._who.rows[turn])

    def visits(self, turn: int) -> NDArray[np.float64]:
        """Moves of one follower at each row, of all episodes together: `[row]`."""
        return np.asarray(self._sums[:, self._rows(turn), -1].sum(axis=0))

    def policies(self, play: Play = "argmax") -> list[NDArray[np.float64]]:
        """Per learned turn the strategies `[episode, row, action]` under the given play."""
        return [self._policy(m, play) for m in range(len(self.learners))]

    def _policy(self, turn: int, play: Play) -> NDArray[np.float64]:
        """A row never visited is as at the start in every play."""
        actions = int(self._who.actions[turn])
        numbers = self.numbers[:, self._rows(turn), : self._who.widths[turn]]
        policy = self.learners[turn].policy(numbers, actions, self.plays)
        if play == "argmax":
            return argmax_policy(policy)
        if play == "average":
            sums = self._sums[:, self._rows(turn)]
            visits = sums[..., -1:]
            return np.where(visits > 0, sums[..., :actions] / np.maximum(visits, 1), policy)
        return policy

    def average_regret(self) -> NDArray[np.float64]:
        """Not a number: what another action would have brought is not known. `[episode]`."""
        return np.full(len(self.numbers), np.nan)


def learn_paths(
    response: TrajectoryResponse,
    table: PathTable,
    rows: Index,
    settings: LeaderSettings,
    streams: Streams,
    episode: Index,
) -> None:
    """The response phase of the given rows of `response`, each against its own entry of the table, or the only one."""
    for n, row in enumerate(rows):
        nature, uniforms = _drawn(response.game, streams, Stream.RESPONSE, settings.response_updates, row, episode[n])
        response.learn(table, row, n if len(table.after) > 1 else 0, nature, uniforms)


def paid(
    response: TrajectoryResponse,
    table: PathTable,
    rows: Index,
    settings: LeaderSettings,
    streams: Streams,
    episode: Index,
    play: Play,
) -> NDArray[np.float64]:
    """Mean payoffs of all agents in the reward phase of the given rows: `[N, agents]`.

    Exactly over types and chance where every play begins alike and actions are certain, else over consecutive plays.
    """
    policies = response.policies(play)
    found = np.zeros((len(rows), len(response.game.agents)))
    for n, row in enumerate(rows):
        own = [policy[row] for policy in policies]
        nature, uniforms, weights = reward_draws(response.game, settings, streams, row, episode[n], play)
        found[n] = weights @ response.frozen(table, row, n if len(table.after) > 1 else 0, own, nature, uniforms)
    return found


def reward_draws(
    game: StackelbergGame, settings: LeaderSettings, streams: Streams, env: int, episode: int, play: Play
) -> tuple[Index, NDArray[np.float64], NDArray[np.float64]]:
    """Nature `[plays]`, uniforms `[plays, L]` and weights `[plays]` of a reward phase."""
    if settings.reward_plays == "exact" and play == "argmax":
        probabilities = game.nature.support()[1]
        return np.arange(len(probabilities)), np.zeros((len(probabilities), game.moves)), probabilities
    plays = settings.sampled_reward_plays
    nature, uniforms = _drawn(game, streams, Stream.REWARD, plays, env, episode)
    return nature, uniforms, np.full(plays, 1 / plays)


def _drawn(
    game: StackelbergGame, streams: Streams, stream: Stream, plays: int, env: int, episode: int
) -> tuple[Index, NDArray[np.float64]]:
    cells, uniforms = draws(game, streams, stream, plays, [(int(env), int(episode))])
    return game.nature.index(cells[0]), uniforms[0]


def deviation_gain(
    response: TrajectoryResponse, table: PathTable, settings: LeaderSettings, streams: Streams, play: Play
) -> float:
    """Largest gain of a follower from another action at one of its rows, from then on, everything else as in `play`.

    Per play; worst over episodes. In a game with memory over `DEVIATION_PLAYS` plays, discounted as its learner does.
    A gain that takes changes at several rows at once is not looked for.
    """
    game, policies = response.game, response.policies(play)
    worst = 0.0
    slack = [NEGLIGIBLE * typical_spread(table.paid[..., -1, turn.agent]) for turn in game.learned_turns]
    for row in range(len(response.numbers)):
        own = [policy[row] for policy in policies]
        if game.memory > 1:
            nature, uniforms = _drawn(game, streams, Stream.DEVIATION, DEVIATION_PLAYS, row, 0)
        else:
            nature, uniforms, weights = reward_draws(game, settings, streams, row, 0, play)
        base = response.frozen(table, row, 0, own, nature, uniforms)
        for m, turn in enumerate(game.learned_turns):
            if game.memory > 1:
                discounted = response.learners[m].patience ** np.arange(len(nature))
                weights = discounted / discounted.sum()
            for changed in _changes(own[m]):
                others = [*own[:m], changed, *own[m + 1 :]]
                gained = response.frozen(table, row, 0, others, nature, uniforms)[:, turn.agent] - base[:, turn.agent]
                sizes = weights @ np.abs(base[:, turn.agent])
                worst = max(worst, float(beyond_rounding(weights @ gained, sizes, slack[m])))
    return worst


def _changes(policy: NDArray[np.float64]) -> Sequence[NDArray[np.float64]]:
    """The strategies `[rows, actions]` that play one certain action at one row and are else as given."""
    found = []
    for row, action in np.argwhere(policy < 1):
        changed = policy.copy()
        changed[row] = np.eye(policy.shape[1])[action]
        found.append(changed)
    return found
