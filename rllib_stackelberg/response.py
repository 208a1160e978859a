"""The response phase: followers learn against the leader's fixed answers.

One update (Brero et al. 2022, section on policy-interactive response): nature draws types and chance; every
follower draws a reference action from its current strategy; each follower's row in play is updated with the
payoff of all its own actions against the others' reference actions. With `expected` updates every row is
updated with its expected payoffs, exact over types and the others' strategies.

Follower arrays are `[episode, follower, row, action]`. Nothing here knows how the leader is asked: utilities
come from an `OutcomeTable` (looked up) or from plays (leader_env.py), and both give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import Learner, LearnerState, argmax_play, draw_play
from rllib_stackelberg.game import StackelbergGame, Turn
from rllib_stackelberg.outcomes import OutcomeTable

NOTES = 256
"""Updates noted before they are added to the running sums; bounds memory."""

Play = Literal["argmax", "last", "average"]
"""Which strategy a follower plays after it has learned."""


@dataclass
class Record:
    """Running sums of one group of followers; enough for every certificate.

    All arrays are `[episode, follower, row(, action)]`: payoff of every fixed action (`fixed`), of the mixed
    strategy (`mixed`), of the drawn action (`drawn`), sum of strategies (`policy`), number of updates
    (`visits`).
    """

    sums: NDArray[np.float64]
    actions: int

    @property
    def fixed(self) -> NDArray[np.float64]:
        """Sum of counterfactual payoffs of each own action."""
        return self.sums[..., : self.actions]

    @property
    def policy(self) -> NDArray[np.float64]:
        """Sum of mixed strategies."""
        return self.sums[..., self.actions : 2 * self.actions]

    @property
    def mixed(self) -> NDArray[np.float64]:
        """Sum of payoffs of the mixed strategy."""
        return self.sums[..., -3]

    @property
    def drawn(self) -> NDArray[np.float64]:
        """Sum of payoffs of the drawn action."""
        return self.sums[..., -2]

    @property
    def visits(self) -> NDArray[np.float64]:
        """Number of updates."""
        return self.sums[..., -1]


class Note(NamedTuple):
    """One update of a group, before it is added to the running sums."""

    places: NDArray[np.int64]
    policy: NDArray[np.float64]
    utilities: NDArray[np.float64]
    drawn: NDArray[np.int64] | None


def average_regret(record: Record) -> NDArray[np.float64]:
    """Regret of the mixed strategies per update, `[episode, follower, row]`; 0 where none happened."""
    return np.maximum(record.fixed.max(axis=-1) - record.mixed, 0) / np.maximum(record.visits, 1)


class Group:
    """Followers of equal learner, rows and actions, learning as one array.

    A *place* is a row of a follower of an episode, as one integer: (episode * followers + follower) * rows + row.

    Attributes:
        members: positions of the group's followers among the game's learned turns.
        state: the learner's arrays, `[places, ...]`.
    """

    def __init__(self, learner: Learner, turns: Sequence[Turn], members: Sequence[int], episodes: int):
        self.learner = learner
        self.members = np.array(members)
        self.agents = np.array([turns[m].agent for m in members])
        self.rows = turns[members[0]].keys
        self.actions = turns[members[0]].choices
        self.shape = (episodes, len(members), self.rows)
        self.state = learner.start((math.prod(self.shape),), self.actions)
        self._sums = np.zeros((math.prod(self.shape), 2 * self.actions + 3))
        self._notes: list[Note] = []

    def place(self, episode: NDArray, follower: NDArray | int, row: NDArray) -> NDArray[np.int64]:
        """Places of (episode, follower, row), broadcast against each other."""
        return (episode * len(self.members) + follower) * self.rows + row

    def restart(self, episodes: NDArray[np.int64]) -> None:
        """Fresh learners and records for the given episodes."""
        self.flush()
        every = np.arange(len(self.members) * self.rows)
        places = (episodes[:, None] * len(every) + every).ravel()
        for name, values in self.learner.start((len(places),), self.actions).items():
            self.state[name][places] = values
        self._sums[places] = 0.0

    def read(self, places: NDArray[np.int64]) -> LearnerState:
        """The learner's arrays at the given places."""
        return {name: values.take(places, axis=0) for name, values in self.state.items()}

    def learn(
        self,
        places: NDArray[np.int64],
        state: LearnerState,
        policy: NDArray[np.float64],
        utilities: NDArray[np.float64],
        drawn: NDArray[np.int64] | None,
        scale: float,
    ) -> None:
        """Update places whose arrays are `state` with payoffs `[..., actions]`, and note them for the record."""
        for name, values in self.learner.update(state, utilities / scale).items():
            self.state[name][places] = values
        self._notes.append(Note(places, policy, utilities, drawn))
        if len(self._notes) >= NOTES:
            self.flush()

    def flush(self) -> None:
        """Add the notes to the running sums: in one go, since small additions would cost more than learning."""
        if not self._notes:
            return
        places = np.concatenate([note.places.ravel() for note in self._notes])
        policy = np.concatenate([note.policy.reshape(-1, self.actions) for note in self._notes])
        utilities = np.concatenate([note.utilities.reshape(-1, self.actions) for note in self._notes])
        mixed = (policy * utilities).sum(axis=-1)
        drawn = [note.drawn.ravel() for note in self._notes if note.drawn is not None]
        own = utilities[np.arange(len(places)), np.concatenate(drawn)] if drawn else mixed
        columns = [*utilities.T, *policy.T, mixed, own, np.ones(len(places))]
        for k, column in enumerate(columns):
            self._sums[:, k] += np.bincount(places, weights=column, minlength=len(self._sums))
        self._notes.clear()

    @property
    def record(self) -> Record:
        """Running sums of everything learned so far."""
        self.flush()
        return Record(self._sums.reshape(*self.shape, -1), self.actions)

    def policies(self, play: Play) -> NDArray[np.float64]:
        """Strategies `[episode, follower, row, action]` under the given play."""
        return self.policy_at(np.arange(len(self._sums)), play).reshape(*self.shape, self.actions)

    def policy_at(self, places: NDArray[np.int64], play: Play) -> NDArray[np.float64]:
        """Strategies at the given places; a row never updated is as at the start in every play."""
        policy = self.learner.policy(self.read(places))
        if play == "argmax":
            return np.eye(self.actions)[argmax_play(policy)]
        if play == "average":
            self.flush()
            sums = Record(self._sums[places], self.actions)
            visits = sums.visits[..., None]
            return np.where(visits > 0, sums.policy / np.maximum(visits, 1), policy)
        return policy


