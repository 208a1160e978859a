"""The response phase: followers learn against the leader's fixed answers.

One update (Brero et al. 2022, section on policy-interactive response): nature draws types and chance; every
follower draws a reference action from its current strategy; each follower's row in play is updated with the
payoff of all its own actions against the others' reference actions. With `expected` updates every row is
updated with its expected payoffs, exact over types and the others' strategies.

Nothing here knows how the leader is asked: utilities come from an `OutcomeTable` (looked up) or from plays
(in_play.py), and both give the same bits. The loops are in engine.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import draw_play
from rllib_stackelberg.plays.hash_tables import Store
from rllib_stackelberg.plays.outcomes import TABLE_LIMIT, OutcomeTable, Policies, Profiles, outcomes_against
from rllib_stackelberg.plays.plays import Leader, Plays
from rllib_stackelberg.response import answered_engine, engine, foreseen_engine, sampled_engine
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.fit import fitted_in_play, fitted_to_table, penalty
from rllib_stackelberg.response.followers import DRAWN, PLAYED, Settings
from rllib_stackelberg.response.learned_rows import LearnedRows
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import Phase, draws, next_draws
from rllib_stackelberg.response.tie_breaking import settled
from rllib_stackelberg.rules.compiled_rules import CompiledRules
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.ties import Ties
from rllib_stackelberg.streams import Stream

STRETCH = 2**21
"""Most uniforms that are held at a time by a response phase that looks its utilities up."""

NOTHING = np.zeros((0, 0, 0))


class Response(LearnedRows[OutcomeTable]):
    """Followers that move once in a play, and learn from outcomes that are looked up or played."""

    table = OutcomeTable

    @classmethod
    def suits(cls, game: StackelbergGame, settings: ResponseFields) -> bool:
        """See `Followers`."""
        return game.one_shot

    @classmethod
    def fit(cls, settings: Settings, game: StackelbergGame) -> Settings:
        """See `Followers`."""
        filled = settings.model_copy(update={"deviation_penalty": penalty(settings, game)})
        return fitted_in_play(filled, game) if cls.in_play(settings, game) else fitted_to_table(filled, game)

    @classmethod
    def tabulate(cls, game: StackelbergGame, leader: Leader) -> OutcomeTable:
        """See `Followers`."""
        return outcomes_against(game, leader)

    @classmethod
    def in_play(cls, settings: ResponseFields, game: StackelbergGame) -> bool:
        """See `Followers`: as asked for, by default in games too large for a table, or for draws from one.

        And where no follower learns: answers are then judged by the plays that met their questions.
        """
        if settings.leader_queries == "every_turn" or settings.elicitation is not None:
            return settings.leader_queries == "every_turn" or settings.elicitation == "in_play"
        drawn = game.moves_apart and not game.played_alone
        return Profiles.count(game) > TABLE_LIMIT or not (settings.expected or drawn)

    @classmethod
    def exact_updates(cls, settings: ResponseFields) -> bool:
        """See `Followers`."""
        return settings.expected

    @classmethod
    def update_lookups(cls, settings: ResponseFields, game: StackelbergGame) -> int:
        """See `Followers`."""
        looked_up = Profiles.count(game) if settings.expected else DRAWN
        return looked_up * (PLAYED if cls.in_play(settings, game) else 1)

    def reported(
        self, table: OutcomeTable, rows: Index, play: Play, ties: Ties, together: bool = True
    ) -> list[NDArray[np.float64]]:
        """See `Followers`; together: see `settled`."""
        if play != "argmax" or ties == "lowest" or ties == "uniform":
            return super().reported(table, rows, play, ties)
        return settled(table, self.tied(rows), ties, together=together)

    def values(self, table: OutcomeTable, phase: Phase, policies: Policies, play: Play) -> NDArray[np.float64]:
        """See `Followers`: exactly, or in as many plays as the settings say."""
        plays = phase.settings.reward_plays
        if not isinstance(plays, int):
            return table.values(table.distribution(policies))
        cells, uniforms = draws(self.game, phase.streams, Stream.REWARD, plays, phase.episodes)
        # The plays' own draws pick one profile each; a follower's row is the same in all of them.
        nature = self.game.nature.index(cells)
        entry = np.arange(len(phase.rows))[:, None]
        joint = np.zeros(nature.shape, dtype=np.int64)
        for turn, stride in enumerate(table.profiles.strides):
            information = table.information[entry, nature, 0, turn]
            joint += draw_play(policies[turn][entry, information], uniforms[..., turn]) * stride
        return np.asarray(np.cumsum(table.payoffs[entry, nature, joint] * (1 / plays), axis=1)[:, -1])

    def respond(self, table: OutcomeTable, phase: Phase, total: NDArray[np.float64] = NOTHING) -> None:
        """See `Followers`; the play of every update is added to `total [N, nature, joint action]`, if there is one."""
        settings, game = phase.settings, self.game
        if settings.expected:
            self.learn_expected(table, phase.rows, settings.response_updates, total)
            return
        if not table.simultaneous:
            raise InvalidFieldError("elicitation", "followers of this game see each other's moves", "in_play")
        left = settings.response_updates
        stretch = max(STRETCH // (len(phase.rows) * (len(game.nature.blocks) + game.moves)), 1)
        if left <= stretch:
            cells, uniforms = draws(game, phase.streams, Stream.RESPONSE, left, phase.episodes)
            self.learn_from_table(table, phase.rows, game.nature.index(cells), uniforms, total)
            return
        generators = [phase.streams.generator(env, episode, Stream.RESPONSE) for env, episode in phase.episodes]
        while left:
            cells, uniforms = next_draws(game, generators, min(stretch, left))
            self.learn_from_table(table, phase.rows, game.nature.index(cells), uniforms, total)
            left -= uniforms.shape[1]

    def draw(
        self,
        episodes: NDArray[np.int64],
        turn: int,
        information: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        play: Play = "last",
    ) -> NDArray[np.int64]:
        """Actions of one follower at the given information sets, drawn from its strategy: `[N]`."""
        rows = self._who.first[turn] + information
        policies = self._strategies(turn, self.numbers[episodes, rows], self._sums[episodes, rows], play)
        return draw_play(policies, uniforms)

    def draw_all(
        self, episodes: Index, information: Index, uniforms: NDArray[np.float64], play: Play = "last"
    ) -> Index:
        """Actions of all followers in as many plays, drawn from their strategies: rows, `[N, M]` -> `[N, M]`."""
        drawn = np.zeros(information.shape, dtype=np.int64)
        episode_rows = self.numbers.shape[1]
        if len(self.numbers) * episode_rows >= drawn.size:  # no fewer strategies than are met
            for m in range(len(self.learners)):
                drawn[:, m] = self.draw(episodes, m, information[:, m], uniforms[:, m], play)
            return drawn
        policies = np.zeros((len(self.numbers), episode_rows, int(self._who.actions.max(initial=0))))
        for m, actions in enumerate(self._who.actions):
            policies[:, self.rows[m], :actions] = self._policy(m, play)
        rows = policies.reshape(-1, policies.shape[2])
        foreseen_engine.draw_moves(rows, self._who, episodes * episode_rows, information, uniforms, drawn)
        return drawn

    def learn_sampled(
        self,
        episodes: NDArray[np.int64],
        information: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        utilities: Sequence[NDArray[np.float64]],
    ) -> None:
        """One sampled update from plays.

        Args:
            episodes: `[E]`.
            information: `[E, learned turns]`, -1 for a follower that did not move.
            uniforms: `[E, learned turns]`, the ones the reference actions are drawn with.
            utilities: per learned turn `[E, actions]`.
        """
        payoffs = np.zeros((len(episodes), len(self.learners), int(self._who.actions.max(initial=0))))
        for m, given in enumerate(utilities):
            payoffs[:, m, : given.shape[1]] = given
        sampled_engine.sampled_update(
            self.kernels, self._who, self.numbers, self._sums, episodes, information, uniforms, payoffs
        )

    def learn_foreseen(
        self,
        lines: foreseen_engine.Lines,
        plays: Plays,
        taken: Index,
        episodes: Index,
        width: int,
        updates: Index,
        uniforms: NDArray[np.float64],
    ) -> Index:
        """Sampled updates that were played ahead, as long as followers would still act as they did there.

        Args:
            lines: the plays of one update, side by side.
            plays: the slots of an episode begin at `width` times its number.
            taken: actions `[slots, learned turns]`.
            episodes: `[E]`; updates: how many were played of each, `[E]`.
            uniforms: `[E, updates, learned turns]`.

        Returns:
            How many were learned from, `[E]`, at least one each.
        """
        learned = np.zeros(len(episodes), dtype=np.int64)
        played = foreseen_engine.ForeseenPlays(plays.payoffs, plays.information, taken)
        stretch = foreseen_engine.Stretch(episodes, episodes * width, updates, uniforms)
        foreseen_engine.learn_foreseen(
            self.kernels, self._who, self.numbers, self._sums, lines, played, stretch, learned
        )
        return learned

    def learn_answered(
        self,
        lines: foreseen_engine.Lines,
        rules: CompiledRules,
        store: Store,
        episodes: Index,
        drawn: answered_engine.Drawn,
        stage: Index,
    ) -> None:
        """Sampled updates played by compiled rules, as far as the leader's answers are known.

        Args:
            lines: the plays of one update; rules: of the game; store: answers, by episode.
            episodes: `[E]`; drawn: what is drawn beforehand, of all episodes.
            stage: update that comes next in each, `[E]`, moved on in place.
        """
        followers, widest = len(self.learners), int(self._who.actions.max(initial=0))
        one = answered_engine.room(followers, widest, len(lines.deviator), len(self.game.agents), rules.size)
        answered_engine.learn_answered(
            self.kernels,
            self._who,
            self.numbers,
            self._sums,
            lines,
            rules.functions,
            rules.facts,
            store,
            episodes,
            drawn,
            stage,
            one,
        )

    def learn_expected(
        self,
        table: OutcomeTable,
        episodes: NDArray[np.int64],
        updates: int = 1,
        total: NDArray[np.float64] = NOTHING,
    ) -> None:
        """Expected updates of every row that play can reach.

        Args:
            table: one entry per episode, or one for all.
            episodes: `[E]`; updates: how many.
            total: `[E, nature, joint action]`, to which the play of every update is added; or empty.
        """
        engine.expected_phase(
            self.kernels,
            self._who,
            table.arrays,
            self.numbers,
            self._sums,
            episodes,
            table.entries(len(episodes)),
            updates,
            total,
        )

    def learn_from_table(
        self,
        table: OutcomeTable,
        episodes: NDArray[np.int64],
        nature: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        total: NDArray[np.float64] = NOTHING,
    ) -> None:
        """Many sampled updates by look-up, followers' information not depending on followers' moves.

        Args:
            table: one entry per episode, or one for all.
            episodes: `[E]`.
            nature: `[E, updates]`, rows of the nature support.
            uniforms: `[E, updates, learned turns]`.
            total: `[E, nature, joint action]`, to which the play of every update is added; or empty.
        """
        rows = self.numbers.shape[1]
        arguments = (
            self.kernels,
            self._who,
            table.arrays,
            sampled_engine.look_up(table.arrays),
            self.numbers.reshape(len(self.numbers) * rows, self.numbers.shape[2]),
            self._sums.reshape(len(self.numbers) * rows, self._sums.shape[2]),
            sampled_engine.Batch(episodes * rows, table.entries(len(episodes)), nature, uniforms),
            total,
        )
        sampled_engine.chosen_phase(uniforms.size, *arguments)(*arguments)
