"""# Games in normal form: one player commits, the others move at once

Any number of players. The leader commits to a strategy or to probabilities of its strategies; then all others, the
followers, move at the same time and learn.

```python
import pettingzoo, rllib_stackelberg
env = pettingzoo.make("aec", "stackelberg/normal-form-v0", payoffs=[[[2, 1], [4, 0]], [[1, 0], [3, 1]]])
env = pettingzoo.make("aec", "stackelberg/random-normal-form-v0", family="cournot", players=3, actions=5)
```

| | leader_0 | follower_0, follower_1, ... |
|---|---|---|
| who | player `leads` of the game | the others, in the game's order |
| turn | commit | respond (learned), all at once |
| action, pure | strategy | strategy |
| action, `mixed=True` | a point of the unit box: entries over their sum, uniform if that is 0 | strategy |
| sees | whether it has committed | whether it has moved |
| payoff | its payoff at the profile (expected, if mixed) | likewise |

`normal-form` takes payoffs as they are: `payoffs=`, nested lists `[strategy of player 1]...[strategy of player
n][player]`, or a `file=` in Gambit's format (`.nfg`), or a game of pygambit's catalogue (`catalogue=`; of a tree its
reduced normal form). `random-normal-form` makes one of a family: `uniform`, `covariant` and `coordination` are drawn
from a `seed=`; `dispersion`, `travellers-dilemma`, `minimum-effort`, `prisoners-dilemma`, `cournot` and `bertrand`
follow from `players=` and `actions=` (economics/game_families.py has the formulas). The first player leads.

Exact values. One follower: best strategy, or the linear programs of Conitzer & Sandholm (2006). Several: followers
play a pure equilibrium, the best one for the leader; found by enumeration, or, mixed, by a linear program for each
profile of followers (commitment/equilibria.py). Beside it stand the best and the worst correlated
equilibrium of the followers against that mixture, and as a bound what commitment to a correlated strategy is worth
(Conitzer & Korzhyk 2011).

Version history: v0, first release.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.commitment.bimatrix import mixed_commitment_solve, pure_commitment_solve
from rllib_stackelberg.commitment.correlated import correlated_commitment_solve, response_range
from rllib_stackelberg.commitment.equilibria import WORK, equilibrium_commitment_solve, work
from rllib_stackelberg.commitment.mixtures import mixtures
from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.economics.game_families import Family, family_payoffs
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.formats.nfg import nfg_text
from rllib_stackelberg.formats.normal_form import PAYOFFS, NormalForm, unique_names
from rllib_stackelberg.formats.sources import normal_form_from
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import Bound, Method

MOST_PLAYERS = 16


@dataclass
class NormalFormState(State):
    """`weights`: the leader's commitment `[B, strategies]`; `moves`: of followers `[B, followers]`; `taken`: turns."""

    weights: np.ndarray
    moves: np.ndarray
    taken: np.ndarray


