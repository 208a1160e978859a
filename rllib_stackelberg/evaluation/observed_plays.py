"""What happens in plays under a leader's rules: who knows what, does what, and what the leader then does.

Plays are drawn as they come, and counted. For people: values are never taken from here.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import draw_play
from rllib_stackelberg.plays.sample_plays import draw_nature
from rllib_stackelberg.plays.strategy import LeaderFunction, LeaderStrategy
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, present
from rllib_stackelberg.rules.pictures import CHANCE_MOVES, Flow, Matrix, Stage

PLAYS = 2_000
"""Plays that are counted: shares are right to about a hundredth."""

FOLLOWERS, NODES, ROWS = 4, 6, 12
"""Most followers, things that are told apart at a stage, and information sets of a follower that are."""

MANY, MOST_ROWS, MOST_COLUMNS = 4, 64, 64
"""Fewest actions, most information sets and most actions of which a matrix is drawn."""

OTHERS = "others"

Label = TypeVar("Label", str, tuple[str, str])

Answer = Callable[[State], Numbers]
"""Plays that wait for the leader `[N]` -> its actions `[N, leader width]`."""


class Course(NamedTuple):
    """One play: its moves, and which share of all plays goes like this."""

    share: float
    moves: list[Move]


class Move(NamedTuple):
    """A move in a play: which of the game's turns, at which information set, and the action."""

    turn: int
    key: int
    action: tuple[float, ...]


def answered_by(strategy: LeaderStrategy) -> Answer:
    """A strategy as what answers plays.

    Raises:
        InvalidFieldError: from what is returned, if a question is met that has no answer.
    """

    def answer(state: State) -> Numbers:
        """The strategy's answers at the questions of some states."""
        keys = strategy.game.information(state).tolist()
        missing = [key for key in keys if key not in strategy.answers]
        if missing:
            raise InvalidFieldError("leader", f"has no answer to question {missing[0]}", "an answer to what is met")
        return np.array([strategy.answers[key] for key in keys])

    return answer


def answered_by_policy(game: StackelbergGame, policy: LeaderFunction) -> Answer:
    """A policy as what answers plays, from what the leader sees."""

    def answer(state: State) -> Numbers:
        """The policy's answers to what is seen in some states."""
        seen = np.asarray(game.observe(state, 0), dtype=np.float32)
        return policy(seen, game.opened(state)) if game.leader_turn.masked else policy(seen)

    return answer


def observed(
    game: StackelbergGame, answer: Answer, weights: Mapping[str, Any], plays: int = PLAYS, seed: int = 0
) -> list[Course]:
    """Plays as they come, with their moves in order; of few types and chance moves every one, with its probability.

    Args:
        game: the game; a game with memory starts anew in every play.
        answer: the leader's.
        weights: per follower the strategy `[row][action]`, as in results.
        plays: how many, about; seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    nature, shares = _nature(game, plays, rng)
    policies = {name: np.asarray(own, dtype=float) for name, own in weights.items()}
    found = [Course(share, []) for share in shares.tolist()]
    slots, state = np.arange(len(nature)), game.begin(nature)
    while True:
        turns = game.turn(state)
        going = turns != OVER
        if not going.any():
            return found
        slots, state, turns = slots[going], state.take(going), turns[going]
        keys, actions = game.information(state), _actions(game, state, turns, answer, policies, rng)
        for slot, turn, key, action in zip(slots.tolist(), turns.tolist(), keys.tolist(), actions, strict=True):
            found[slot].moves.append(Move(turn, key, tuple(action[: game.turns[turn].width].tolist())))
        state, _ = game.step(state, actions)


def _nature(game: StackelbergGame, plays: int, rng: np.random.Generator) -> tuple[Index, Numbers]:
    """Types and chance of plays `[N, width]` and their shares `[N]`: all there are, if these are few, or drawn ones."""
    if game.nature.size > plays:
        return draw_nature(game, plays, rng), np.full(plays, 1 / plays)
    values, probabilities = game.nature.support()
    again = plays // len(values)
    return np.repeat(values, again, axis=0), np.repeat(probabilities / again, again)


def _actions(
    game: StackelbergGame,
    state: State,
    turns: Index,
    answer: Answer,
    policies: Mapping[str, Numbers],
    rng: np.random.Generator,
) -> Numbers:
    """What everybody does where it is to move, `[B, width]`."""
    actions = np.zeros((len(turns), game.width))
    for k in present(turns):
        turn, rows = game.turns[k], np.flatnonzero(turns == k)
        waiting = state.take(rows)
        if turn.kind == "leader":
            actions[rows, : turn.width] = answer(waiting)[:, : turn.width]
        elif turn.kind == "reply":
            actions[rows] = game.reply(waiting)
        else:
            policy = policies[game.agents[turn.agent]][game.information(waiting)]
            actions[rows, 0] = draw_play(policy, rng.random(len(rows)))
    return actions


def flows(game: StackelbergGame, plays: Sequence[Course]) -> tuple[Flow, ...]:
    """Of each of the first followers: what it knows, what it does first, and the leader's action around that."""
    shown = range(1, min(len(game.agents), FOLLOWERS + 1))
    return tuple(flow for agent in shown if (flow := _flow(game, agent, plays)))


