"""# Security games: a defender spreads few resources over many targets, an attacker picks one

The defender (leader) commits to how likely each target is to be covered; the attacker learns where it pays to attack.

```python
env = pettingzoo.make("aec", "stackelberg/security-v0", targets=8, resources=3, types=2, seed=1)
```

| | leader_0 | follower_0 |
|---|---|---|
| turn | cover | attack (learned, a row for each of its types) |
| action | a number in [0, 1] for each target: its coverage, scaled down if they sum to more than `resources` | target |
| sees | whether it has moved | its type; whether it has moved |
| payoff | of the attacked target: covered payoff times coverage, uncovered payoff times the rest | likewise |

Payoffs: `defender=` and `attacker=`, `[type][target][uncovered, covered]`, or a JSON `file=` with those two keys; or a
`named=` game; or random ones from `seed=`: 1 to 10 for whoever wins, -10 to -1 for the other.
`prior=` are the probabilities of types, equal if it is not given. Named games:

- `two-targets`: one resource; covering either half the time leaves the attacker 0 at both, and it attacks the one
  where the defender gets 5.
- `two-types`: one resource, two equally likely types. Coverage of 3/4 and 1/4 leaves the first indifferent, which is
  worth -1/8.

Exact value: ORIGAMI against one type that cover deters; otherwise a linear programme for every tuple of attacks that
cannot be ruled out, or a mixed-integer programme (rllib_stackelberg/economics/security.py). There `placements` turns
coverage into a lottery over sets of covered targets. Baselines: the same coverage everywhere, no coverage.

Source: Kiekintveld, Jain, Tsai, Pita, Ordonez & Tambe 2009 (AAMAS). Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.economics.security import METHODS, Targets, expected, security_solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.pictures import Bars
from rllib_stackelberg.rules.priors import prior_from
from rllib_stackelberg.rules.solution import Method
from rllib_stackelberg.rules.ties import broken

LARGEST = 10
"""Payoff of a random game."""

NAMED = {
    "two-targets": (
        [[[0, 10], [-10, 0]]],
        [[[1, -1], [1, -1]]],
    ),
    "two-types": (
        [[[-4, 2], [-4, 2]], [[-1, 0], [-1, 0]]],
        [[[4, -2], [1, -5]], [[2, -4], [1, 0]]],
    ),
}
"""Defender and attacker, of one resource."""


@dataclass
class SecurityState(State):
    """`coverage`: of targets `[B, targets]`; `moves`: turns taken `[B]`."""

    coverage: np.ndarray
    moves: np.ndarray


class Security(StackelbergGame):
    """A defender covers targets, an attacker of private type attacks one of them.

    Args:
        targets: how many there are in a random game.
        resources: how many targets can be covered at once.
        types: how many types of attacker there are in a random game.
        seed: of the random payoffs.
        named: a game of this page, in place of a random one.
        defender: the defender's payoffs [type][target][uncovered, covered], in place of random ones.
        attacker: the attacker's, in the same shape.
        prior: probabilities of the attacker's types; equal if it is not given.
        file: JSON file with `defender` and `attacker`, in their place.
    """

    source = "Kiekintveld et al. 2009"

    def __init__(
        self,
        *,
        targets: Annotated[int, Field(ge=1, le=1000)] = 4,
        resources: Annotated[int, Field(ge=1, le=1000)] = 1,
        types: Annotated[int, Field(ge=1, le=64)] = 1,
        seed: Annotated[int, Field(ge=0)] = 0,
        named: Literal["two-targets", "two-types"] | None = None,
        defender: list | None = None,
        attacker: list | None = None,
        prior: list[float] | None = None,
        file: Path | None = None,
    ):
        if file is not None:
            defender, attacker = read_fields("file", file, "defender", "attacker")
        if named is not None:
            defender, attacker = NAMED[named]
        if (defender is None) != (attacker is None):
            missing = "defender" if defender is None else "attacker"
            raise InvalidFieldError(missing, "is not given, but the other side's payoffs are", "payoffs of both sides")
        if defender is None:
            own, theirs = _random_payoffs(types, targets, seed)
        else:
            own, theirs = _given("defender", defender), _given("attacker", attacker)
        chances = np.full(len(own), 1 / len(own)) if prior is None else np.asarray(prior, dtype=float)
        self.prior = prior_from("prior", chances, (len(own),))
        self.game = Targets(own, theirs, self.prior.blocks[0], resources)
        count = self.game.count
        self.turns = (
            Turn("cover", 0, Box(0.0, 1.0, (count,), np.float64), "leader"),
            Turn("attack", 1, Discrete(count), "learned", rows=len(own)),
        )
        self.payoff_range = np.array([[payoffs.min(), payoffs.max()] for payoffs in (own, theirs)])
        self.observation_spaces = (Box(0, 1, (1,), np.float32), Box(0, 1, (len(own) + 1,), np.float32))
        self.simultaneous = True

    def start(self, types, chance):
        """Nothing covered."""
        return SecurityState(
            types, chance, np.zeros((len(types), self.game.count)), np.zeros(len(types), dtype=np.int64)
        )

    def turn(self, state):
        """Defender, then attacker, who does not see what is covered today."""
        return np.where(state.moves < 2, state.moves, OVER)

    def observe(self, state, agent):
        """Whether it has moved; the attacker's type."""
        moved = (state.moves > agent).astype(np.float32)[:, None]
        if agent == 0:
            return moved
        known = np.eye(len(self.game.prior), dtype=np.float32)[state.types[:, 0]]
        return np.concatenate([known, moved], axis=1)

    def information(self, state):
        """The attacker's type."""
        return np.where(state.moves == 1, state.types[:, 0], 0)

    def transition(self, state, actions):
        """Keep the coverage; pay for the attack."""
        count = self.game.count
        coverage = np.where(state.moves[:, None] == 0, self.coverage(actions[:, :count]), state.coverage)
        target = np.clip(actions[:, 0].astype(np.int64), 0, count - 1)
        of, at = state.types[:, 0], coverage[np.arange(len(state)), target]
        paid = [expected(payoffs[of, target], at) for payoffs in (self.game.defender, self.game.attacker)]
        payoffs = np.where(state.moves[:, None] == 1, np.stack(paid, axis=1), 0.0)
        return SecurityState(state.types, state.chance, coverage, state.moves + 1), payoffs

    def coverage(self, actions):
        """Coverage `[..., targets]` that actions of the leader come to: no more in all than there are resources."""
        total = actions.sum(axis=-1, keepdims=True)
        return actions * (self.game.resources / np.maximum(total, self.game.resources))

    def describe(self, turn, key):
        """The attacker's type."""
        return f"type {key}" if turn.kind == "learned" and turn.rows > 1 else turn.name

    def describe_action(self, turn, key, action):
        """The attacked target, or coverage of targets."""
        if turn.kind == "learned":
            return f"target {int(action[0])}"
        return "covers " + ", ".join(f"{t}: {share:.3g}" for t, share in enumerate(self.coverage(action)))

    def pictured(self, answers):
        """How well each target is guarded."""
        return tuple(
            Bars(
                "How likely each target is guarded",
                {f"target {place}": share for place, share in enumerate(self.coverage(action).tolist())},
            )
            for action in answers.values()
        )

    def methods(self):
        """ORIGAMI, linear programmes, or a mixed-integer one."""
        beyond = {"origami": self.game.beyond_origami}
        return {name: Method(partial(security_solve, self.game, name), beyond.get(name, "")) for name in METHODS}

    def baselines(self):
        """Coverage that does not look at payoffs."""
        even = np.full(self.game.count, min(1.0, self.game.resources / self.game.count))
        return {"the same coverage everywhere": self.value(even), "no coverage": self.value(np.zeros_like(even))}

    def value(self, coverage):
        """What coverage `[targets]` is worth to the defender, ties in its favour."""
        problem = self.game.problem()
        own, _ = problem.payoffs(coverage)
        return float(problem.prior @ (broken(problem.chosen(coverage), own, "leader") * own).sum(axis=1))


def _random_payoffs(types: int, targets: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The defender's and the attacker's, `[types, targets, 2]`; a game with more targets has the same first ones."""
    generators = [np.random.default_rng([seed, side]) for side in (0, 1)]
    own, theirs = (np.moveaxis(rng.integers(1, LARGEST + 1, (targets, types, 2)), 0, 1) for rng in generators)
    return own * np.array([-1.0, 1.0]), theirs * np.array([1.0, -1.0])


def _given(field: str, payoffs: list) -> np.ndarray:
    try:
        return np.asarray(payoffs, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        allowed = "[type][target][uncovered, covered]"
        raise InvalidFieldError(field, "is ragged or not numeric", allowed) from error
