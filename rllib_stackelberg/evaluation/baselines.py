"""What a learned leader stands beside: luck, and a leader that other followers have taught.

Both are baselines of Brero et al., arXiv 2210.03852: enumeration of random policies, and learning against best
responses in place of the followers that the leader is judged by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.evaluation.strategies import evaluate_asked
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.leader.actions import to_game_actions
from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.plays.sample_plays import uniform_choices
from rllib_stackelberg.plays.strategy import AskedPolicy, LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Purpose

PARALLEL = 128


@dataclass(frozen=True, eq=False)
class RandomSearch:
    """Uniformly random leader tables.

    Attributes:
        best: largest leader value of an episode. Where responses or plays are drawn it flatters, being the luckiest of
            many: `evaluate` says what the table is worth.
        mean: mean leader value.
        episodes: tables tried, one episode each.
        strategy: the table that did best: its answers to the questions that were met.
    """

    best: float
    mean: float
    episodes: int
    strategy: LeaderStrategy

    def evaluate(self, settings: LeaderSettings, seed: int = 0, **options: Any) -> Evaluation:
        """What the best table is worth against fresh followers; estimated in large games.

        Args:
            settings: the response; seed: of its streams, and of the answers to questions that had not been met.
            options: `samples`, `every_play`, as of `evaluate_strategy`.
        """
        game, rng = self.strategy.game, _drawing(seed)

        def at_random(seen: NDArray, open_choices: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
            """Any open action."""
            return to_game_actions(game, _random_actions(game, len(seen), open_choices, rng))[0]

        return evaluate_asked(AskedPolicy(game, at_random, self.strategy), settings, seed, **options)[1]


def random_search(game: StackelbergGame, settings: LeaderSettings, episodes: int, seed: int = 0) -> RandomSearch:
    """Try at least that many uniformly random leader tables: what luck alone would find.

    >>> from rllib_stackelberg import LeaderSettings, make_game, random_search
    >>> random_search(make_game("escape"), LeaderSettings.checked(response_updates=20), episodes=200).best
    1.0
    """
    # A table is a table: however the leader is asked, its answers are fixed within an episode.
    once = settings.model_copy(update={"leader_queries": "once", "response_transitions": 1.0})
    env = StackelbergPOMDP(game, once, num_envs=PARALLEL, seed=seed)
    rng = _drawing(seed)
    values: list[float] = []
    best, strategy = -np.inf, LeaderStrategy(game, {})
    while len(values) < episodes:
        tables = _random_episodes(env, rng)
        found = env.elicitation.value
        values += found.tolist()
        if found.max() > best:
            best = float(found.max())
            strategy = LeaderStrategy(game, tables[int(found.argmax())])
    return RandomSearch(best, float(np.mean(values)), len(values), strategy)


def _drawing(seed: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(Purpose.SELECTION),)))


def _random_episodes(env: StackelbergPOMDP, rng: np.random.Generator) -> list[dict[int, NDArray[np.float64]]]:
    """An episode in every environment; the answers each of them was given."""
    tables: list[dict[int, NDArray[np.float64]]] = [{} for _ in range(env.num_envs)]
    env.begin(np.arange(env.num_envs))
    while len(live := env.live):
        front = env.front(live)
        open_choices = env.elicitation.open_choices(front) if env.game.leader_turn.masked else None
        actions = _random_actions(env.game, len(front.envs), open_choices, rng)
        env.answer(front, actions)
        answers = to_game_actions(env.game, actions)[0]
        for k, question, answer in zip(front.envs, front.questions, answers, strict=True):
            tables[k][int(question)] = answer
    return tables


def _random_actions(
    game: StackelbergGame, count: int, open_choices: NDArray[np.bool_] | None, rng: np.random.Generator
) -> NDArray:
    """Uniform ones of what `leader_action_space` has, `[Q]` or `[Q, width]`, of open choices `[Q, choices]` alone."""
    turn = game.leader_turn
    if turn.enumerable:
        return rng.integers(turn.choices, size=count)
    points = rng.random((count, turn.numbers))
    if not turn.chooses:
        return points
    if open_choices is None:
        open_choices = np.ones((count, turn.choices), dtype=bool)
    choices = uniform_choices(open_choices, rng)
    return np.concatenate([choices[:, None], points], axis=1) if turn.numbers else choices
