"""Which snapshot of a run on a population game is kept.

It is one of the second half of the run: earlier, members have not found their answers yet, and a leader is worth what
it would never get from members that have. Which one says `keep`: the last of those whose plays last longest, or the one
at which the side that learns (the leader, if both do) is worth most, on the selection streams. Values are reported of
other streams.
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
        policy: the one that is kept; best: its value; found: evaluation of the latest; longest: periods that plays have
            lasted.
    """

    def __init__(self, options: PopulationOptions):
        self.options, self.settings, self.game = options, options.resolved_settings, options.rules
        self.of_leader = "leader" in self.settings.learning
        self.policy: PopulationPolicy | None = None
        self.best, self.longest = -math.inf, 0.0
        self.found: dict[str, Any] = {}
        self._settled = False

    def look(self, policy: PopulationPolicy, done: float) -> None:
        """Value a snapshot, and keep it if it is to be kept."""
        plays = self.settings.evaluation_plays
        evaluated = evaluate_population(self.game, policy, self.options.seed, Purpose.SELECTION, plays)
        self.found = evaluated.data()
        value = self.found["leader_value" if self.of_leader else "members_value"]
        # A run that is given a higher limit may be in its first half again.
        before, self._settled = self._settled, done >= SETTLED_SHARE
        if self._settled and not before:
            self.best, self.longest = -math.inf, 0.0
        lasting = self.found["lasted"] >= self.longest
        if self.policy is None or (lasting if self.settings.keep == "last" else value > self.best):
            self.best, self.policy = value, policy
        self.longest = max(self.longest, self.found["lasted"])

    def get_state(self) -> dict[str, Any]:
        """As data."""
        policy = self.policy and self.policy.data()
        kept = {"policy": policy, "best": self.best, "longest": self.longest}
        return kept | {"found": self.found, "settled": self._settled}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`."""
        self.policy = state["policy"] and PopulationPolicy.of(*state["policy"])
        if self.policy:
            self.policy.check(self.game, "run")
        self.found = {name: value if name not in SHOWN else float(value) for name, value in state["found"].items()}
        if self.policy and not self.found.keys() >= set(SHOWN):
            raise ValueError("a snapshot without its values")
        self.best, self._settled = float(state["best"]), bool(state["settled"])
        self.longest = float(state.get("longest", 0.0))
