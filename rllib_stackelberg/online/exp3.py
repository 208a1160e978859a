"""EXP3 in the leader's seat: exponential weights on importance-weighted losses, tuned to the horizon.

The mixture over K actions is (1 - g) softmax(w) + g / K; of the drawn action w falls by eta (1 - reward) / p, with
eta = (2 ln K / (K T))^(1/2) and g = 2 K eta, so that no step exceeds 1/2. The arithmetic is that of followers/exp3.py,
told the largest reward first: payoffs count from the first one, so what it adds afterwards are losses.

Auer, Cesa-Bianchi, Freund & Schapire 2002; against followers that learn Yu & Chen 2024, arXiv 2405.03158.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.followers.exp3 import Exp3 as Exp3Rows
from rllib_stackelberg.followers.learner import draw_play
from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.learners import Feedback, LeaderLearner, LeaderPlayer, Traits
from rllib_stackelberg.online.pairs import discrete, finite_only
from rllib_stackelberg.rules.game import StackelbergGame


@dataclass(frozen=True)
class Exp3(LeaderLearner):
    """See the head of this file."""

    traits = Traits("EXP3", draws=1)

    @classmethod
    def misfit(cls, game: StackelbergGame) -> str | None:
        """Keeps a weight per action."""
        return finite_only(game)

    def begin(self, arena: Arena, seeds: int, rounds: int) -> LeaderPlayer:
        """A leader that has not learned anything."""
        return _Player(arena, seeds, rounds)


class _Player(LeaderPlayer):
    def __init__(self, arena: Arena, seeds: int, rounds: int):
        actions = arena.leader_turn.choices
        rate = math.sqrt(2 * math.log(max(actions, 2)) / (actions * rounds))
        exploration = min(2 * actions * rate, 1.0)
        self._arena = arena
        self._rows = Exp3Rows(exploration=exploration, spread=exploration / (actions * rate))
        self._state = self._rows.begin((seeds,), actions)
        self._learn(np.ones(seeds), np.zeros(seeds, dtype=np.int64))

    def _learn(self, rewards: NDArray[np.float64], drawn: NDArray[np.int64]) -> None:
        # A bandit learner reads the payoff of the drawn action alone.
        self._state = self._rows.update(self._state, rewards[:, None], drawn)

    def act(self, round_: int, uniforms: NDArray) -> NDArray:
        """A draw from the weights."""
        return draw_play(self._rows.policy(self._state), uniforms[:, 0])[:, None].astype(float)

    def learn(self, feedback: Feedback) -> None:
        """Weigh what was played by what it earned."""
        self._learn(self._arena.unit(feedback.own, 0), discrete(feedback.leader))