class NormalFormGame(StackelbergGame):
    """A game in normal form, one of whose players commits first.

    Args:
        payoffs: nested lists of payoffs, by the strategy of each player in turn, then by player.
        file: a game in Gambit's format (.nfg), in their place.
        catalogue: name of a game in pygambit's catalogue, in their place.
        leads: which player leads, by number from 1 or by name.
        mixed: whether the leader commits to probabilities of strategies instead of one strategy.
    """

    source = "von Stackelberg 1934; Conitzer & Sandholm 2006"
    simultaneous = True

    def __init__(
        self,
        *,
        payoffs: list | None = None,
        file: Path | None = None,
        catalogue: str | None = None,
        leads: int | str = 1,
        mixed: bool = False,
    ):
        named = normal_form_from(file, catalogue)
        if named is None and file is not None:
            raise InvalidFieldError("file", f"{file} has another ending", "a game in Gambit's format (.nfg)")
        if named is None:
            named = _given(payoffs)
        elif payoffs is not None:
            raise InvalidFieldError("payoffs", "are given beside a game", "payoffs=, file= or catalogue=")
        if not 2 <= len(named.players) <= MOST_PLAYERS:
            field = "catalogue" if catalogue else "file" if file else "payoffs"
            raise InvalidFieldError(field, f"have {len(named.players)} players", f"2..{MOST_PLAYERS} players")
        self._set_up(named.led_by(leads), mixed)

    def _set_up(self, game: NormalForm, mixed: bool) -> None:
        """What the contract asks for, of a game whose first player leads."""
        self.game, self.mixed = game, mixed
        rows, *others = game.shape
        self.table = np.moveaxis(game.numbers, 0, -2).reshape(-1, rows, len(game.players))
        commit = Box(0.0, 1.0, (rows,), np.float64) if mixed else Discrete(rows)
        followers = [Turn("respond", agent, Discrete(count), "learned") for agent, count in enumerate(others, start=1)]
        self.turns = (Turn("commit", 0, commit, "leader"), *followers)
        self.prior = Prior.uniform(*[1] * len(others))
        self.payoff_range = np.stack([self.table.min(axis=(0, 1)), self.table.max(axis=(0, 1))], axis=1)
        self.observation_spaces = tuple(Box(0, 1, (2,), np.float32) for _ in self.turns)

    def start(self, types, chance):
        """Nobody has moved."""
        weights, moves = np.zeros((len(types), self.table.shape[1])), np.zeros(types.shape, dtype=np.int64)
        return NormalFormState(types, chance, weights, moves, np.zeros(len(types), dtype=np.int64))

    def turn(self, state):
        """The leader, then the followers in turn, none seeing what was done."""
        return np.where(state.taken < len(self.turns), state.taken, OVER)

    def observe(self, state, agent):
        """Whether the agent is still to move."""
        moved = state.taken > agent
        return np.stack([~moved, moved], axis=1).astype(np.float32)

    def transition(self, state, actions):
        """Keep the moves; pay at the last one."""
        weights, moves = state.weights.copy(), state.moves.copy()
        first = state.taken == 0
        weights[first] = self._commitment(actions[first])
        following = np.flatnonzero((state.taken > 0) & (state.taken < len(self.turns)))
        moves[following, state.taken[following] - 1] = actions[following, 0].astype(np.int64)
        payoffs, last = np.zeros((len(state), len(self.turns))), state.taken == len(self.turns) - 1
        joint = np.ravel_multi_index(tuple(moves[last].T), self.game.shape[1:])
        payoffs[last] = (weights[last, :, None] * self.table[joint]).sum(axis=1)
        return NormalFormState(state.types, state.chance, weights, moves, state.taken + 1), payoffs

    def _commitment(self, actions: np.ndarray) -> np.ndarray:
        """Probabilities of strategies, `[B, strategies]`."""
        rows = self.table.shape[1]
        if self.mixed:
            return mixtures(actions[:, :rows])
        return np.eye(rows)[actions[:, 0].astype(np.int64)]

    def describe(self, turn, key):
        """The player's name."""
        name = self.game.players[turn.agent]
        return f"{turn.name} ({name})" if name else turn.name

    def describe_action(self, turn, key, action):
        """A strategy; of a mixed commitment all with their probabilities."""
        if not turn.chooses:
            return super().describe_action(turn, key, action)
        return self._names(turn)[int(action[0])]

    def probabilities(self, turn, key, action):
        """Of a mixed commitment those of strategies."""
        if turn.chooses:
            return None
        return dict(zip(self._names(turn), mixtures(action[None])[0].tolist(), strict=True))

    def _names(self, turn):
        """Of an agent's strategies."""
        return [f"strategy {name}" for name in unique_names(self.game.strategies[turn.agent])]

    def exports(self):
        """Gambit's format; the leader is the first player."""
        return {".nfg": lambda: nfg_text(self.game)}

    def methods(self):
        """Of one follower those of a bimatrix; of several, mixed: a linear program for each of their profiles."""
        if len(self.turns) == 2:
            solve = self._mixed_commitment if self.mixed else self._pure_commitment
            return {"linear-programs" if self.mixed else "strategies": Method(solve)}
        if not self.mixed:
            return {}
        size = work(self.game.shape)
        beyond = f"{size:,} payoffs in its constraints, of up to {WORK:,}" if size > WORK else ""
        return {"equilibrium-programs": Method(self._equilibrium_commitment, beyond)}

    def bound(self):
        """What commitment to a correlated strategy is worth, of a mixed leader of several followers."""
        if len(self.turns) == 2 or not self.mixed:
            return None
        try:
            found = correlated_commitment_solve(self.game.numbers)
        except BeyondLimitsError:
            return None
        source = "Conitzer & Korzhyk 2011"
        return None if found.doubt else Bound(found.leader_value, "commitment to a correlated strategy", source)

    def _pure_commitment(self):
        """The best strategy against one follower."""
        return pure_commitment_solve(self.game.numbers[..., 0], self.game.numbers[..., 1])

    def _mixed_commitment(self):
        """The best mixture against one follower, who is indifferent exactly where its payoffs are integers."""
        whole, factor = self.game.in_integers(1)
        found = mixed_commitment_solve(self.game.numbers[..., 0], whole)
        return replace(found, follower_values=tuple(value / factor for value in found.follower_values))

    def _equilibrium_commitment(self):
        """The best mixture against several followers, and what their correlated equilibria against it may pay."""
        exact = np.array(self.game.payoffs, dtype=object).reshape(*self.game.shape, len(self.game.players))
        found = equilibrium_commitment_solve(exact)
        if not found.exists:
            return found
        try:
            ends = response_range(self.game.numbers, found.leader_strategy[0][1], "correlated")
        except BeyondLimitsError:
            return found
        ranges = {"best_correlated": ends.best.values[0], "worst_correlated": ends.worst.values[0]}
        return replace(found, details={**found.details, **ranges})


