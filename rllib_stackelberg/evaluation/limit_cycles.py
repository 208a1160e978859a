"""What followers that have learned do for ever in a game of rounds: the cycle they come to, and who responds best.

Where nothing is drawn and every follower plays one action for certain, play repeats itself sooner or later. What it
repeats is the outcome of a session of pricing algorithms (Calvano et al. 2020, section III), and what follows if one
of them is made to do something else shows by what it is upheld (section IV.C).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Flags, Index, Numbers
from rllib_stackelberg.comparisons import NEGLIGIBLE
from rllib_stackelberg.response.rounds import RoundsResponse
from rllib_stackelberg.response.rounds_engine import Rounds
from rllib_stackelberg.response.rounds_plans import action_values, best_plan, decision_problem


class LimitCycle(NamedTuple):
    """What is played for ever: states left by the play before, and joint actions (places in `Rounds.paid`), `[n]`."""

    states: Index
    joints: Index

    @property
    def length(self) -> int:
        """Plays until all is as it was."""
        return len(self.states)


class LimitPlay:
    """One episode's followers, each playing its best action for certain.

    Attributes:
        rounds: against a leader strategy, without types or chance.
        actions: of each move at each state, `[L, C]`; joints: `[C]`.
    """

    def __init__(self, response: RoundsResponse, rounds: Rounds, episode: int):
        """Followers of one episode of a response, against the leader strategy of the given rounds."""
        if len(rounds.probabilities) > 1:
            raise ValueError(f"play with {len(rounds.probabilities)} values of types and chance has no cycle")
        self.rounds, self._response = rounds, response
        rows = [response.rows[m].start + rounds.row[move, :, 0] for move, m in enumerate(rounds.mover)]
        self.actions = np.stack([response.best[episode, own] for own in rows])
        self.joints = rounds.strides @ self.actions
        self._carried = int(response.carried[episode])

    def payoffs(self, states: Index, joints: Index) -> Numbers:
        """Of plays, `[n, agents]`."""
        return self.rounds.paid[states, 0, joints]

    def cycle(self, state: int | None = None) -> LimitCycle:
        """The cycle that play comes to, from a state on; by default from where learning ended."""
        state = self._carried if state is None else state
        met: dict[int, int] = {}
        while state not in met:
            met[state] = len(met)
            state = int(self.rounds.after[state, 0, self.joints[state]])
        states = np.array([known for known, place in met.items() if place >= met[state]])
        return LimitCycle(states, self.joints[states])

    def deviation(self, state: int, move: int, action: int, plays: int) -> tuple[Index, Index]:
        """States and joint actions `[plays]` where a follower is made to take another action once, in the first."""
        states, joints = np.zeros((2, plays), dtype=np.int64)
        for n in range(plays):
            change = action - self.actions[move, state] if n == 0 else 0
            states[n], joints[n] = state, self.joints[state] + change * self.rounds.strides[move]
            state = int(self.rounds.after[state, 0, joints[n]])
        return states, joints

    def best_responses(self, discount: float) -> Flags:
        """Whether each follower's action at each state is one of a best response to the others, `[L, C]`.

        A best response sees the state, and counts payoffs of later plays less by the discount. Where this is so at all
        states of a cycle, what the follower does there is a best response.
        """
        return self._largest(lambda payoffs, after, plan: best_plan(payoffs, after, discount)[1])

    def kept(self, discount: float) -> Flags:
        """Whether no other action at each state pays a follower more if it goes on as it does after it, `[L, C]`.

        The test of Calvano et al.; weaker than a best response where plans that deviate several times pay more.
        """
        return self._largest(
            lambda payoffs, after, plan: action_values(payoffs, after, plan, discount),
        )

    def _largest(self, worth_of: Callable[[Numbers, Numbers, Numbers], Numbers]) -> Flags:
        """Whether the actions `[L, C]` are among those that are worth most."""
        policies, found = self._policies(), np.zeros(self.actions.shape, dtype=bool)
        for move, m in enumerate(self.rounds.mover):
            agent = self._response.agent_of(self.rounds, move)
            payoffs, after = decision_problem(self.rounds, policies, move, agent)
            worth = worth_of(payoffs, after, policies[m][self.rounds.row[move, :, 0]])
            own = np.take_along_axis(worth, self.actions[move][:, None], axis=1)[:, 0]
            found[move] = own >= worth.max(axis=1) - NEGLIGIBLE * np.abs(worth).max()
        return found

    def _policies(self) -> list[Numbers]:
        """One-hot, `[rows, actions]` per learned turn."""
        found = []
        for m, turn in enumerate(self._response.game.learned_turns):
            move = int(np.flatnonzero(self.rounds.mover == m)[0])
            policy = np.zeros((turn.keys, turn.choices))
            policy[:, 0] = 1.0
            policy[self.rounds.row[move, :, 0]] = np.eye(turn.choices)[self.actions[move]]
            found.append(policy)
        return found
