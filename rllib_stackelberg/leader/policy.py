"""A trained leader as data: a small network in safetensors + JSON that acts without ray or torch.

The network is the actor alone: observation -> tanh layers -> one score per choice (the largest of those that are open
is taken), or one output per coordinate of the unit box (clipped, then stretched to the game's box), or scores and then
coordinates for each choice. Never a pickle. Of a game that declares seats it may be one that is shared between
followers, which acts for any number of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError
from rllib_stackelberg.files.tensors import refuse_unreal
from rllib_stackelberg.followers.learner import argmax_play
from rllib_stackelberg.leader.actions import to_game_actions
from rllib_stackelberg.networks import (
    Layers,
    LeaderPolicy,
    forward,
    layer_tensors,
    layers_from,
    read_data,
    readable,
    widths,
    write_data,
)
from rllib_stackelberg.plays.strategy import LeaderFunction
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.turns import Turn

COLUMNS = "columns"


SAME_SCORE = 1e-9
"""Difference of scores of order one below which they are the same."""

GOLDEN_RATIO = (1 + 5**0.5) / 2
MAGNIFIED = 1e4


@dataclass(frozen=True, eq=False)
class LeaderNetwork:
    """The actor network.

    Attributes:
        layers: tanh between them.
        discrete: whether outputs are scores of choices alone.
        choices: how many choices have scores before their coordinates; 0 where outputs are one or the other alone.
    """

    layers: Layers
    discrete: bool
    choices: int = 0

    @property
    def scores(self) -> int:
        """How many of the outputs are scores of choices."""
        return widths(self.layers)[1] if self.discrete else self.choices

    def outputs(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores, then coordinates, `[N, out]`."""
        return forward(self.layers, observations, np.tanh)

    def greedy(self, observations: NDArray[np.float32], open_choices: NDArray | None = None) -> NDArray:
        """What a leader algorithm would output without exploring.

        Args:
            observations: `[N, d]`; open_choices: `[N, choices]`, where not all of them are.

        Returns:
            Choices `[N]`, points of the unit box `[N, m]`, or rows of both `[N, 1 + m]`.
        """
        outputs, choices = self.outputs(observations), self.scores
        if not choices:
            return outputs
        scores = outputs[:, :choices]
        scores = scores if open_choices is None else np.where(open_choices, scores, -np.inf)
        chosen = self.highest(scores, observations)
        if self.discrete:
            return chosen
        points = outputs[:, choices:].reshape(len(outputs), choices, -1)[np.arange(len(outputs)), chosen]
        return np.concatenate([chosen[:, None], points], axis=1)

    def highest(self, scores: NDArray[np.float64], observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Choices of the highest score, `[N]`; of several the lowest."""
        return argmax_play(scores)

    def acting_in(self, game: StackelbergGame) -> LeaderFunction:
        """Observations `[N, d]`, and open choices in a game that masks them -> actions `[N, width]` in its units."""
        return lambda observations, *masks: to_game_actions(game, self.greedy(observations, *masks))[0]

    def data(self) -> dict[str, Any]:
        """As plain data and arrays: what `network_from` takes."""
        plain = {"layers": self.layers, "discrete": self.discrete}
        return plain | {"choices": self.choices} if self.choices else plain

    def save(self, folder: Path) -> None:
        """Write both files, each atomically."""
        form = {"format": 2, "choices": self.choices} if self.choices else {}
        description = {"layers": len(self.layers), "discrete": self.discrete, **form}
        write_data(folder, description, layer_tensors(self.layers))

    @staticmethod
    def load(folder: Path) -> LeaderNetwork:
        """Read both files.

        Raises:
            InvalidFieldError: the folder holds no policy of this format.
        """
        with readable(folder):
            description, tensors = read_data(folder, LeaderPolicy)
            if description.seats:
                return SeatNetwork.read(description, tensors)
            refuse_unreal(tensors)
            layers = layers_from(tensors, description.layers)
            network = LeaderNetwork(layers, description.discrete, description.choices)
            if network.choices and (network.discrete or widths(layers)[1] % network.choices):
                raise BrokenDocumentError(f"{widths(layers)[1]} outputs are no {network.choices} choices with numbers")
            return network

    def check(self, game: StackelbergGame) -> None:
        """Refuse a network that is not of this game's leader.

        Raises:
            InvalidFieldError: it takes or gives other numbers.
        """
        given, wanted = self._fits(), self._fitting(game)
        if given != wanted:
            told = "{} takes {} numbers and gives {} {}"
            raise InvalidFieldError("run", told.format("the policy", *given), told.format("one that", *wanted))

    def _fits(self) -> tuple[Any, ...]:
        """What it takes and gives."""
        return (*widths(self.layers), _kind(self.discrete, self.choices))

    def _fitting(self, game: StackelbergGame) -> tuple[Any, ...]:
        """What one of the game would take and give."""
        turn = game.leader_turn
        both = turn.chooses and turn.numbers
        given = turn.choices * (1 + turn.numbers) if turn.chooses else turn.numbers
        return game.observation_spaces[0].shape[0], given, _kind(turn.discrete, turn.choices if both else 0)


@dataclass(frozen=True, eq=False)
class SeatNetwork(LeaderNetwork):
    """An actor network that is shared between followers.

    Attributes:
        layers: from a follower's own entries; two from what all of those come to, by mean and by maximum, beside shared
            entries and one over the number of followers; from own entries and the last; to outputs for the follower.
        discrete, choices: likewise, of what is said of one follower; `choices` is also set where `discrete` is.
        columns: `[followers, features]`, which entries of what the leader sees are whose.
    """

    columns: NDArray[np.int64] | None = None

    @property
    def seats(self) -> NDArray[np.int64]:
        """`columns`, which every one has."""
        assert self.columns is not None
        return self.columns

    @property
    def scores(self) -> int:
        """As the base says."""
        return self.choices * len(self.seats)

    def outputs(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """As the base says, followers in order."""
        seen, columns = np.asarray(observations, dtype=np.float64), self.seats
        own, count = seen[:, columns], len(seen)
        shared = np.delete(seen, columns.ravel(), axis=1)
        encoded = np.tanh(forward(self.layers[:1], own, np.tanh))
        share = np.full((count, 1), 1 / len(columns))
        pooled = np.concatenate([encoded.mean(axis=1), encoded.max(axis=1), shared, share], axis=1)
        context = np.tanh(forward(self.layers[1:3], pooled, np.tanh))
        (weight, bias), last = self.layers[3], self.layers[4:]
        features = columns.shape[1]
        joined = own @ weight[:, :features].T + (context @ weight[:, features:].T + bias)[:, None]
        said = forward(last, np.tanh(joined), np.tanh)
        parts = said[..., : self.choices], said[..., self.choices :]
        return np.concatenate([part.reshape(count, -1) for part in parts], axis=1)

    def highest(self, scores: NDArray[np.float64], observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Choices of the highest score, `[N]`; of several one that changes with what is seen.

        A shared network scores followers alike of whom it sees alike. A leader that draws takes each of them as often;
        the lowest, always, would leave the others nothing to learn from, and be another leader than the one trained.
        """
        best = scores.max(axis=1, keepdims=True)
        tied = scores >= best - SAME_SCORE * np.maximum(np.abs(best), 1)
        seen = np.asarray(observations, dtype=np.float64)
        # Multiples of the golden ratio, modulo 1, are spread evenly; magnified, so are those of their sums.
        each = np.modf(GOLDEN_RATIO * np.arange(1, seen.shape[1] + 1))[0]
        spread = np.modf(MAGNIFIED * (seen @ each))[0]
        rank = (spread * tied.sum(axis=1)).astype(np.int64)
        return np.asarray((tied.cumsum(axis=1) > rank[:, None]).argmax(axis=1))

    def acting_in(self, game: StackelbergGame) -> LeaderFunction:
        """As the base says, for as many followers as the game has."""
        columns = None if game.seats is None else game.seats.columns
        here = LeaderNetwork.acting_in
        return here(SeatNetwork(self.layers, self.discrete, self.choices, columns), game)

    def data(self) -> dict[str, Any]:
        """As the base says."""
        return {"layers": self.layers, "discrete": self.discrete, "choices": self.choices, COLUMNS: self.seats}

    def save(self, folder: Path) -> None:
        """As the base says."""
        form = {"format": 2, "choices": self.choices, "seats": True}
        description = {"layers": len(self.layers), "discrete": self.discrete, **form}
        tensors = {COLUMNS: self.seats.astype(np.int64)}
        for prefix, own in _groups(self.layers):
            tensors |= layer_tensors(own, prefix)
        write_data(folder, description, tensors)

    @staticmethod
    def read(description: LeaderPolicy, tensors: dict[str, NDArray]) -> SeatNetwork:
        """What a folder holds.

        Raises:
            BrokenDocumentError: tensors that do not go together.
        """
        columns = tensors.pop(COLUMNS, np.zeros(0))
        refuse_unreal(tensors)
        parts = [layers_from(tensors, count, prefix) for prefix, count in GROUPS]
        if columns.ndim != 2 or columns.dtype != np.int64 or not columns.size or columns.min() < 0:
            raise BrokenDocumentError(f"{COLUMNS} of seats are {columns.dtype} of shape {columns.shape}")
        (taken, units), (pooled, context), (joined, given) = (widths(part) for part in parts)
        fits = (taken, joined) == (columns.shape[1], columns.shape[1] + context) and pooled > 2 * units
        said = given == description.choices if description.discrete else given % max(description.choices, 1) == 0
        said = said and (description.discrete or given > description.choices)
        if not fits or not said or sum(map(len, parts)) != description.layers:
            raise BrokenDocumentError("layers and seats do not go together")
        layers = tuple(layer for part in parts for layer in part)
        return SeatNetwork(layers, description.discrete, description.choices, columns)

    def _fits(self) -> tuple[Any, ...]:
        shared = self.layers[1][0].shape[1] - 2 * len(self.layers[0][1]) - 1
        seen = f"{self.seats.shape[1]} for each follower and {shared} shared"
        return seen, len(self.layers[-1][1]), f"for each follower, {_kind(self.discrete, self.choices)}"

    def _fitting(self, game: StackelbergGame) -> tuple[Any, ...]:
        seats = game.seats
        if seats is None:
            return LeaderNetwork._fitting(self, game)
        own = said_of_each(game.leader_turn, seats.followers)
        given = own[0] * (1 + own[1]) if own[0] else own[1]
        shared = game.observation_spaces[0].shape[0] - seats.columns.size
        kind = _kind(game.leader_turn.discrete, own[0])
        return f"{seats.features} for each follower and {shared} shared", given, f"for each follower, {kind}"


GROUPS = ("encoder.", 1), ("context.", 2), ("head.", 2)
"""Of a `SeatNetwork`: names of its layers that follow one another, and how many."""


def _groups(layers: Layers) -> list[tuple[str, Layers]]:
    ends = np.cumsum([count for _, count in GROUPS])
    return [(prefix, layers[end - count : end]) for (prefix, count), end in zip(GROUPS, ends, strict=True)]


def _kind(discrete: bool, choices: int) -> str:
    """What outputs are, for people."""
    return "choices" if discrete else f"scores of {choices} choices and their coordinates" if choices else "coordinates"


def said_of_each(turn: Turn, followers: int) -> tuple[int, int]:
    """Of an action that speaks per follower: choices for each, and numbers for each choice (without any, for each)."""
    return (turn.choices // followers, turn.numbers) if turn.chooses else (0, turn.numbers // followers)


def network_from(data: dict[str, Any]) -> LeaderNetwork:
    """The inverse of `LeaderNetwork.data`."""
    return SeatNetwork(**data) if COLUMNS in data else LeaderNetwork(**data)
