"""A game with a population as a PettingZoo AEC environment: the rules at batch one.

Every period the leader acts, then `population_0` for all members: its action has a row per member, and so has its
observation, which shows each member's own state and the leader's action (before the first one: the least). Rewards
come after the population's turn; the population's is the mean over members. A play that reaches the horizon is
truncated, one that ends otherwise is terminated. Rendered are the start and the last periods as a table ("human": when
the play has ended).

The view refuses actions out of range; as made by `make_aec` it stands in PettingZoo's wrapper for continuous actions,
which warns and clips them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from rllib_stackelberg.aec.view import AECView
from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.rules.population import RUNNING, PopulationGame

PERIODS_SHOWN = 5


class PopulationAEC(AECView):
    """One play of a game with a population, turn by turn.

    Attributes:
        game: the rules; state_of_play: theirs, of one play.
    """

    def __init__(self, game: PopulationGame, render_mode: str | None = None):
        super().__init__(game, render_mode)
        self.game = game
        leader = _own(game.leader_actions), _own(game.leader_space)
        population = _own(game.member_actions, game.members), _own(game.member_view, game.members)
        spaces = dict(zip(game.agents, (leader, population), strict=True))
        self.action_spaces = {agent: actions for agent, (actions, _) in spaces.items()}
        self.observation_spaces = {agent: seen for agent, (_, seen) in spaces.items()}

    def reset(self, seed: int | None = None, options: dict | None = None) -> None:
        """Start a play. Its uniforms come from one generator: those of the start, then period by period."""
        self._seed(seed)
        self._draws = self._generator()
        self.state_of_play = self.game.start(self._draws.random((1, self.game.members, self.game.start_draws)))
        self._policy = self.game.leader_actions.low[None].astype(np.float64)
        self._begin()
        self.agent_selection = self.leader
        self._reports: list[Mapping[str, Numbers]] = []
        self._note()

    def observe(self, agent: str) -> np.ndarray:
        """What the agent may see now."""
        if agent == self.leader:
            return self.game.observe_leader(self.state_of_play)[0]
        return self.game.view_members(self.state_of_play, self._policy)[0]

    def _move(self, agent: str, action: Any) -> dict[str, float]:
        given = np.asarray(action, dtype=np.float64)[None]
        if agent == self.leader:
            self.game.check_leader(given)
            self._policy, self.agent_selection = given, self.followers[0]
            return dict.fromkeys(self.agents, 0.0)
        uniforms = self._draws.random((1, self.game.members, self.game.draws))
        self.state_of_play, leader, members = self.game.step(self.state_of_play, self._policy, given, uniforms)
        self.agent_selection = self.leader
        self._end()
        self._note()
        return dict(zip(self.agents, (float(leader[0]), float(members[0].mean())), strict=True))

    def _end(self) -> None:
        ending = int(self.game.ended(self.state_of_play)[0])
        self.truncations = dict.fromkeys(self.agents, ending == self.game.horizon)
        self.terminations = dict.fromkeys(self.agents, ending not in (RUNNING, self.game.horizon))

    def _news(self) -> list[str]:
        """The table, once nothing more is added to it."""
        return self._lines if any(self.terminations.values()) or any(self.truncations.values()) else []

    def _note(self) -> None:
        if self.render_mode is None:
            return
        self._reports.append(self.game.report(self.state_of_play))
        state, game = self.state_of_play, self.game
        self._lines = _table(self._reports, game.units)
        if state.ending[0] != RUNNING:
            self._lines.append(f"ended after {state.period[0]} periods: {game.endings[state.ending[0]]}")


def _own(space: Box, members: int | None = None) -> Box:
    """A copy, since a space draws from a generator of its own; with a row per member, if there are any."""
    low, high = (bound if members is None else np.tile(bound, (members, 1)) for bound in (space.low, space.high))
    return Box(low, high, dtype=space.dtype)  # type: ignore[arg-type]


def _table(reports: list[Mapping[str, Numbers]], units: Mapping[str, str]) -> list[str]:
    """A line per figure, a column for the start and each of the last periods."""
    shown = [0, *range(max(1, len(reports) - PERIODS_SHOWN), len(reports))]
    names = [f"{name} [{unit}]" if unit else name for name, unit in units.items()]
    width = max(len(name) for name in ("period", *names))
    rows = [("period", ["start", *(str(k) for k in shown[1:])])]
    rows += [(name, [f"{reports[k][key][0]:.6g}" for k in shown]) for name, key in zip(names, units, strict=True)]
    return [name.ljust(width) + "".join(cell.rjust(13) for cell in cells) for name, cells in rows]
