"""Small games with a population whose solutions are known."""

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box

from rllib_stackelberg.rules.population import RUNNING, PopulationGame, PopulationState

TINY = {
    "plays": 3,
    "epoch_periods": 24,
    "updates": 3,
    "batch": 16,
    "random_epochs": 1,
    "critic_epochs": 0,
    "cutting": 0.0,
}
"""Settings of SMFRL with which an epoch takes no time, and plays go on to their end."""


@dataclass
class Crowd(PopulationState):
    skill: np.ndarray


class Levy(PopulationGame):
    """A leader levies a share t of what members make; one of skill e that works h makes e h, at a cost of h^2 / 2.

    Best answer h = e (1 - t); the leader gets t mean(e h) = t (1 - t) mean(e^2), at best a quarter of mean(e^2) with
    t = 1/2. `answers=False`: the leader gets 1 - (t - .3)^2 whatever members do. `fails_at`: plays end with that
    period.
    """

    source = "tests"
    endings = ("running", "failed", "horizon")

    def __init__(self, *, members: int = 20, periods: int = 10, answers: bool = True, fails_at: int = 0):
        self.members, self.periods, self.answers, self.fails_at = members, periods, answers, fails_at
        self.units = {"made": ""}
        self.leader_actions = Box(0.0, 1.0, (1,), np.float64)
        self.member_actions = Box(0.0, 1.0, (1,), np.float64)
        self.leader_space = Box(0.0, 1.0, (1,), np.float32)
        self.member_space = Box(0.0, 1.0, (1,), np.float32)

    def start(self, uniforms):
        none = np.zeros(len(uniforms), dtype=np.int64)
        return Crowd(none, none.copy(), 0.2 + 0.8 * uniforms[:, :, 0])

    def observe_leader(self, state):
        return state.skill.mean(axis=1, keepdims=True).astype(np.float32)

    def observe_members(self, state):
        return state.skill[:, :, None].astype(np.float32)

    def transition(self, state, leader, members, uniforms):
        work = members[:, :, 0]
        made = state.skill * work
        paid = leader[:, 0] * made.mean(axis=1) if self.answers else 1 - (leader[:, 0] - 0.3) ** 2
        over = self.fails_at and state.period + 1 >= self.fails_at
        ending = np.where(over, 1, RUNNING) * np.ones(len(state), dtype=np.int64)
        return Crowd(state.period, ending, 0.2 + 0.8 * uniforms[:, :, 0]), paid, made * (1 - leader) - work**2 / 2

    def report(self, state):
        return {"made": state.skill.mean(axis=1)}

    def best_payoff(self) -> float:
        """The leader's payoff of a play at its best, members' skills being uniform in [.2, 1]."""
        return self.periods * 0.25 * (0.8**2 / 12 + 0.6**2)
