"""# Games in extensive form

A game tree with chance and hidden moves. One player leads: it commits to what it does at each of its information sets,
and the others, who know that, learn to respond.

```python
import pettingzoo, rllib_stackelberg
env = pettingzoo.make("aec", "stackelberg/kuhn-poker-v0")
env = pettingzoo.make("aec", "stackelberg/entry-deterrence-v0", mixed=True)
```

| | leader_0 | follower_0, follower_1, ... |
|---|---|---|
| who | player `leads` of the tree | the other players that move, in the tree's order |
| turn | move, at each of its information sets | move (learned) |
| action, pure | Discrete(most actions), those there are open | Discrete(most actions), one too many is the last |
| action, `mixed=True` | a point of the unit box: entries over their sum, uniform if that is 0 | as above |
| sees | its information set | its information set |
| payoff | the tree's, at the end | the tree's, at the end |

A play is a walk down the tree. With `mixed=True` the leader's moves in a play are drawn with the same probability each,
and what the play pays everybody is multiplied by how much likelier the leader's probabilities make these moves:
expectations are those of the mixture, exactly. A play whose moves the leader never makes is over at once and pays
nothing. Players that never move are left out. In a tree in which chance alone may end a play, such a play has one turn
without a choice.

`extensive` takes a file in Gambit's format (`file=game.efg`) or a tree of pygambit's catalogue (`catalogue=NAME`; extra
`gambit`). `openspiel` takes turn-based and simultaneous games of OpenSpiel (`name=tiny_hanabi`; extra
`openspiel`): every position is a node, and a player knows what OpenSpiel says, and what it did before.

Named instances: `kuhn-poker` (Kuhn 1950), `entry-deterrence` (Selten 1978), `bagwell` (Bagwell 1995), `centipede`
(Rosenthal 1981). Exact values, two players: backward induction, the normal form, or a mixed-integer program over
sequences (trees/commitment.py).

Version history: v0, first release.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from gymnasium.spaces import Box, Discrete

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.formats.efg import efg_text, read_tree
from rllib_stackelberg.formats.gambit import catalogue_game, tree_of
from rllib_stackelberg.formats.openspiel import openspiel_tree
from rllib_stackelberg.rounding import shares
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.pictures import CHANCE_MOVES, Branch, Tree
from rllib_stackelberg.rules.players import player_index
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import Method, StackelbergSolution
from rllib_stackelberg.trees import instances
from rllib_stackelberg.trees.commitment import tree_methods
from rllib_stackelberg.trees.courses import Courses, move_apart
from rllib_stackelberg.trees.tree import CHANCE, NONE, GameTree

DRAWN_LEAVES = 40


@dataclass
class TreeState(State):
    """`node`: where a play stands `[B]`; `weight`: of the leader's draws so far `[B]`; `over` `[B]`."""

    node: np.ndarray
    weight: np.ndarray
    over: np.ndarray


