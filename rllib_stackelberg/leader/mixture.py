"""Leader episodes against several models of followers: every episode draws one, and the leader is not told which.

Each model has its own episodes (elicitation.py), asked, responded and rewarded in its own way, and every environment is
in the episode of the model that was drawn for it. An episode is numbered, and so draws its numbers, as if there were no
other model: what is played under a model does not depend on which others there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.followers.learner import draw_play
from rllib_stackelberg.leader.elicitation import Credit, Episodes, Front
from rllib_stackelberg.streams import Stream, Streams


class Mixture(Episodes):
    """Episodes that are each played by one of several models.

    Attributes:
        members: every model's episodes, room for all environments in each.
        probabilities: of the models.
        model: `[B]`, the one that was drawn for the current episode.
    """

    def __init__(self, members: Sequence[Episodes], probabilities: Sequence[float], streams: Streams, envs: int):
        super().__init__(envs)
        self.members = tuple(members)
        self.probabilities = np.array(probabilities)
        self.model = np.zeros(envs, dtype=np.int64)
        self._streams = streams

    def by_model(self, envs: Index) -> Iterator[tuple[Episodes, NDArray[np.bool_]]]:
        """Models that some of the given environments are in, each with which of them."""
        for k, member in enumerate(self.members):
            own = self.model[envs] == k
            if own.any():
                yield member, own

    def _copy(self, member: Episodes, envs: Index) -> None:
        """Show where episodes stand that a model has gone on with."""
        self.question[envs] = member.question[envs]
        self.over[envs] = member.over[envs]
        self.value[envs] = member.value[envs]
        self.penalty[envs] = member.penalty[envs]

    def restart(self, envs: Index) -> None:
        """Draw a model for each given environment and begin an episode against it."""
        self.episode[envs] += 1
        drawn = [self._streams.uniforms(int(env), int(self.episode[env]), Stream.MODEL, ()) for env in envs]
        self.model[envs] = draw_play(np.tile(self.probabilities, (len(envs), 1)), np.array(drawn))
        for member, own in self.by_model(envs):
            member.episode[envs[own]] = self.episode[envs[own]] - 1
            member.restart(envs[own])
            self._copy(member, envs[own])

    def front(self, envs: Index) -> Front:
        """See `Episodes`: of the drawn models."""
        return _joined([member.front(envs[own]) for member, own in self.by_model(envs)])

    def posed(self, envs: Index) -> Front:
        """See `Episodes`: of the drawn models."""
        return _joined([member.posed(envs[own]) for member, own in self.by_model(envs)])

    def give(self, front: Front, actions: NDArray[np.float64]) -> None:
        """See `Episodes`."""
        for member, own in self.by_model(front.envs):
            member.give(front.part(own), actions[own])
            self._copy(member, np.unique(front.envs[own]))

    def observe(self, front: Front) -> NDArray[np.float32]:
        """See `Episodes`: the same whichever model was drawn."""
        seen: NDArray[np.float32] | None = None
        for member, own in self.by_model(front.envs):
            shown = member.observe(front.part(own))
            if seen is None:
                seen = np.zeros((len(own), shown.shape[1]), dtype=np.float32)
            seen[own] = shown
        assert seen is not None
        return seen

    def open_choices(self, front: Front) -> NDArray[np.bool_]:
        """See `Episodes`: the same whichever model was drawn."""
        found: NDArray[np.bool_] | None = None
        for member, own in self.by_model(front.envs):
            shown = member.open_choices(front.part(own))
            found = np.zeros((len(own), shown.shape[1]), dtype=bool) if found is None else found
            found[own] = shown
        assert found is not None
        return found

    def credit(self, envs: Index, questions: Index) -> Credit | None:
        """See `Episodes`: of the drawn models, if it is known of all of them."""
        found = Credit(*np.zeros((2, len(envs))))
        for member, own in self.by_model(envs):
            part = member.credit(envs[own], questions[own])
            if part is None:
                return None
            found.met[own], found.paid[own] = part
        return found

    def average_regret(self) -> NDArray[np.float64]:
        """See `Episodes`."""
        return self._of_drawn([member.average_regret() for member in self.members])

    def arrays(self) -> dict[str, NDArray]:
        """See `Episodes`: the drawn models, and every model's followers."""
        members = {f"{k} {name}": own for k, m in enumerate(self.members) for name, own in m.arrays().items()}
        return {"model": self.model} | members

    @property
    def keeps_followers(self) -> bool:
        """See `Episodes`."""
        return any(member.keeps_followers for member in self.members)

    @property
    def rewarding(self) -> NDArray[np.bool_]:
        """See `Episodes`."""
        return self._of_drawn([member.rewarding for member in self.members])

    def _of_drawn(self, columns: Sequence[NDArray]) -> NDArray:
        return np.stack(columns)[self.model, np.arange(len(self.model))]


def _joined(fronts: Sequence[Front]) -> Front:
    """Fronts of different environments as one, in the order of these."""
    nothing = Front(*np.zeros((3, 0), dtype=np.int64))
    together = Front(*(np.concatenate(column) for column in zip(nothing, *fronts, strict=True)))
    return together.part(np.argsort(together.envs, kind="stable"))
