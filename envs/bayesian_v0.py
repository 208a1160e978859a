"""# Bayesian games: the leader picks the payoffs

The leader picks one of a few payoff tables; then followers with private types, correlated or not, move at once. Which
table is best depends on how followers respond to it.

```python
env = pettingzoo.make("aec", "stackelberg/bayesian-v0", types=3, actions=3, tables=4, seed=1, correlated=True)
```

| | leader_0 | follower_i |
|---|---|---|
| turn | pick, first | move (learned) |
| action | Discrete(tables) | Discrete(actions) |
| sees | whether it has picked | its type, and whether it has moved |
| payoff | the followers' sum, or a table of its own | its table's entry at all types and actions |

Random instances: every follower's payoffs are uniform on [0, 1), independent over tables, types and actions, from
`numpy.random.default_rng(seed)`; a game with more tables has the same first ones. The leader gets their sum
(`objective=welfare`) or a payoff drawn like theirs (`own`). The prior is a random one over joint types
(`correlated=true`) or a product of random ones; `prior=` gives it, with an axis per follower. `file=` names a JSON
file with `payoffs`, `[table][agent][type of each follower]...[action of each follower]...` where the leader is agent 0,
and `prior`.

Exact value: enumeration of tables and of pure Bayesian equilibria, of which there may be none.

Source: Harsanyi 1967-68. Version history: v0, first release.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior, prior_from

ENTRIES = 2**22
"""Most payoffs of a random game."""

Size = Annotated[int, Field(ge=1, le=64)]


@dataclass
class BayesianState(State):
    """`moves`: of leader and followers so far `[B, agents]`; `taken`: turns taken `[B]`."""

    moves: np.ndarray
    taken: np.ndarray


class Bayesian(StackelbergGame):
    """Followers with private types play the table that the leader has picked.

    Args:
        followers: how many there are, each with a private type.
        types: how many types each follower may have.
        actions: how many actions each follower has.
        tables: how many payoff tables the leader can pick from.
        seed: of the random payoffs and the random prior.
        correlated: whether the random prior makes types depend on each other.
        prior: joint probabilities of types, with an axis per follower; random if it is not given.
        objective: what the leader is paid: the followers' sum (welfare), or a random payoff of its own (own).
        file: JSON file with `payoffs` and `prior`, in place of all of the above.
    """

    source = "Harsanyi 1967-68"
    simultaneous = True

    def __init__(
        self,
        *,
        followers: Annotated[int, Field(ge=1, le=8)] = 2,
        types: Size = 2,
        actions: Size = 2,
        tables: Size = 3,
        seed: Annotated[int, Field(ge=0)] = 0,
        correlated: bool = False,
        prior: list | None = None,
        objective: Literal["welfare", "own"] = "welfare",
        file: Path | None = None,
    ):
        if file is not None:
            given, prior = read_fields("file", file, "payoffs", "prior")
            self.payoffs = _given_payoffs(given)
            self.payoff_range = np.array([[own.min(), own.max()] for own in np.moveaxis(self.payoffs, 1, 0)])
        else:
            self.payoffs = _random_payoffs((tables, followers, types, actions), seed, objective == "own")
            most = float(followers) if objective == "welfare" else 1.0
            self.payoff_range = np.array([[0.0, most], *[[0.0, 1.0]] * followers])
        agents = self.payoffs.shape[1]
        sizes, choices = self.payoffs.shape[2 : agents + 1], self.payoffs.shape[agents + 1 :]
        self.prior = prior_from("prior", prior, sizes) if prior is not None else _random_prior(sizes, seed, correlated)
        self.turns = (
            Turn("pick", 0, Discrete(len(self.payoffs)), "leader"),
            *(
                Turn("move", i + 1, Discrete(k), "learned", rows=n)
                for i, (n, k) in enumerate(zip(sizes, choices, strict=True))
            ),
        )
        widths = (2, *(n + 1 for n in sizes))
        self.observation_spaces = tuple(Box(0, 1, (width,), np.float32) for width in widths)

    def start(self, types, chance):
        """Nobody has moved."""
        moves = np.zeros((len(types), len(self.turns)), dtype=np.int64)
        return BayesianState(types, chance, moves, np.zeros(len(types), dtype=np.int64))

    def turn(self, state):
        """The leader, then the followers in turn, none seeing what was done."""
        return np.where(state.taken < len(self.turns), state.taken, OVER)

    def observe(self, state, agent):
        """One-hot type (of the leader: nothing), and whether it has moved."""
        width = self.observation_spaces[agent].shape[0]
        known = state.types[:, agent - 1] if agent else np.zeros(len(state), dtype=np.int64)
        seen = np.eye(width, dtype=np.float32)[known]
        seen[:, -1] = state.taken > agent
        return seen

    def information(self, state):
        """The follower's type; the leader knows nothing."""
        follower = np.clip(state.taken - 1, 0, self.prior.width - 1)
        return np.where(state.taken > 0, state.types[np.arange(len(state)), follower], 0)

    def transition(self, state, actions):
        """Keep the moves; pay at the last one."""
        moves, live = state.moves.copy(), state.taken < len(self.turns)
        moves[live, state.taken[live]] = actions[live, 0].astype(np.int64)
        entry = (moves[:, 0], slice(None), *state.types.T, *moves[:, 1:].T)
        last = state.taken == len(self.turns) - 1
        return (
            BayesianState(state.types, state.chance, moves, state.taken + 1),
            np.where(last[:, None], self.payoffs[entry], 0.0),
        )

    def describe(self, turn, key):
        """The type."""
        return f"type {key}" if turn.kind == "learned" else turn.name


def _random_payoffs(sizes: tuple[int, int, int, int], seed: int, own: bool) -> np.ndarray:
    """`[tables, agents, types..., actions...]`: the followers' uniform, the leader's their sum or its own."""
    tables, followers, types, actions = sizes
    entries = tables * followers * (types * actions) ** followers
    if entries > ENTRIES:
        raise InvalidFieldError("followers", f"have {entries:,} payoffs", f"up to {ENTRIES:,} in all")
    shape = (types,) * followers + (actions,) * followers
    payoffs = np.random.default_rng(seed).random((tables, followers, *shape))
    # Numbers of other purposes come from generators of their own, so that asking for them changes no payoff.
    leader = np.random.default_rng([seed, 1]).random((tables, *shape)) if own else payoffs.sum(axis=1)
    return np.concatenate([leader[:, None], payoffs], axis=1)


def _random_prior(sizes: tuple[int, ...], seed: int, correlated: bool) -> Prior:
    """Uniform over all joint priors, or a product of such priors of one follower each."""
    rng = np.random.default_rng([seed, 2])
    if correlated:
        return Prior.joint(rng.dirichlet(np.ones(int(np.prod(sizes)))).reshape(sizes))
    return Prior.independent(*(rng.dirichlet(np.ones(size)) for size in sizes))


def _given_payoffs(given: list) -> np.ndarray:
    """Payoffs from a file, refused by name unless they are finite and rectangular, with an axis for everything."""
    try:
        payoffs = np.asarray(given, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError("file", "payoffs are ragged or not numeric", "rectangular lists of numbers") from error
    followers = payoffs.shape[1] - 1 if payoffs.ndim > 1 else 0
    if payoffs.size == 0 or followers < 1 or payoffs.ndim != 2 + 2 * followers:
        allowed = "[table][agent][type of each follower][action of each follower]"
        raise InvalidFieldError("file", f"payoffs have shape {payoffs.shape}", allowed)
    check_comparable("payoffs", payoffs)
    return payoffs