class TreeGame(StackelbergGame):
    """A game tree in which one player leads; what all games of a tree have in common.

    Args:
        tree: the game.
        leads: which player leads, by number from 1 or by name.
        mixed: whether the leader commits to probabilities of actions instead of one action.
    """

    source = "Kuhn 1953; Bosansky & Cermak 2015"

    def __init__(self, tree: GameTree, leads: int | str = 1, mixed: bool = False):
        self.tree, self.mixed = tree, mixed
        self.player = player_index(leads, tree.players)
        moving = {known.player for known in tree.information_sets} - {CHANCE}
        if self.player not in moving or len(moving) < 2:
            names = ", ".join(tree.players[player] for player in sorted(moving))
            problem = f"{tree.players[self.player]} leads a game in which {names or 'nobody'} moves"
            raise InvalidFieldError("leads", problem, "a player that moves in a game in which others move too")
        self.players = (self.player, *sorted(moving - {self.player}))
        self.sets = [tree.sets_of(player) for player in self.players]
        self.courses = Courses.of(tree, even=self.sets[0] if mixed else ())
        self._number_nodes()
        self.prior, self.chance = Prior.uniform(*[1] * (len(self.players) - 1)), self.courses.draws.prior
        self.turns = tuple(self._turn(agent) for agent in range(len(self.players)))
        if self._ends_unmoved():
            self.turns += (Turn("end", 1, Discrete(1), "reply"),)
        self.moves_apart = not mixed and move_apart(tree, self.players[1:])  # plays of weight 0 end early
        self.payoff_range = self._range()
        self.observation_spaces = tuple(Box(0, 1, (len(own),), np.float32) for own in self.sets)

    def _number_nodes(self):
        """Per node: whose turn (after the last agent: nobody's), which of its information sets, what a leaf pays."""
        sets = np.array([node.information_set for node in self.tree.nodes])
        self.mover = np.full(len(sets), len(self.players))
        self.row = np.zeros(len(sets), dtype=np.int64)
        for agent, own in enumerate(self.sets):
            for row, number in enumerate(own):
                self.mover[sets == number], self.row[sets == number] = agent, row
        self.paid = np.zeros((len(sets), len(self.players)))
        self.paid[self.tree.leaves] = self.tree.paid[:, self.players]

    def _turn(self, agent):
        """The moves of an agent."""
        counts = [len(self.tree.information_sets[own].actions) for own in self.sets[agent]]
        most, rows = max(counts), len(counts)
        if agent:
            return Turn("move", agent, Discrete(most), "learned", rows=rows, times=self._times(agent))
        if self.mixed:
            return Turn("move", 0, Box(0.0, 1.0, (most,), np.float64), "leader", rows=rows)
        return Turn("move", 0, Discrete(most), "leader", rows=rows, masked=min(counts) < most)

    def _times(self, agent):
        """Most moves of an agent in a play."""
        made = np.zeros(len(self.mover), dtype=np.int64)
        for number, node in enumerate(self.tree.nodes):
            made[number] = (made[node.parent] if node.parent != NONE else 0) + (self.mover[number] == agent)
        return int(made.max())

    def _ends_unmoved(self):
        """Whether chance alone may end a play."""
        moved = [False] * len(self.mover)
        for number, node in enumerate(self.tree.nodes):
            before = node.parent != NONE and moved[node.parent]
            moved[number] = before or (node.information_set != NONE and not self.courses.chance[number])
        return not all(moved[leaf] for leaf in self.tree.leaves)

    def _range(self):
        """Smallest and largest payoffs; of a mixed leader times the largest weight, down to nothing."""
        paid = self.paid[self.tree.leaves]
        if not self.mixed:
            return np.stack([paid.min(axis=0), paid.max(axis=0)], axis=1)
        weight = np.ones(len(self.mover))
        for number, node in enumerate(self.tree.nodes[1:], start=1):
            evenly = self.courses.actions[node.parent] if self.mover[node.parent] == 0 else 1
            weight[number] = weight[node.parent] * evenly
        paid = paid * weight[self.tree.leaves, None]
        return np.stack([np.minimum(paid.min(axis=0), 0.0), np.maximum(paid.max(axis=0), 0.0)], axis=1)

    @property
    def utility_scale(self) -> float:
        """Of the tree's payoffs: weights do not count, for what is learned from is an expectation."""
        widest = float(np.ptp(self.paid[self.tree.leaves][:, 1:], axis=0).max())
        return widest if widest > 0 else 1.0

    def start(self, types, chance):
        """From the root, after chance has moved."""
        nodes = self.courses.settled(np.zeros(len(types), dtype=np.int64), chance)
        return TreeState(types, chance, nodes, np.ones(len(types)), np.zeros(len(types), dtype=bool))

    def turn(self, state):
        """Whoever moves at the node; nobody's turn is the reply that ends a play without moves."""
        return np.where(state.over, OVER, self.mover[state.node])

    def information(self, state):
        """Which of the mover's information sets it is."""
        return self.row[state.node]

    def observe(self, state, agent):
        """The agent's information set, while it is to move."""
        moves = (self.mover[state.node] == agent) & ~state.over
        seen = np.eye(len(self.sets[agent]), dtype=np.float32)[np.where(moves, self.row[state.node], 0)]
        return seen * moves[:, None].astype(np.float32)

    def open_choices(self, state):
        """The actions that are there."""
        return np.arange(self.leader_turn.choices) < self.courses.actions[state.node][:, None]

    def transition(self, state, actions):
        """Move, let chance move, and pay at a leaf."""
        leading = np.flatnonzero((self.mover[state.node] == 0) & ~state.over)
        action, weight = actions[:, 0].astype(np.int64), state.weight.copy()
        if self.mixed:
            action[leading], weight[leading] = self._drawn(state.take(leading), actions[leading])
        moving = ~state.over & (self.courses.actions[state.node] > 0)
        at, action = state.node[moving], np.clip(action[moving], 0, self.courses.after.shape[1] - 1)
        node = state.node.copy()
        node[moving] = self.courses.settled(self.courses.after[at, action], state.chance[moving])
        over = state.over | (self.courses.actions[node] == 0) | (weight == 0)
        ends = over & ~state.over
        payoffs = np.where(ends[:, None], self.paid[node] * weight[:, None], 0.0)
        return TreeState(state.types, state.chance, node, weight, over), payoffs

    def _drawn(self, state, actions):
        """The leader's actions as they were drawn, and weights of the plays from there on."""
        counts = self.courses.actions[state.node]
        action = self.courses.drawn(state.node, state.chance)
        share = self._probabilities(actions, counts)[np.arange(len(state)), action]
        return action, state.weight * share * counts

    def _probabilities(self, weights, counts):
        """Probabilities of the actions that are there, `[B, most]`, from points of the unit box."""
        there = np.arange(self.leader_turn.width) < counts[:, None]
        weights = np.where(there, weights[:, : self.leader_turn.width], 0.0)
        total = weights.sum(axis=1, keepdims=True)
        return np.where(total > 0, weights / np.where(total > 0, total, 1.0), there / counts[:, None])

    def reply(self, state):
        """The one way on."""
        return np.zeros((len(state), self.width))

    def describe(self, turn, key):
        """What is known there; before it the information set's label, if it has one."""
        if turn.kind == "reply":
            return "end"
        own = self.sets[turn.agent][key]
        label, known = self.tree.information_sets[own].label, self.tree.known(own)
        return f"{label}: {known}" if label else known

    def describe_action(self, turn, key, action):
        """The action's label; of a mixture all labels with their probabilities."""
        if turn.kind == "reply":
            return "end"
        own = self.sets[turn.agent][key]
        count = len(self.tree.information_sets[own].actions)
        if turn.chooses:
            return self.tree.action_label(own, min(int(action[0]), count - 1))
        probabilities = self._probabilities(action[None], np.array([count]))[0, :count].tolist()
        return shares((self.tree.action_label(own, k), share) for k, share in enumerate(probabilities))

    def pictured(self, answers):
        """The tree, with the leader's and chance's probabilities; none of a tree with more leaves than can be read."""
        if len(self.tree.leaves) > DRAWN_LEAVES:
            return ()
        branches = tuple(self._branch(number, answers) for number in range(len(self.tree.nodes)))
        return (Tree("The game as a tree", branches, tuple(self.tree.players[player] for player in self.players)),)

    def _branch(self, number, answers):
        """A node as it is drawn."""
        node, over = self.tree.nodes[number], self.courses.actions[number] == 0
        moves = CHANCE_MOVES if self.courses.chance[number] else int(self.mover[number])
        payoffs = tuple(self.paid[number].tolist()) if over else ()
        drawn = Branch(node.parent, "", None if over else moves, int(self.row[number]), node.action, payoffs)
        if node.parent == NONE:
            return drawn
        before = self.tree.nodes[node.parent].information_set
        label, probability = self.tree.action_label(before, node.action), None
        if self.courses.chance[node.parent]:
            probability = float(self.tree.information_sets[before].probabilities[node.action])
        elif self.mover[node.parent] == 0 and int(self.row[node.parent]) in answers:
            probability = self._likely(answers[int(self.row[node.parent])], node.parent, node.action)
        return replace(drawn, label=label, probability=probability)

    def _likely(self, answer, parent, action):
        """With which probability the leader's answer is an action at a node."""
        if not self.mixed:
            return float(int(answer[0]) == action)
        return float(self._probabilities(answer[None], self.courses.actions[[parent]])[0, action])

    def exports(self):
        """Gambit's format; it does not say who leads."""
        return {".efg": lambda: efg_text(self.tree)}

    def methods(self):
        """Of two players: the ways to an optimal commitment in the tree."""
        if len(self.players) > 2:
            return {}
        found = tree_methods(self.tree, self.player, pure=not self.mixed)
        return {name: replace(method, solve=partial(self._solved, method)) for name, method in found.items()}

    def _solved(self, method: Method) -> StackelbergSolution:
        """A solution whose mixtures are actions of this game: as many entries at every information set."""
        found = method.solve()
        if not self.mixed:
            return found
        padded = [
            (key, (*shares, *[0.0] * (self.leader_turn.width - len(shares)))) for key, shares in found.leader_strategy
        ]
        return replace(found, leader_strategy=tuple(padded))


