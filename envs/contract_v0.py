"""# Contracts: payments for outcomes move agents whose effort nobody sees

The principal (leader) promises a payment for each outcome, never a negative one; the agent chooses an action, which
costs it something and makes good outcomes likelier. In `team-contract` several agents do, and are paid for the outcome
that they bring about together.

```python
env = pettingzoo.make("aec", "stackelberg/contract-v0", types=2, actions=3, outcomes=4, seed=1)
env = pettingzoo.make("aec", "stackelberg/team-contract-v0")
```

| | leader_0 | follower_i |
|---|---|---|
| turn | promise | act (learned, a row for each of its types) |
| action | a payment in [0, most_paid] for each outcome; of a team, agent by agent | one of its actions |
| sees | whether it has promised | its type; whether it has acted |
| payoff, expected over outcomes | what the outcome is worth, less payments | payments less the action's cost |

Of one agent: `rewards=`, `probabilities=` `[type][action][outcome]` and `costs=` `[type][action]`, or a `file=` with
these, or random ones from `seed=`. If nothing is given, efforts that cost 0, .4 and .6 make outcomes worth 0, 1.5 and 2
as likely as (.5, .5, 0), (.4, .3, .3) and (.2, .2, .6). The best contract pays 1 for the best outcome alone. It is
worth .9, while no share of rewards is worth more than no payments, .75.

Of a team: `probabilities=` `[action of each agent][outcome]`, `costs=` `[agent][action]`. If nothing is given, two of
them work (at .1) or shirk, and succeed (worth 2) with .1, .3 or .8 if none, one or both work.

Exact value: of one agent a linear programme for each action (of every type), ties in the principal's favour (Grossman &
Hart 1983). Of a team one for each joint action and agent: 1.28 for the one above, paying both .2 for a success; they
shirk in another equilibrium. To be sure that both work one of them must be paid .5: 1.04 (Winter 2004). Baselines: no
payments, the best share of rewards. Bound: first best, as if effort were seen.

Source: Grossman & Hart 1983 (Econometrica 51); Holmstrom 1982 (Bell J. Econ. 13); Winter 2004 (AER 94).
Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.economics.contracts import (
    METHODS,
    SOURCE,
    HiddenAction,
    Team,
    contract_solve,
    linear_share,
    team_solve,
)
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.pictures import Bars
from rllib_stackelberg.rules.priors import Prior, prior_from
from rllib_stackelberg.rules.solution import Bound, Method

REWARDS = [0.0, 1.5, 2.0]
PROBABILITIES = [[[0.5, 0.5, 0.0], [0.4, 0.3, 0.3], [0.2, 0.2, 0.6]]]
COSTS = [[0.0, 0.4, 0.6]]
"""Of an agent, if nothing is given."""

TEAM_REWARDS = [0.0, 2.0]
TEAM_PROBABILITIES = [[[0.9, 0.1], [0.7, 0.3]], [[0.7, 0.3], [0.2, 0.8]]]
TEAM_COSTS = [[0.0, 0.1], [0.0, 0.1]]

CHEAPEST, DEAREST = 0.2, 0.6
"""Cost of more effort in a random game, as a share of what it earns."""

MOST_TILTED = 4.0
"""How many times e more likely the last outcome than the first becomes by most effort in a random game, on average."""

Size = Annotated[int, Field(ge=1, le=64)]
MostPaid = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass
class ContractState(State):
    """`payments`: promised `[B, numbers]`; `acts`: of every agent `[B, agents]`; `moves`: turns taken `[B]`."""

    payments: np.ndarray
    acts: np.ndarray
    moves: np.ndarray


class HiddenActions(StackelbergGame):
    """What contracts with one agent and with several have in common; a subclass says what actions bring about."""

    simultaneous = True
    rewards: np.ndarray
    most_paid: float

    def declare(self, probabilities: np.ndarray, costs: list[np.ndarray], types: int) -> None:
        """Set turns and ranges, from probabilities of all actions `[..., outcomes]` and costs of each agent."""
        agents = len(costs)
        self.turns = (
            Turn("promise", 0, Box(0.0, self.most_paid, (agents * len(self.rewards),), np.float64), "leader"),
            *(Turn("act", 1 + i, Discrete(own.shape[-1]), "learned", rows=types) for i, own in enumerate(costs)),
        )
        earned = probabilities @ self.rewards
        self.payoff_range = np.array(
            [
                [earned.min() - agents * self.most_paid, earned.max()],
                *([-own.max(), self.most_paid - own.min()] for own in costs),
            ]
        )
        seen = Box(0, 1, (types + 1,), np.float32)
        self.observation_spaces = (Box(0, 1, (1,), np.float32), *[seen] * agents)

    def outcome(self, types: np.ndarray, acts: np.ndarray) -> np.ndarray:
        """Probabilities of outcomes `[B, outcomes]`, by types and acts `[B, agents]`."""
        raise NotImplementedError

    def cost(self, types: np.ndarray, acts: np.ndarray) -> np.ndarray:
        """Of every agent's act, `[B, agents]`."""
        raise NotImplementedError

    def start(self, types, chance):
        """Nothing promised, nothing done."""
        plays, agents = types.shape
        nothing = np.zeros((plays, agents * len(self.rewards)))
        return ContractState(types, chance, nothing, np.zeros((plays, agents), np.int64), np.zeros(plays, np.int64))

    def turn(self, state):
        """The principal, then the agents, none of whom sees what another does."""
        return np.where(state.moves < len(self.turns), state.moves, OVER)

    def observe(self, state, agent):
        """Whether it has moved; an agent's type. What is promised it finds out by what its actions bring."""
        moved = (state.moves > agent).astype(np.float32)[:, None]
        if agent == 0:
            return moved
        types = self.observation_spaces[agent].shape[0] - 1
        return np.concatenate([np.eye(types, dtype=np.float32)[state.types[:, agent - 1]], moved], axis=1)

    def information(self, state):
        """The agent's type."""
        agent = np.clip(state.moves - 1, 0, state.types.shape[1] - 1)
        return np.where(state.moves > 0, state.types[np.arange(len(state)), agent], 0)

    def transition(self, state, actions):
        """Keep the promise and the acts; pay after the last one."""
        agents, outcomes = state.acts.shape[1], len(self.rewards)
        promised = state.moves[:, None] == 0
        payments = np.where(promised, actions[:, : agents * outcomes], state.payments)
        acting = np.flatnonzero((state.moves > 0) & (state.moves <= agents))
        acts = state.acts.copy()
        acts[acting, state.moves[acting] - 1] = actions[acting, 0].astype(np.int64)
        chances = self.outcome(state.types, acts)
        paid = np.einsum("bo,bao->ba", chances, payments.reshape(-1, agents, outcomes))
        earned = (chances * self.rewards).sum(axis=1)  # a matrix product would depend on the batch
        own = (earned - paid.sum(axis=1))[:, None]
        payoffs = np.concatenate([own, paid - self.cost(state.types, acts)], axis=1)
        last = state.moves[:, None] == agents
        return ContractState(state.types, state.chance, payments, acts, state.moves + 1), np.where(last, payoffs, 0.0)

    def describe(self, turn, key):
        """The agent's type."""
        return f"type {key}" if turn.kind == "learned" and turn.rows > 1 else turn.name

    def describe_action(self, turn, key, action):
        """Payments by outcome, or the action."""
        if turn.kind == "learned":
            return f"action {int(action[0])}"
        each = action.reshape(-1, len(self.rewards))
        said = [", ".join(f"{number:.4g}" for number in own) for own in each]
        return "pays " + (
            said[0]
            if len(said) == 1
            else "; ".join(f"{name}: {own}" for name, own in zip(self.followers, said, strict=True))
        )

    def pictured(self, answers):
        """Who is paid what for which outcome."""
        return tuple(
            Bars(
                f"What {name} is paid for each outcome",
                {f"worth {worth:g}": paid for worth, paid in zip(self.rewards.tolist(), own, strict=True)},
            )
            for action in answers.values()
            for name, own in zip(self.followers, action.reshape(-1, len(self.rewards)).tolist(), strict=True)
        )