class RandomNormalForm(NormalFormGame):
    """A game in normal form of one of several families, whose players are alike.

    Args:
        family: which family; economics/game_families.py has the formulas.
        players: how many, the leader among them.
        actions: how many strategies each player has.
        seed: of the payoffs of a family that is drawn (uniform, covariant, coordination).
        correlation: of two players' payoffs in the covariant family, from -1 / (players - 1) to 1.
        mixed: whether the leader commits to probabilities of strategies instead of one strategy.
    """

    source = "Nudelman, Wortman, Shoham & Leyton-Brown 2004 (GAMUT)"

    def __init__(
        self,
        *,
        family: Family = "uniform",
        players: Annotated[int, Field(ge=2, le=MOST_PLAYERS)] = 3,
        actions: Annotated[int, Field(ge=1, le=512)] = 3,
        seed: Annotated[int, Field(ge=0)] = 0,
        correlation: Annotated[float, Field(ge=-1, le=1)] = 0.0,
        mixed: bool = False,
    ):
        payoffs = family_payoffs(family, players, actions, seed, correlation)
        self._set_up(NormalForm.of(payoffs, family), mixed)


def _given(payoffs: list | None) -> NormalForm:
    """A person's payoffs, refused by name unless they are finite and rectangular, with an axis for each player."""
    if payoffs is None:
        raise InvalidFieldError("payoffs", "no game given", "payoffs=, file=game.nfg or catalogue=NAME")
    allowed = "[strategy of player 1]...[strategy of player n][player], numbers"
    try:
        table = np.asarray(payoffs, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError("payoffs", "are ragged or not numeric", allowed) from error
    if table.size == 0 or table.ndim < 2 or table.shape[-1] != table.ndim - 1:
        raise InvalidFieldError("payoffs", f"have shape {table.shape}", allowed)
    if table.size > PAYOFFS:
        raise InvalidFieldError("payoffs", f"are {table.size:,}", f"up to {PAYOFFS:,} in all")
    check_comparable("payoffs", table)
    return NormalForm.of(table)