class Extensive(TreeGame):
    """A game in extensive form from a file or a catalogue, in which one player leads.

    Args:
        file: a game in extensive form, in Gambit's format (.efg).
        catalogue: name of a game in extensive form in pygambit's catalogue, in place of a file.
        leads: which player leads, by number from 1 or by name.
        mixed: whether the leader commits to probabilities of actions instead of one action.
    """

    def __init__(
        self,
        *,
        file: Path | None = None,
        catalogue: str | None = None,
        leads: int | str = 1,
        mixed: bool = False,
    ):
        if (file is None) == (catalogue is None):
            given = "is given beside file" if file is not None else "no game is given"
            raise InvalidFieldError("catalogue", given, "one of file=game.efg and catalogue=NAME")
        super().__init__(read_tree(file) if file is not None else tree_of(catalogue_game(catalogue)), leads, mixed)


NAMED = {
    "kuhn-poker": instances.kuhn_poker,
    "entry-deterrence": instances.entry_deterrence,
    "bagwell": instances.bagwell,
    "centipede": instances.centipede,
}


class NamedTree(TreeGame):
    """A game in extensive form from the literature.

    Args:
        named: which one.
        leads: which player leads, by number from 1 or by name.
        mixed: whether the leader commits to probabilities of actions instead of one action.
    """

    source = "Kuhn 1950; Selten 1978; Rosenthal 1981; Bagwell 1995"

    def __init__(
        self,
        *,
        named: Literal["kuhn-poker", "entry-deterrence", "bagwell", "centipede"],
        leads: int | str = 1,
        mixed: bool = False,
    ):
        super().__init__(NAMED[named](), leads, mixed)


class OpenSpielGame(TreeGame):
    """A game of OpenSpiel in which one player leads.

    Args:
        name: as OpenSpiel writes it, with the game's own parameters in brackets: kuhn_poker(players=3).
        leads: which player leads, by number from 1.
        mixed: whether the leader commits to probabilities of actions instead of one action.
    """

    source = "Lanctot et al. 2019, arXiv 1908.09453"

    def __init__(self, *, name: str, leads: int | str = 1, mixed: bool = False):
        super().__init__(openspiel_tree(name), leads, mixed)