class Response:
    """All followers of a number of leader episodes."""

    def __init__(self, game: StackelbergGame, learners: Sequence[Learner], episodes: int):
        """Args: game; one learner per learned turn (or one for all); number of episodes."""
        turns = game.learned_turns
        if len(learners) not in (1, len(turns)):
            raise InvalidFieldError(
                "followers", f"{len(learners)} learners", f"one for all, or one for each of {len(turns)}"
            )
        self.game = game
        self.scale = game.utility_scale
        per_turn = list(learners) * len(turns) if len(learners) == 1 else list(learners)
        alike: dict[tuple, list[int]] = {}
        for k, turn in enumerate(turns):
            alike.setdefault((per_turn[k], turn.rows, turn.choices), []).append(k)
        self.groups = [Group(key[0], turns, members, episodes) for key, members in alike.items()]
        self._place = {int(m): (group, g) for group in self.groups for g, m in enumerate(group.members)}

    def restart(self, episodes: NDArray[np.int64]) -> None:
        """Fresh followers in the given episodes."""
        for group in self.groups:
            group.restart(episodes)

    def policies(self, play: Play = "argmax") -> list[NDArray[np.float64]]:
        """Per learned turn the strategies `[episode, row, action]` under the given play."""
        by_group = {id(group): group.policies(play) for group in self.groups}
        return [by_group[id(group)][:, g] for group, g in (self._place[k] for k in sorted(self._place))]

    def average_regret(self) -> NDArray[np.float64]:
        """Largest average regret of the mixed strategies over followers and rows, payoff units: `[episode]`."""
        worst = [average_regret(group.record).max(axis=(1, 2)) for group in self.groups]
        return np.max(worst, axis=0)

    def draw(
        self,
        episodes: NDArray[np.int64],
        turn: int,
        information: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        play: Play = "last",
    ) -> NDArray[np.int64]:
        """Actions of one follower at the given information rows, drawn from its strategy: `[N]`."""
        group, g = self._place[turn]
        return draw_play(group.policy_at(group.place(episodes, g, information), play), uniforms)

    def learn_sampled(
        self,
        episodes: NDArray[np.int64],
        information: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        utilities: Sequence[NDArray[np.float64]],
    ) -> None:
        """One sampled update from plays.

        Args:
            episodes: `[E]`.
            information: `[E, learned turns]`, -1 for a follower that did not move.
            uniforms: `[E, learned turns]`, the ones the reference actions are drawn with.
            utilities: per learned turn `[E, actions]`.
        """
        for group in self.groups:
            # One place per follower that moved; a flat list, since not all need have moved.
            e, g = np.nonzero(information[:, group.members] >= 0)
            places = group.place(episodes[e], g, information[e, group.members[g]])
            payoffs = np.stack([utilities[m] for m in group.members], axis=1)[e, g]
            state = group.read(places)
            policy = group.learner.policy(state)
            drawn = draw_play(policy, uniforms[e, group.members[g]])
            group.learn(places, state, policy, payoffs, drawn, self.scale)

    def learn_expected(self, table: OutcomeTable, episodes: NDArray[np.int64]) -> None:
        """One expected update of every row that play can reach; `table` has one entry per episode."""
        policies = [policy[episodes] for policy in self.policies("last")]
        distribution = table.distribution(policies)
        for group in self.groups:
            found = [table.deviations(distribution, m) for m in group.members]
            payoffs = np.stack([deviations.conditional() for deviations in found], axis=1)
            e, g, row = np.nonzero(np.stack([deviations.reach for deviations in found], axis=1) > 0)
            places = group.place(episodes[e], g, row)
            policy = np.stack([policies[m] for m in group.members], axis=1)[e, g, row]
            group.learn(places, group.read(places), policy, payoffs[e, g, row], None, self.scale)

    def learn_from_table(
        self,
        table: OutcomeTable,
        episodes: NDArray[np.int64],
        nature: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        trace: Callable[[], None] | None = None,
    ) -> None:
        """Many sampled updates by look-up, followers' information not depending on followers' moves.

        Args:
            table: one entry per episode, or one for all.
            episodes: `[E]`.
            nature: `[E, updates]`, rows of the nature support.
            uniforms: `[E, updates, learned turns]`.
            trace: called before every update.
        """
        entry = np.arange(len(episodes)) if len(table.payoffs) > 1 else np.zeros(len(episodes), dtype=int)
        _, natures, profiles, agents = table.payoffs.shape
        payoffs, strides = table.payoffs.ravel(), table.profiles.strides
        # What does not depend on play is computed for all updates at once, updates first: [updates, E, ...].
        information = table.information[:, :, 0][entry[:, None], nature].swapaxes(0, 1)
        first_profile = ((entry[:, None] * natures + nature) * profiles).T.copy()
        places = [
            group.place(episodes[:, None], np.arange(len(group.members)), information[:, :, group.members])
            for group in self.groups
        ]
        draws = [np.ascontiguousarray(uniforms.swapaxes(0, 1)[:, :, group.members]) for group in self.groups]
        for t in range(nature.shape[1]):
            if trace:
                trace()
            joint = first_profile[t].copy()
            plans = []
            for k, group in enumerate(self.groups):
                state = group.read(places[k][t])
                policy = group.learner.policy(state)
                drawn = draw_play(policy, draws[k][t])
                joint += drawn @ strides[group.members]
                plans.append((state, policy, drawn))
            for k, (group, (state, policy, drawn)) in enumerate(zip(self.groups, plans, strict=True)):
                own = strides[group.members]
                # The profile in which a follower plays action a instead of its drawn one, then its payoff there.
                others = (joint[:, None] - drawn * own)[..., None] + np.arange(group.actions) * own[:, None]
                utilities = payoffs.take(others * agents + group.agents[:, None])
                group.learn(places[k][t], state, policy, utilities, drawn, self.scale)
