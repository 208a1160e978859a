"""What snapshots of a run are worth, and the best of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rllib_stackelberg.comparisons import exceeds
from rllib_stackelberg.evaluation.certificates import Certificate
from rllib_stackelberg.evaluation.strategies import Evaluation, evaluate_policy, evaluate_strategy, tabulated
from rllib_stackelberg.evaluation.values import ModelValue
from rllib_stackelberg.files.tensors import refuse_unreal
from rllib_stackelberg.leader.policy import LeaderNetwork, network_from
from rllib_stackelberg.networks import layer_tensors
from rllib_stackelberg.plays.outcomes import TABLE_LIMIT
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Purpose
from rllib_stackelberg.training.running.restoring import check_evaluation

SELECTION_SAMPLES = (32, 128, 512)
"""Responses on which a snapshot is valued: the first few, and more as long as it looks better than the one kept."""

ESTIMATED_EVERY, ESTIMATED_SAMPLES = 10, 16
"""Iterations between valuations, and their sample size, where a value is estimated from plays."""

LARGE_EVERY, LARGE_SAMPLES = 10, (16, 64)
"""Iterations between valuations in games of so many courses of play that one costs more than an iteration, and sample
sizes of it."""

RESPOND_EVERY = 5
"""Iterations between valuations where a response is long."""


@dataclass
class BestSnapshot:
    """The best greedy policy so far.

    Among snapshots whose value is within the tolerance (in payoffs) of the best value seen, one whose play is an
    equilibrium is preferred, then the more valuable one.
    """

    tolerance: float
    highest: float = float("-inf")
    network: LeaderNetwork | None = None
    found: Evaluation | None = None

    def beaten_by(self, found: Evaluation) -> bool:
        """Whether a snapshot with that evaluation is better."""
        self.highest = max(self.highest, found.leader_value)
        return self.found is None or self._rank(found) > self._rank(self.found)

    def offer(self, network: LeaderNetwork, found: Evaluation) -> None:
        """Keep the snapshot if it is better."""
        if self.beaten_by(found):
            self.network, self.found = network, found

    def reaches(self, value: float, slack: float) -> bool:
        """Whether the snapshot kept is worth that much (or less by a slack), in an equilibrium of the followers."""
        found = self.found
        return (
            found is not None and not exceeds(value, found.leader_value, slack=slack) and found.certificate.equilibrium
        )

    def get_state(self) -> dict[str, Any]:
        """As data."""
        return {
            "highest": self.highest,
            "network": self.network and self.network.data(),
            "found": self.found and asdict(self.found),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`."""
        self.highest = state["highest"]
        self.network = state["network"] and network_from(state["network"])
        if self.network:
            refuse_unreal(layer_tensors(self.network.layers))
        self.found = state["found"] and evaluation_from(state["found"])

    def _rank(self, found: Evaluation) -> tuple[bool, bool, float]:
        close = not exceeds(self.highest, found.leader_value, slack=self.tolerance)
        return close, close and found.certificate.equilibrium, found.leader_value


def evaluation_from(data: dict[str, Any]) -> Evaluation:
    """The inverse of `asdict`.

    Raises:
        ValidationError: it is of something else.
    """
    check_evaluation(data)
    models = (ModelValue(**model | {"found": evaluation_from(model["found"])}) for model in data.get("by_model", ()))
    return Evaluation(**data | {"certificate": Certificate(**data["certificate"]), "by_model": tuple(models)})


@dataclass
class Valuer:
    """Values snapshots on the selection streams; equal tables are valued once."""

    game: StackelbergGame
    settings: LeaderSettings
    seed: int
    known: dict[tuple[bytes, int], Evaluation] = field(default_factory=dict)

    @property
    def further_samples(self) -> tuple[int, ...]:
        """Sample sizes on which a snapshot that looks best is valued again; none where once is exact, or costly."""
        if not self.settings.random_response or self.settings.long_response(self.game) or not tabulated(self.game):
            return ()
        return LARGE_SAMPLES[1:] if self.large else SELECTION_SAMPLES[1:]

    @property
    def large(self) -> bool:
        """Whether a valuation costs more than an iteration."""
        return self.settings.episode_outcomes(self.game) > TABLE_LIMIT

    @property
    def first_samples(self) -> int:
        """Sample size on which every snapshot is valued that is due."""
        if not tabulated(self.game):
            return ESTIMATED_SAMPLES
        return LARGE_SAMPLES[0] if self.large else SELECTION_SAMPLES[0]

    def due(self, iteration: int) -> bool:
        """Whether the snapshot of an iteration is worth its valuation (the last one always is)."""
        if not tabulated(self.game) and self.settings.random_response:
            return iteration % ESTIMATED_EVERY == 0
        if self.large:
            return iteration % LARGE_EVERY == 0
        return not self.settings.long_response(self.game) or iteration % RESPOND_EVERY == 0

    @property
    def most_samples(self) -> int:
        """Sample size on which a snapshot that is kept was valued last."""
        return (self.first_samples, *self.further_samples)[-1]

    def __call__(self, network: LeaderNetwork, samples: int) -> Evaluation:
        """Evaluation of what the network does when it does not explore."""
        policy = network.acting_in(self.game)
        if not tabulated(self.game):
            chosen = (self.settings, self.seed, Purpose.SELECTION, samples)
            return evaluate_policy(self.game, policy, *chosen, every_play=False)[1]
        return self.of(LeaderStrategy.ask(self.game, policy), samples)

    def of(self, strategy: LeaderStrategy, samples: int) -> Evaluation:
        """Evaluation of a leader strategy, of a tabulated game."""
        key = (strategy.signature(), samples)
        if key not in self.known:
            if len(self.known) > 1000:
                self.known.clear()
            self.known[key] = evaluate_strategy(
                strategy, self.settings, self.seed, Purpose.SELECTION, samples, every_play=False
            )
        return self.known[key]