class Contract(HiddenActions):
    """Payments for outcomes to one agent of private type.

    Args:
        rewards: what outcomes are worth to the principal.
        probabilities: of outcomes, [type][action][outcome].
        costs: of actions, [type][action].
        prior: probabilities of types; equal if it is not given.
        most_paid: for an outcome; what the best one is worth, if it is not given.
        file: JSON file with `rewards`, `probabilities` and `costs`, in their place.
        seed: of a random game of the following sizes, if it is given.
        types: how many types of agent there are in a random game.
        actions: how many actions.
        outcomes: how many outcomes.
    """

    source = SOURCE

    def __init__(
        self,
        *,
        rewards: list[float] | None = None,
        probabilities: list | None = None,
        costs: list | None = None,
        prior: list[float] | None = None,
        most_paid: MostPaid | None = None,
        file: Path | None = None,
        seed: Annotated[int, Field(ge=0)] | None = None,
        types: Size = 1,
        actions: Size = 3,
        outcomes: Annotated[int, Field(ge=2, le=64)] = 3,
    ):
        if file is not None:
            rewards, probabilities, costs = read_fields("file", file, "rewards", "probabilities", "costs")
        if seed is not None:
            rewards, probabilities, costs = _random(types, actions, outcomes, seed)
        if rewards is None and probabilities is None and costs is None:
            rewards, probabilities, costs = REWARDS, PROBABILITIES, COSTS
        given = [
            _array("rewards", rewards, "a list of numbers, one an outcome"),
            _array("probabilities", probabilities, "[type][action][outcome]"),
            _array("costs", costs, "[type][action]"),
        ]
        if not len(given[1]):
            raise InvalidFieldError("probabilities", "are empty", "[type][action][outcome]")
        chances = np.full(len(given[1]), 1 / len(given[1])) if prior is None else np.asarray(prior, dtype=float)
        self.prior = prior_from("prior", chances, (len(given[1]),))
        self.most_paid = _most(most_paid, given[0])
        self.problem = HiddenAction(*given, self.prior.blocks[0], self.most_paid)
        self.rewards = self.problem.rewards
        self.declare(self.problem.probabilities, [self.problem.costs], len(self.problem.prior))

    def outcome(self, types, acts):
        """By type and action."""
        return self.problem.probabilities[types[:, 0], acts[:, 0]]

    def cost(self, types, acts):
        """By type and action."""
        return self.problem.costs[types, acts]

    def methods(self):
        """Linear programmes, or a mixed-integer one."""
        return {name: Method(partial(contract_solve, self.problem, name)) for name in METHODS}

    def bound(self):
        """First best."""
        return Bound(self.problem.first_best, "first best, as if actions were seen")

    def baselines(self):
        """No payments; the best share of rewards, where none is negative."""
        found = {"no payments": self.problem.value(np.zeros(len(self.rewards)))}
        if self.rewards.min() >= 0:
            found["the best share of rewards"] = linear_share(self.problem)[1]
        return found


