"""The response phase of learners from experience: play after play, along the table of all paths.

Each move is learned from when its follower moves next, or when the play ends for good; in a game with memory the next
move may lie in the next play. After the response followers are frozen, and go on from where it ended.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.comparisons import NEGLIGIBLE, beyond_rounding, typical_spread
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.ties import argmax_policy
from rllib_stackelberg.followers.trajectory import TrajectoryLearner
from rllib_stackelberg.plays.paths import PathTable, paths_against
from rllib_stackelberg.plays.plays import Leader
from rllib_stackelberg.response import engine
from rllib_stackelberg.response.fields import SAMPLED_PLAYS, ResponseFields
from rllib_stackelberg.response.fit import check_paths
from rllib_stackelberg.response.followers import DRAWN, Followers, Settings
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import Phase, draws
from rllib_stackelberg.response.trajectory_engine import play_on
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams

DEVIATION_PLAYS = 256
"""Consecutive plays over which a deviation is followed, in a game with memory."""

LONG_RESPONSE = 10_000
"""Moves from which on a response takes longer than everything else in an episode."""


class TrajectoryResponse(Followers[PathTable, TrajectoryLearner]):
    """Followers that learn from what they experience.

    Attributes:
        numbers: what learners keep, `[episode, row, width]`.
        carried: `[episode]`, state in which the last play left the next one.
    """

    learns = TrajectoryLearner
    table = PathTable
    ruled = False

    def __init__(
        self, game: StackelbergGame, learners: Sequence[TrajectoryLearner], episodes: int, split: bool = False
    ):
        """See `Followers`."""
        super().__init__(game, learners, episodes, split)
        self._kernels, self._who = engine.follower_arrays(self.learners, game.learned_turns, game.utility_scale)
        fresh = engine.fresh_rows(self.learners, game.learned_turns, self._who)
        self._fresh = {"numbers": fresh}
        self.numbers = np.tile(fresh, (episodes, 1, 1))
        self._sums = np.zeros((episodes, len(fresh), int(self._who.actions.max(initial=0)) + 1))
        self.carried = np.zeros(episodes, dtype=np.int64)
        self.plays = 0

    @classmethod
    def refuse(cls, settings: ResponseFields) -> None:
        """See `Followers`: what takes the payoffs of actions that were not taken."""
        if not all(isinstance(learner, cls.learns) for learner in settings.followers):
            raise InvalidFieldError("followers", "mix utility learners and learners from experience", "one kind")
        for field, value, allowed in (
            ("leader_queries", "every_turn", "once"),
            ("update_mode", "expected", "sampled"),
        ):
            if getattr(settings, field) == value:
                raise InvalidFieldError(field, f"{value} is not for learners from experience", allowed)
        if settings.deviation_penalty or settings.deviation_margin:
            raise InvalidFieldError(settings.steering, "is not for learners from experience", "0")
        if settings.ties != "lowest":
            raise InvalidFieldError("ties", f"{settings.ties} is not for learners from experience", "lowest")

    @classmethod
    def fit(cls, settings: Settings, game: StackelbergGame) -> Settings:
        """See `Followers`."""
        check_paths(game)
        refuse_rounds_alone(settings)
        if settings.reward_plays == "exact" and game.memory > 1:
            raise InvalidFieldError("reward_plays", "exact, in a game with memory", "a number of plays")
        chosen = settings.reward_plays or ("exact" if game.memory == 1 else SAMPLED_PLAYS)
        return settings.model_copy(update={"reward_plays": chosen, "deviation_penalty": 0.0})

    @classmethod
    def tabulate(cls, game: StackelbergGame, leader: Leader) -> PathTable:
        """See `Followers`."""
        return paths_against(game, leader)

    @classmethod
    def long_response(cls, settings: ResponseFields, game: StackelbergGame) -> bool:
        """See `Followers`."""
        return settings.response_updates * game.moves >= LONG_RESPONSE

    @classmethod
    def exact_updates(cls, settings: ResponseFields) -> bool:
        """See `Followers`."""
        return False

    @classmethod
    def update_lookups(cls, settings: ResponseFields, game: StackelbergGame) -> int:
        """See `Followers`: of a play."""
        return DRAWN * max(game.moves, 1)

    def arrays(self) -> dict[str, NDArray]:
        """See `Followers`."""
        return {"numbers": self.numbers, "sums": self._sums, "carried": self.carried}

    def respond(self, table: PathTable, phase: Phase) -> None:
        """See `Followers`."""
        updates = phase.settings.response_updates
        for n, row in enumerate(phase.rows):
            nature, uniforms = _drawn(self.game, phase.streams, Stream.RESPONSE, updates, *phase.episodes[n])
            self.learn(table, row, n if len(table.after) > 1 else 0, nature, uniforms)

    def values(
        self, table: PathTable, phase: Phase, policies: Sequence[NDArray[np.float64]], play: Play
    ) -> NDArray[np.float64]:
        """See `Followers`.

        Exactly over types and chance where every play begins alike and actions are certain, else over consecutive
        plays.
        """
        found = np.zeros((len(phase.rows), len(self.game.agents)))
        for n, row in enumerate(phase.rows):
            own = [policy[n] for policy in policies]
            nature, uniforms, weights = reward_draws(self.game, phase.settings, phase.streams, *phase.episodes[n], play)
            found[n] = weights @ self.frozen(table, row, n if len(table.after) > 1 else 0, own, nature, uniforms)
        return found

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
        table_of = np.zeros((len(self._fresh["numbers"]), self._sums.shape[-1] - 1))
        for m, policy in enumerate(policies):
            table_of[self.rows[m], : policy.shape[1]] = policy
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

    def deviation_gain(self, table: PathTable, settings: ResponseFields, streams: Streams, play: Play) -> float:
        """See the function of this name."""
        return deviation_gain(self, table, settings, streams, play)

    def visits(self, turn: int) -> NDArray[np.float64]:
        """See `Followers`: moves."""
        return np.asarray(self._sums[:, self.rows[turn], -1].sum(axis=0))

    def _policy(self, turn: int, play: Play) -> NDArray[np.float64]:
        return self._strategies(turn, self.numbers[:, self.rows[turn]], self._sums[:, self.rows[turn]], play)

    def _strategies(
        self, turn: int, numbers: NDArray[np.float64], sums: NDArray[np.float64], play: Play
    ) -> NDArray[np.float64]:
        """Strategies `[..., actions]` of rows of one follower."""
        actions = int(self._who.actions[turn])
        policy = self.learners[turn].policy(numbers[..., : self._who.widths[turn]], actions, self.plays)
        if play == "argmax":
            return argmax_policy(policy)
        if play == "average":
            visits = sums[..., -1:]
            return np.where(visits > 0, sums[..., :actions] / np.maximum(visits, 1), policy)
        return policy

    def average_regret(self) -> NDArray[np.float64]:
        """Not a number: what another action would have brought is not known. `[episode]`."""
        return np.full(len(self.numbers), np.nan)


def refuse_rounds_alone(settings: ResponseFields) -> None:
    """Refuse what only followers can do that move once a play (rounds.py).

    Raises:
        InvalidFieldError: naming it.
    """
    allowed = "games in which followers move once a play and know nothing of each other's moves"
    if settings.settled_plays is not None:
        raise InvalidFieldError("settled_plays", "is not for these followers in this game", f"none, or {allowed}")
    for learner in settings.followers:
        if isinstance(learner, TrajectoryLearner) and learner.foresees:
            raise InvalidFieldError("followers", f"{learner.text()} foresees payoffs", f"no foresight, or {allowed}")


def reward_draws(
    game: StackelbergGame, settings: ResponseFields, streams: Streams, env: int, episode: int, play: Play
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
    response: TrajectoryResponse, table: PathTable, settings: ResponseFields, streams: Streams, play: Play
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
