"""Plays of an environment that can only be stepped, handled as values.

A `Play` is how a play was begun and every action since; it never changes, so it can be kept, copied and gone on from
twice. What moves is a `Session`: one live environment and the play it is in. A play whose session has gone elsewhere
is replayed from its beginning, so an environment must do the same again when it is begun the same way (checked). Plays
that are carried on one step after another, as all are that followers learn from, are not replayed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pettingzoo import AECEnv

from rllib_stackelberg.errors import FAULTS, GameError, InvalidFieldError, RulesError

MOST_STEPS = 10_000
"""Steps after which a play is taken to have no end."""


class Play:
    """A play so far.

    Attributes:
        nature: what it was begun with; steps: how many there have been; before, action: the last one, None at first.
        total: payoffs so far `[agents]`; learned: learners that have moved.
        mover: whom the environment selects; turn, key: whose turn that is, and what the agent knows (set by the game).
        told: what a fixed policy does now, once it has been asked; strayed: whether it was ever made to do otherwise.
        session: the one that was in this play last.
    """

    __slots__ = (
        "action", "before", "key", "learned", "mover", "nature", "session", "steps", "strayed", "told", "total", "turn",
    )  # fmt: skip

    def __init__(self, nature: NDArray[np.int64], total: NDArray[np.float64]):
        self.nature = nature
        self.total = total
        self.steps = 0
        self.before: Play | None = None
        self.action: Any = None
        self.learned: frozenset[int] = frozenset()
        self.mover: str | None = None
        self.turn: int | None = None
        self.key = 0
        self.told: NDArray[np.float64] | None = None
        self.strayed = False
        self.session: Session | None = None

    def after(self, action: Any, payoffs: NDArray[np.float64]) -> Play:
        """The play one step on."""
        found = Play(self.nature, self.total + payoffs)
        found.before, found.action, found.steps = self, action, self.steps + 1
        found.learned, found.strayed = self.learned, self.strayed
        return found

    def history(self) -> list[Play]:
        """The plays that led here, from the start on."""
        path = [self]
        while path[-1].before is not None:
            path.append(path[-1].before)
        return path[::-1]


class Session:
    """One live environment.

    Attributes:
        env: the environment; play: the one it is in; mover: whose turn it is; over: whether nobody has one left.
    """

    def __init__(self, env: AECEnv, agents: Sequence[str]):
        self.env = env
        self.agents = agents
        self.play: Play | None = None
        self.mover = ""
        self.over = True

    def reset(self, begin: Callable[[AECEnv, NDArray[np.int64]], None], nature: NDArray[np.int64]) -> None:
        """Begin a play.

        Raises:
            GameError: the environment failed.
        """
        self.play = None
        try:
            begin(self.env, nature)
        except FAULTS as error:
            raise failure(self.env, "reset", 0, error) from error
        self.over, self.mover = all_over(self.env), self.env.agent_selection

    def step(self, action: Any) -> NDArray[np.float64]:
        """Take the selected agent's turn, and those of agents that are out; payoffs `[agents]`.

        Raises:
            RulesError: the environment failed (`GameError`), or has no end; naming agent and step.
        """
        play, env = self.play, self.env
        assert play is not None
        agent, self.play = self.mover, None  # an environment that fails is in no play any more
        try:
            env.step(action)
            payoffs = paid_to(env, self.agents)
            while not (over := all_over(env)) and out(env, env.agent_selection):
                env.step(None)
                payoffs += paid_to(env, self.agents)
        except FAULTS as error:
            raise failure(env, agent, play.steps, error) from error
        if play.steps >= MOST_STEPS:
            raise RulesError(f"environment {env}: {agent} still moves at step {play.steps}: a play has no end")
        self.over, self.mover = over, env.agent_selection
        return payoffs


class Sessions:
    """The live environments of a game: as many as plays wait side by side, up to a limit.

    Args:
        make: a new environment; begin: start a play in it, from what nature says.
        agents: whose payoffs are collected; most: environments.
    """

    def __init__(
        self,
        make: Callable[[], AECEnv],
        begin: Callable[[AECEnv, NDArray[np.int64]], None],
        agents: Sequence[str],
        most: int,
    ):
        self.make, self.begin, self.agents, self.most = make, begin, agents, most
        self._all: deque[Session] = deque()
        self._idle: list[Session] = []

    def __len__(self) -> int:
        return len(self._all)

    def of(self, play: Play) -> Session:
        """A session that is in the given play: the one that is there already, or another, by replaying it."""
        session = play.session
        if session is None or session.play is not play:
            session = self._free()
            self._replay(session, play)
        return session

    def move(self, session: Session, play: Play) -> None:
        """Note which play a session is in, and whose move it is.

        Raises:
            RulesError: it was somebody else's, or paid differently, when the play was there before.
        """
        session.play, play.session = play, session
        mover = session.mover
        if play.mover not in (None, mover):
            raise _unlike(session.env, f"it was {play.mover}'s move at step {play.steps}, and now {mover}'s")
        play.mover = mover

    def release(self, session: Session) -> None:
        """The session's play is over: its environment may begin another one."""
        self._idle.append(session)

    def _free(self) -> Session:
        if self._idle:
            return self._idle.pop()
        if len(self._all) < self.most:
            self._all.append(Session(self.make(), self.agents))
        else:
            self._all.rotate(-1)  # the one longest in its play
        return self._all[-1]

    def _replay(self, session: Session, play: Play) -> None:
        start, *steps = play.history()
        session.reset(self.begin, start.nature)
        self.move(session, start)
        total = start.total
        for later in steps:
            total = total + session.step(later.action)
            self.move(session, later)
            if not np.array_equal(total, later.total):
                raise _unlike(session.env, f"step {later.steps} paid otherwise before")


def all_over(env: AECEnv) -> bool:
    """Whether nobody has a turn left."""
    ended, cut = env.terminations, env.truncations
    return all(ended[agent] or cut[agent] for agent in env.agents)


def out(env: AECEnv, agent: str) -> bool:
    """Whether an agent has no turn left."""
    return bool(env.terminations.get(agent, False) or env.truncations.get(agent, False))


def paid_to(env: AECEnv, agents: Sequence[str]) -> NDArray[np.float64]:
    """What the last step paid, `[agents]`.

    Raises:
        ValueError: it paid somebody something else than a number.
    """
    payoffs = np.zeros(len(agents))
    for k, agent in enumerate(agents):
        reward = np.asarray(env.rewards.get(agent, 0.0))
        if reward.size != 1:
            raise ValueError(f"the reward of {agent} is {reward.tolist()}, and not one number")
        payoffs[k] = float(reward.reshape(()))
    return payoffs


def failure(env: AECEnv, agent: str, step: int, error: BaseException) -> GameError:
    """What went wrong in somebody else's code, in one line."""
    return GameError(f"environment {env}: {agent} at step {step}: {type(error).__name__}: {error}")


def _unlike(env: AECEnv, difference: str) -> RulesError:
    return RulesError(f"environment {env}: a play does not repeat itself: {difference}")


def made(make: Callable[[], AECEnv]) -> AECEnv:
    """A new environment, refused by name if it is none."""
    allowed = "a function that makes a PettingZoo AECEnv (pettingzoo.utils.parallel_to_aec makes one of a ParallelEnv)"
    try:
        env = make()
    except FAULTS as error:
        raise InvalidFieldError("make", f"raised {type(error).__name__}: {error}", allowed) from error
    if not isinstance(env, AECEnv):
        raise InvalidFieldError("make", f"made a {type(env).__name__}", allowed)
    return env
