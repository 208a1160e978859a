"""Which snapshot of a run on a population game is kept.

It is the last one, or the one at which the side that learns (the leader, if both do) is worth most on the selection
streams, among those of the second half of the run (`keep`): earlier, members have not found their answers yet, and a
leader is worth what it would never get from members that have. Values are reported of other streams.
"""

from __future__ import annotations

import math
from typing import Any

from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.streams import Purpose

SHOWN = ("leader_value", "members_value", "lasted")
"""Of an evaluation: what progress tells."""

SETTLED_SHARE = 0.5
"""Of a run, after which snapshots are candidates."""


class Snapshots:
    """Greedy snapshots: the latest, and the one that is kept.

    Attributes:
        policy: the one that is kept; best: its value; found: evaluation of the latest.
    """

    def __init__(self, options: PopulationOptions):
        self.options, self.settings, self.game = options, options.resolved_settings, options.rules
        self.of_leader = "leader" in self.settings.learning
        self.policy: PopulationPolicy | None = None
        self.best = -math.inf
        self.found: dict[str, Any] = {}
        self._settled = False

    def look(self, policy: PopulationPolicy, done: float) -> None:
        """Value a snapshot, and keep it if it is the best, or the last is kept."""
        plays = self.settings.evaluation_plays
        evaluated = evaluate_population(self.game, policy, self.options.seed, Purpose.SELECTION, plays)
        self.found = evaluated.data()
        value = self.found["leader_value" if self.of_leader else "members_value"]
        # A run that is given a higher limit may be in its first half again.
        before, self._settled = self._settled, done >= SETTLED_SHARE
        if self._settled and not before:
            self.best = -math.inf
        if value > self.best or self.policy is None or self.settings.keep == "last":
            self.best, self.policy = value, policy

    def get_state(self) -> dict[str, Any]:
        """As data."""
        policy = self.policy and self.policy.data()
        return {"policy": policy, "best": self.best, "found": self.found, "settled": self._settled}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`."""
        self.policy = state["policy"] and PopulationPolicy.of(*state["policy"])
        if self.policy:
            self.policy.check(self.game, "run")
        self.found = {name: value if name not in SHOWN else float(value) for name, value in state["found"].items()}
        if self.policy and not self.found.keys() >= set(SHOWN):
            raise ValueError("a snapshot without its values")
        self.best, self._settled = float(state["best"]), bool(state["settled"])
