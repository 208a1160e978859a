"""Contracts for actions that nobody sees: payments for outcomes, never negative (hidden action, limited liability).

An agent of private type t chooses an action a at cost c_ta; outcome o follows with probability P_ta(o) and is worth
r(o) to the principal, who has promised to pay w(o) for it, 0 <= w <= most_paid:

    agent: P_ta . w - c_ta        principal: P_ta . (r - w)

The best contract (Grossman & Hart 1983, Econometrica 51: 7-45): for every action (of every type) the payments that
implement it at least cost, a linear programme; then the best action. The agent breaks ties for the principal. One
contract is offered to all types; a menu would let them choose.

Teams (Holmstrom 1982, Bell J. Econ. 13: 324-340): several agents, outcomes depend on what all of them do, each is paid
for the joint outcome. An action of each is an equilibrium where none gains by another one; given what the others do
the payments of each are a programme of their own. There may be further equilibria at the same payments; the value is
of the best one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.commitment.linear import (
    Commitment,
    LinearCommitment,
    best_for,
    integer_programme,
    programmes,
)
from rllib_stackelberg.comparisons import check_comparable, tied
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.priors import SUM_TOLERANCE
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.rules.ties import broken

SOURCE = "Grossman & Hart 1983"

PROFILES = 4096
"""Most joint actions of a team that are solved for."""


@dataclass(frozen=True, eq=False)
class HiddenAction:
    """An agent of private type.

    Attributes:
        rewards: of outcomes to the principal, `[outcomes]`.
        probabilities: of outcomes, `[types, actions, outcomes]`.
        costs: of actions, `[types, actions]`.
        prior: of types, `[types]`.
        most_paid: for an outcome.
    """

    rewards: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    costs: NDArray[np.float64]
    prior: NDArray[np.float64]
    most_paid: float

    def __post_init__(self) -> None:
        check_outcomes(self.rewards, self.probabilities, 3, "[type][action][outcome]")
        check_comparable("costs", self.costs)
        if self.costs.shape != self.probabilities.shape[:2]:
            raise InvalidFieldError("costs", f"have shape {self.costs.shape}", f"{self.probabilities.shape[:2]}")

    @property
    def expected_rewards(self) -> NDArray[np.float64]:
        """Of actions, `[types, actions]`."""
        return self.probabilities @ self.rewards

    @property
    def first_best(self) -> float:
        """What the principal would get if it saw actions: all that is gained over the agent's cheapest action."""
        gained = (self.expected_rewards - self.costs).max(axis=1) + self.costs.min(axis=1)
        return float(self.prior @ gained)

    def problem(self) -> LinearCommitment:
        """Payments as numbers of the leader, actions as choices."""
        own = self.expected_rewards
        return LinearCommitment(self.prior, -self.probabilities, self.probabilities, own, -self.costs, self.most_paid)

    def value(self, payments: NDArray[np.float64]) -> float:
        """What payments `[outcomes]` are worth to the principal, ties in its favour."""
        problem = self.problem()
        own, _ = problem.payoffs(payments)
        return float(problem.prior @ (broken(problem.chosen(payments), own, "leader") * own).sum(axis=1))


def check_outcomes(rewards: NDArray[np.float64], probabilities: NDArray[np.float64], axes: int, allowed: str) -> None:
    """Refuse rewards or probabilities of outcomes that are none, by name.

    Args:
        rewards: `[outcomes]`; probabilities: `[..., outcomes]` with so many axes; allowed: which, in words.
    """
    if rewards.ndim != 1 or not len(rewards):
        raise InvalidFieldError("rewards", f"have shape {rewards.shape}", "a list of numbers, one an outcome")
    check_comparable("rewards", rewards)
    if probabilities.ndim != axes or not probabilities.size or probabilities.shape[-1] != len(rewards):
        problem = f"have shape {probabilities.shape} with {len(rewards)} outcomes"
        raise InvalidFieldError("probabilities", problem, allowed)
    sums = probabilities.sum(axis=-1)
    if not np.isfinite(sums).all() or (probabilities < 0).any() or (np.abs(sums - 1) > SUM_TOLERANCE).any():
        raise InvalidFieldError("probabilities", "are none", "numbers of at least 0 that sum to 1 over outcomes")


def linear_share(problem: HiddenAction) -> tuple[float, float]:
    """The best share of rewards to pay the agent, and what it is worth to the principal; ties in its favour.

    A share moves an agent only where it makes two actions equally good, and beyond that costs: it is one of these or
    0. Of outcomes that are worth something alone: rewards must not be negative.

    >>> told = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # the outcome tells the action
    >>> sure = HiddenAction(np.array([0.0, 4.0]), told, np.array([[0.0, 1.0]]), np.ones(1), 4.0)
    >>> linear_share(sure)
    (0.25, 3.0)
    """
    earned, costs = problem.expected_rewards, problem.costs
    gains, extra = earned[:, :, None] - earned[:, None], costs[:, :, None] - costs[:, None]
    shares = np.divide(extra, gains, out=np.zeros_like(extra), where=gains > 0)
    most = min(1.0, problem.most_paid / problem.rewards.max()) if problem.rewards.max() > 0 else 0.0
    worth = {}
    for share in np.unique(np.append(shares[(shares >= 0) & (shares <= most)], 0.0)).tolist():
        equal = tied(share * earned - costs, share * np.abs(earned) + np.abs(costs))
        own = (1 - share) * earned
        worth[share] = float(problem.prior @ (broken(equal, own, "leader") * own).sum(axis=1))
    best = max(worth, key=lambda share: worth[share])
    return best, worth[best]