def _flow(game: StackelbergGame, agent: int, plays: Sequence[Course]) -> Flow | None:
    """Of one follower; None where it has nothing to choose."""
    told = Labels(game)
    rows = [(course.share, steps) for course in plays if (steps := _steps(game, agent, course.moves, told))]
    if not rows:
        return None
    shape = Counter(tuple(step[:2] for step in steps) for _, steps in rows).most_common(1)[0][0]
    alike = [(share, steps) for share, steps in rows if tuple(step[:2] for step in steps) == shape]
    often = [share for share, _ in alike]
    columns = [_few(column, often) for column in zip(*([step[2] for step in steps] for _, steps in alike), strict=True)]
    said = [len(set(column)) > 1 or shape[k][1] == agent for k, column in enumerate(columns)]
    kept = [k for k, says in enumerate(said) if says or k == len(said) - 1]
    kept = kept if len(kept) > 1 else list(range(len(columns)))
    if len(kept) < 2:
        return None
    stages = tuple(Stage(*shape[k], _shares(columns[k], often)) for k in kept)
    links = tuple(_shares(zip(columns[a], columns[b], strict=True), often) for a, b in pairwise(kept))
    return Flow(game.agents[agent], stages, links)


def matrices(game: StackelbergGame, weights: Mapping[str, Any]) -> tuple[Matrix, ...]:
    """What each of the first followers does, by what it knows, of those with many information sets and actions.

    Args:
        game: the game; weights: per follower the strategy `[row][action]`, as in results.
    """
    told, found = Labels(game), []
    for turn in game.learned_turns[:FOLLOWERS]:
        if ROWS < turn.keys <= MOST_ROWS and MANY <= turn.choices <= MOST_COLUMNS:
            k = game.turns.index(turn)
            rows = tuple(told.known(Move(k, key, ())) for key in range(turn.keys))
            columns = tuple(told.done(Move(k, turn.keys - 1, (float(action),))) for action in range(turn.choices))
            own = tuple(tuple(row) for row in np.asarray(weights[game.agents[turn.agent]], dtype=float).tolist())
            found.append(Matrix(f"{game.agents[turn.agent]}: {turn.name}", turn.agent, rows, columns, own))
    return tuple(found)


def beliefs(flow: Flow) -> dict[str, dict[str, float]]:
    """What whoever sees a follower's action must believe that it knows: probabilities, by Bayes' rule.

    Args:
        flow: of the follower.

    Returns:
        by action, and by what the follower may know; nothing where it knows nothing by itself.

    >>> knows = Stage("knows", CHANCE_MOVES, {"low": 0.5, "high": 0.5})
    >>> says = Stage("says", 1, {"no": 0.75, "yes": 0.25})
    >>> links = {("low", "no"): 0.5, ("high", "no"): 0.25, ("high", "yes"): 0.25}
    >>> beliefs(Flow("a buyer", (knows, says), (links,)))["yes"]
    {'high': 1.0}
    """
    found: dict[str, dict[str, float]] = {}
    for (before, after), links in zip(pairwise(flow.stages), flow.links, strict=True):
        if before.owner == CHANCE_MOVES:
            for (known, done), share in links.items():
                found.setdefault(done, {})[known] = share / after.shares[done]
    return found


class Labels:
    """What information sets and actions are called, each asked of the game once."""

    def __init__(self, game: StackelbergGame):
        self.game = game
        self._known: dict[tuple[int, int], str] = {}
        self._done: dict[Move, str] = {}

    def known(self, move: Move) -> str:
        """What the mover knows."""
        place = (move.turn, move.key)
        if place not in self._known:
            self._known[place] = self.game.describe(self.game.turns[move.turn], move.key)
        return self._known[place]

    def done(self, move: Move) -> str:
        """What it does."""
        if move not in self._done:
            turn = self.game.turns[move.turn]
            said = self.game.describe_action(turn, move.key, np.array(move.action))
            self._done[move] = f"{turn.name} {said}" if said.isdigit() else said
        return self._done[move]


def _steps(game: StackelbergGame, agent: int, moves: Sequence[Move], told: Labels) -> list[tuple[str, int, str]]:
    """(title, owner, label) of what a follower has to do with in one play, in order; nothing if it has no move."""
    own = [place for place, move in enumerate(moves) if game.turns[move.turn].agent == agent]
    if not own:
        return []
    first = own[0]
    move, turn = moves[first], game.turns[moves[first].turn]
    steps = []
    if turn.rows is not None and 1 < turn.rows <= ROWS:
        steps.append(("knows", CHANCE_MOVES, told.known(move)))
    steps.append((turn.name, agent, told.done(move)))
    after = [place for place in range(first + 1, len(moves)) if game.turns[moves[place].turn].agent == 0]
    before = [place for place in range(first) if game.turns[moves[place].turn].agent == 0]
    leads = f"leader: {game.leader_turn.name}"
    if before and (not after or before[-1] == first - 1):  # what it responds to, such as an offer
        steps.insert(0, (leads, 0, told.done(moves[before[-1]])))
    elif after:
        steps.append((leads, 0, told.done(moves[after[0]])))
    return steps


def _few(labels: Sequence[str], often: Sequence[float]) -> list[str]:
    """The same labels, the rarest of too many as one."""
    found = _sums(labels, often)
    if len(found) <= NODES:
        return list(labels)
    kept = sorted(found, key=lambda label: -found[label])[: NODES - 1]
    return [label if label in kept else OTHERS for label in labels]


def _shares(labels: Iterable[Label], often: Sequence[float]) -> dict[Label, float]:
    """How often each is there, as shares; in the order of labels, what is left out at the end."""
    found = _sums(labels, often)
    total = math.fsum(often)
    return {
        label: found[label] / total for label in sorted(found, key=lambda label: (OTHERS in (label, *label), label))
    }


def _sums(labels: Iterable[Label], often: Sequence[float]) -> dict[Label, float]:
    found: dict[Label, float] = defaultdict(float)
    for label, share in zip(labels, often, strict=True):
        found[label] += share
    return found