class TeamContract(HiddenActions):
    """Payments to several agents for the outcome that they bring about together.

    Args:
        rewards: what outcomes are worth to the principal.
        probabilities: of outcomes, [action of each agent][outcome].
        costs: of actions, [agent][action].
        most_paid: to an agent for an outcome; what the best one is worth, if it is not given.
        file: JSON file with `rewards`, `probabilities` and `costs`, in their place.
    """

    source = "Holmstrom 1982; Winter 2004"

    def __init__(
        self,
        *,
        rewards: list[float] | None = None,
        probabilities: list | None = None,
        costs: list | None = None,
        most_paid: MostPaid | None = None,
        file: Path | None = None,
    ):
        if file is not None:
            rewards, probabilities, costs = read_fields("file", file, "rewards", "probabilities", "costs")
        if rewards is None and probabilities is None and costs is None:
            rewards, probabilities, costs = TEAM_REWARDS, TEAM_PROBABILITIES, TEAM_COSTS
        worth = _array("rewards", rewards, "a list of numbers, one an outcome")
        chances = _array("probabilities", probabilities, "[action of each agent][outcome]")
        each = [_array("costs", own, "[agent][action]") for own in costs or []]
        self.most_paid = _most(most_paid, worth)
        self.team = Team(worth, chances, each, self.most_paid)
        self.rewards = self.team.rewards
        self.prior = Prior.uniform(*[1] * self.team.agents)
        self.declare(self.team.probabilities, each, 1)

    def outcome(self, types, acts):
        """By the joint action."""
        return self.team.probabilities[tuple(acts.T)]

    def cost(self, types, acts):
        """Of every agent's action."""
        return np.stack([own[act] for own, act in zip(self.team.costs, acts.T, strict=True)], axis=1)

    def methods(self):
        """Linear programmes."""
        return {"linear-programs": Method(partial(team_solve, self.team))}

    def bound(self):
        """First best."""
        return Bound(self.team.first_best, "first best, as if actions were seen")

    def baselines(self):
        """No payments: everybody does what costs least."""
        least = tuple(int(own.argmin()) for own in self.team.costs)
        return {"no payments": float(self.team.probabilities[least] @ self.rewards)}


def _array(field: str, numbers: list | None, allowed: str) -> np.ndarray:
    """Numbers of a game, refused by name."""
    if numbers is None:
        raise InvalidFieldError(field, "is not given, but others of the game are", allowed)
    try:
        return np.asarray(numbers, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError(field, "is ragged or not numeric", allowed) from error


def _most(most_paid: float | None, rewards: np.ndarray) -> float:
    """What an outcome is paid at most."""
    best = float(rewards.max(initial=0.0)) if most_paid is None else most_paid
    if not 0 < best < np.inf:
        raise InvalidFieldError("most_paid", "is not given, and no outcome is worth anything", "a number above 0")
    return best


def _random(types: int, actions: int, outcomes: int, seed: int) -> tuple[list, list, list]:
    """Rewards uniform in [0, 1], from 0 to 1. Effort tilts a lottery that favours earlier outcomes to later ones.

    More effort costs a share of what it earns, uniform in a range; how far it tilts is up to the type.
    """
    rng = np.random.default_rng(seed)
    rewards = np.concatenate([[0.0], np.sort(rng.random(outcomes - 2)), [1.0]])
    tilts = np.cumsum(rng.exponential(MOST_TILTED / actions, (types, actions)), axis=1)[..., None]
    tilts -= tilts[:, :1]
    idle = -np.sort(-rng.dirichlet(np.ones(outcomes), types), axis=1)
    likely = idle[:, None] * np.exp(tilts * np.linspace(0, 1, outcomes))
    probabilities = likely / likely.sum(axis=-1, keepdims=True)
    gains = np.diff(probabilities @ rewards, axis=1, prepend=(probabilities[:, 0] @ rewards)[:, None])
    costs = np.cumsum(rng.uniform(CHEAPEST, DEAREST, (types, actions)) * gains, axis=1)
    return rewards.tolist(), probabilities.tolist(), costs.tolist()