METHODS = {"linear-programs": programmes, "integer-program": integer_programme}
"""Ways to the best contract, by name."""


def contract_solve(problem: HiddenAction, method: str = "linear-programs") -> StackelbergSolution:
    """The best contract.

    Args:
        problem: agent and outcomes.
        method: one of `METHODS`: a programme for every tuple of actions, or one mixed-integer programme.

    >>> told = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # the outcome tells the action
    >>> sure = HiddenAction(np.array([0.0, 4.0]), told, np.array([[0.0, 1.0]]), np.ones(1), 4.0)
    >>> solution = contract_solve(sure)  # the principal gets first best
    >>> solution.leader_value, solution.leader_strategy[0][1], sure.first_best
    (3.0, (0.0, 1.0), 3.0)
    """
    if method not in METHODS:
        raise InvalidFieldError("method", f"got {method!r}", ", ".join(METHODS))
    found = METHODS[method](problem.problem())
    return StackelbergSolution(
        leader_value=found.leader_value,
        follower_values=(float(problem.prior @ found.follower_values),),
        leader_strategy=((0, tuple(found.numbers.tolist())),),
        method=f"{found.method} ({SOURCE})",
        tie_break="leader",
        doubt=found.doubt,
        details={
            "actions": list(found.choices),
            "programs": found.programmes,
            "first_best": problem.first_best,
            "paid_the_most": bool((found.numbers >= problem.most_paid).any()),
        },
    )


@dataclass(frozen=True, eq=False)
class Team:
    """Several agents whose joint action makes the outcome.

    Attributes:
        rewards: `[outcomes]`; most_paid: to one agent for an outcome.
        probabilities: of outcomes, `[actions of agent 1, ..., actions of agent n, outcomes]`.
        costs: per agent, `[actions]`.
    """

    rewards: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    costs: Sequence[NDArray[np.float64]]
    most_paid: float

    def __post_init__(self) -> None:
        axes = len(self.costs) + 1
        check_outcomes(self.rewards, self.probabilities, axes, "[action of each agent][outcome]")
        for own in self.costs:
            check_comparable("costs", own)
        if tuple(len(own) for own in self.costs) != self.probabilities.shape[:-1]:
            problem = f"are of {[len(own) for own in self.costs]} actions"
            raise InvalidFieldError("costs", problem, f"{list(self.probabilities.shape[:-1])}, of each agent")

    @property
    def agents(self) -> int:
        """How many."""
        return len(self.costs)

    @property
    def first_best(self) -> float:
        """What the principal would get if it saw actions."""
        total = self.probabilities @ self.rewards
        for agent, own in enumerate(self.costs):
            total = total - np.expand_dims(own - own.min(), [axis for axis in range(self.agents) if axis != agent])
        return float(total.max())

    def payments_for(self, actions: Sequence[int], agent: int) -> Commitment | None:
        """The cheapest payments that make an agent's action its best reply to the others'; None if there are none."""
        place: list[int | slice] = list(actions)
        place[agent] = slice(None)
        own = self.probabilities[tuple(place)][None]
        nothing = np.zeros((1, len(self.costs[agent])))
        alone = LinearCommitment(np.ones(1), -own, own, nothing, -self.costs[agent][None], self.most_paid)
        return best_for(alone, (actions[agent],))


def team_solve(team: Team) -> StackelbergSolution:
    """The best payments for a joint outcome, and the best equilibrium at them.

    Raises:
        BeyondLimitsError: there are too many joint actions.

    >>> both = np.array([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])  # success if both work
    >>> solution = team_solve(Team(np.array([0.0, 4.0]), both, [np.array([0.0, 1.0])] * 2, 4.0))
    >>> solution.leader_value, solution.leader_strategy[0][1]
    (2.0, (0.0, 1.0, 0.0, 1.0))
    """
    shape = team.probabilities.shape[:-1]
    if np.prod(shape) > PROFILES:
        raise BeyondLimitsError("game", f"has {np.prod(shape):,} joint actions", f"up to {PROFILES:,}")
    best: list[Commitment] | None = None
    chosen: tuple[int, ...] = ()
    value = -np.inf
    for actions in product(*map(range, shape)):
        earned = float(team.probabilities[actions] @ team.rewards)
        if earned <= value:
            continue
        found = [team.payments_for(actions, agent) for agent in range(team.agents)]
        parts = [part for part in found if part is not None]
        worth = earned + sum(part.leader_value for part in parts)
        if len(parts) == team.agents and worth > value:
            best, chosen, value = parts, actions, worth
    assert best is not None, "without payments the cheapest actions are an equilibrium"
    return StackelbergSolution(
        leader_value=value,
        follower_values=tuple(float(part.follower_values[0]) for part in best),
        leader_strategy=((0, tuple(np.concatenate([part.numbers for part in best]).tolist())),),
        method="a linear program for each joint action and agent",
        tie_break="leader",
        doubt=next((part.doubt for part in best if part.doubt), ""),
        details={"actions": list(chosen), "first_best": team.first_best},
    )
