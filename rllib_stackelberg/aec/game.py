"""Leading somebody else's environment: a PettingZoo AEC environment and roles are a game.

`AECGame` implements the rules contract over live environments, one per play (sessions.py). Everything that works in
play works with it: in-play asking, sampled updates, training, values with standard errors, certificates. Seeds are
chance moves: a play is begun by `env.reset(seed=...)` with a seed drawn from the platform's streams, and all plays of
one update share it, so a follower compares its actions on the same luck.

Refused by name: roles that do not fit the environment; actions other than `Discrete` and bounded `Box`; a learner that
moves a second time in a play (a learner learns one turn; its later ones can be played by a policy); an environment that
raises, has no end, does not repeat itself, pays outside the declared range or something else than numbers, or does not
tell its agents what it books (trial_plays.py).

Action masks are not part of the contract: leader and learners may try what a mask forbids, and get what the environment
gives for it. Fixed policies see the mask.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete, flatten
from numpy.typing import NDArray
from pettingzoo import AECEnv

from rllib_stackelberg.aec.roles import Roles, declared_range, uniform
from rllib_stackelberg.aec.sessions import Play, Session, Sessions, failure, made
from rllib_stackelberg.aec.spaces import contract_actions, flat_box, forbids, seen, unmasked, with_mask, words
from rllib_stackelberg.aec.trial_plays import try_plays
from rllib_stackelberg.comparisons import NEGLIGIBLE, exceeds
from rllib_stackelberg.errors import FAULTS, BeyondLimitsError, InvalidFieldError, RulesError
from rllib_stackelberg.plays.sample_plays import draw_nature
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.streams import step_generator

SEEDS = Prior.uniform(2**16, 2**15)
"""2^31 seeds, in two columns so that none of them is listed."""


MOST_SEEDS = 65_536
"""Seeds, each an outcome or more, beyond which no exact value is tried."""

MOST_DESCRIBED = 50_000
"""Things seen that are remembered in words."""


@dataclass
class AECState(State):
    """`plays`: the plays themselves `[B]`."""

    plays: NDArray[np.object_]


class AECGame(StackelbergGame):
    """A game whose rules are an environment.

    Agents keep the environment's names. Override `reset` to begin plays in another way, and `act` to choose a fixed
    policy's action by more than what the agent sees.

    Attributes:
        plays_at_once: also the most environments that are kept: of plays beyond them, those that wait longest are
            played again from their beginning when they go on.
    """

    plays_at_once: ClassVar[int] = 1024

    def __init__(
        self,
        make: Callable[[], AECEnv],
        roles: Roles,
        payoffs: Mapping[str, tuple[float, float]],
        prior: Prior | None = None,
        chance: Prior = SEEDS,
    ):
        """Describe the game, and try one play.

        Args:
            make: a new environment.
            roles: who is who.
            payoffs: smallest and largest total payoff of a play, per agent.
            prior: over types, where `reset` does something with them; none by default.
            chance: over seeds, whose number is that of its values: `Prior.uniform(16)` for sixteen of them, `NO_CHANCE`
                for an environment without chance. Few enough outcomes are tabulated, and values exact.

        Raises:
            InvalidFieldError: naming the field.
        """
        self._env = first = made(make)
        roles.check(first.possible_agents)
        self.roles = roles
        self.prior = prior or Prior.uniform(*[1] * (len(roles.agents) - 1))
        self.chance = chance
        self.payoff_range = np.array([declared_range(payoffs, agent) for agent in self.agents])
        self._spaces = [first.observation_space(agent) for agent in self.agents]
        self._actions = [first.action_space(agent) for agent in self.agents]
        self.observation_spaces = tuple(flat_box(agent, s) for agent, s in zip(self.agents, self._spaces, strict=True))
        self._asked = (roles.leader, *roles.learners)
        self._information = [roles.known_to(name, unmasked(first.observation_space(name))) for name in self._asked]
        self.turns = tuple(self._turns())
        self._fixed = {turn.name: k for k, turn in enumerate(self.turns) if turn.kind == "reply"}
        self._sessions = Sessions(make, self.reset, self.agents, self.plays_at_once)
        self._met: dict[tuple[int, int], str] = {}
        self._masked: set[str] = set()
        self._try()
        self._try_masked(make)
        self._first_met, self._first_masked = dict(self._met), frozenset(self._masked)

    def forget(self) -> None:
        """Forget what agents have met since the game was made."""
        self._met, self._masked = dict(self._first_met), set(self._first_masked)

    @property
    def agents(self) -> tuple[str, ...]:
        """The environment's names: the leader, the learners, the rest."""
        return self.roles.agents

    @property
    def leader(self) -> str:
        """Name of the leader."""
        return self.roles.leader

    @property
    def followers(self) -> tuple[str, ...]:
        """Names of all others."""
        return self.agents[1:]

    def reset(self, env: AECEnv, nature: NDArray[np.int64]) -> None:
        """Begin a play; nature is types and chance `[nature.width]`."""
        chance = nature[self.prior.width :]
        env.reset(seed=int(np.ravel_multi_index(tuple(chance), self.chance.counts)) if len(chance) else 0)

    def act(self, env: AECEnv, agent: str, rng: np.random.Generator) -> Any:
        """What an agent that neither leads nor learns does now."""
        return self.roles.policies[agent](env.observe(agent), env.action_space(agent), rng)

    def start(self, types: NDArray[np.int64], chance: NDArray[np.int64]) -> AECState:
        """Plays of which nothing has happened; an environment is begun when it is first looked at."""
        plays = np.empty(len(types), dtype=object)
        nobody = np.zeros(len(self.agents))
        plays[:] = [Play(nature, nobody) for nature in np.concatenate([types, chance], axis=1)]
        return AECState(types, chance, plays)

    def turn(self, state: State) -> NDArray[np.int64]:
        """By who is selected and has learned."""
        return np.array([self._opened(play).turn for play in _plays(state)], dtype=np.int64)

    def information(self, state: State) -> NDArray[np.int64]:
        """Read off the observation of the agent to move."""
        return np.array([self._opened(play).key for play in _plays(state)], dtype=np.int64)

    def observe(self, state: State, agent: int) -> NDArray[np.float32]:
        """The agent's observation without its mask, flat; of a play that is over, nothing."""
        space, box = unmasked(self._spaces[agent]), self.observation_spaces[agent]
        views = np.tile(np.clip(np.float32(0), box.low, box.high), (len(state), 1))
        for view, play in zip(views, _plays(state), strict=True):
            if self._opened(play).turn != OVER:
                view[:] = flatten(space, self._seen(self._sessions.of(play), agent))
                if np.isnan(view).any():
                    raise failure(self._env, self.agents[agent], play.steps, ValueError("its observation has a NaN"))
        return views

    def transition(self, state: State, actions: NDArray[np.float64]) -> tuple[State, NDArray[np.float64]]:
        """One environment after the other."""
        plays, payoffs = _plays(state).copy(), np.zeros((len(state), len(self.agents)))
        for k, play in enumerate(_plays(state)):
            turn = self._opened(play).turn
            if turn is not None and turn != OVER:
                plays[k], payoffs[k] = self._step(play, self.turns[turn], actions[k])
        return AECState(state.types, state.chance, plays), payoffs

    def reply(self, state: State) -> NDArray[np.float64]:
        """What fixed policies do, with numbers that belong to the play and the step."""
        actions = np.zeros((len(state), self.width))
        for row, play in zip(actions, _plays(state), strict=True):
            turn = self.turns[self._opened(play).turn or 0]
            if turn.kind == "reply" and play.turn != OVER:
                play.told = row[: turn.width] = self._policy_action(play, turn.agent)
        return actions

    def _policy_action(self, play: Play, agent: int) -> NDArray[np.float64]:
        env, name = self._sessions.of(play).env, self.agents[agent]
        rng = step_generator(self._number(play.nature), play.steps)
        try:
            chosen = np.asarray(self.act(env, name, rng), dtype=np.float64).reshape(-1)
        except FAULTS as error:
            raise failure(env, name, play.steps, error) from error
        space = self._actions[agent]
        return chosen - int(space.start) if isinstance(space, Discrete) else chosen

    def _number(self, nature: NDArray[np.int64]) -> int:
        number = 0
        for value, count in zip(nature.tolist(), self.nature.counts, strict=True):
            number = number * count + value
        return number

    def _to_env(self, agent: int, action: NDArray[np.float64]) -> Any:
        space = self._actions[agent]
        if isinstance(space, Discrete):
            return int(space.start) + int(action[0])
        assert isinstance(space, Box)
        return action[: math.prod(space.shape)].reshape(space.shape).astype(space.dtype)

    def _step(self, play: Play, turn: Turn, action: NDArray[np.float64]) -> tuple[Play, NDArray[np.float64]]:
        session = self._sessions.of(play)
        chosen = self._to_env(turn.agent, action)
        payoffs = session.step(chosen)
        after = play.after(chosen, payoffs)
        if turn.kind == "learned":
            after.learned = play.learned | {turn.agent}
        elif turn.kind == "reply":
            after.strayed |= play.told is None or not np.array_equal(play.told, action[: turn.width])
        self._sessions.move(session, after)
        after.turn, after.key = self._read(session, after)
        if after.turn == OVER:
            self._sessions.release(session)
            self._check_total(after)
        return after, payoffs

    def _opened(self, play: Play) -> Play:
        if play.turn is None:
            session = self._sessions.of(play)
            play.turn, play.key = self._read(session, play)
        return play

    def _read(self, session: Session, play: Play) -> tuple[int, int]:
        """Whose turn it is and what that agent knows."""
        if session.over:
            return OVER, 0
        name = session.mover
        if name not in self.agents:
            raise RulesError(f"environment {session.env}: {name} at step {play.steps}: has no role")
        agent = self.agents.index(name)
        if agent <= len(self.roles.learners) and agent not in play.learned:
            return agent, self._key(session, agent)
        if name not in self._fixed:
            raise RulesError(
                f"environment {session.env}: {name} at step {play.steps}: moves again, and a learner learns one turn "
                f"of a play; roles.policies can say how it plays the later ones"
            )
        return self._fixed[name], 0

    def _seen(self, session: Session, agent: int) -> Any:
        name = self.agents[agent]
        try:
            observation = session.env.observe(name)
            if name in self._asked and forbids(observation, session.env.infos.get(name, {})):
                self._masked.add(name)
            return seen(self._spaces[agent], observation)
        except FAULTS as error:
            raise failure(session.env, name, session.play.steps if session.play else 0, error) from error

    def _key(self, session: Session, agent: int) -> int:
        information, shown = self._information[agent], self._seen(session, agent)
        step = session.play.steps if session.play else 0
        try:
            key = int(information.of(shown))
        except FAULTS as error:
            raise failure(session.env, self.agents[agent], step, error) from error
        if (agent, key) not in self._met and len(self._met) < MOST_DESCRIBED:
            self._met[agent, key] = self._label(agent, key, shown)
        if not 0 <= key < information.rows:
            problem = f"information set {key} is not in 0..{information.rows - 1}"
            raise RulesError(f"environment {session.env}: {self.agents[agent]} at step {step}: {problem}")
        return key

    def _label(self, agent: int, key: int, observation: Any) -> str:
        told = words(unmasked(self._spaces[agent]), observation)
        own_rows = self.agents[agent] in self.roles.information
        return f"row {key}, such as {told}" if own_rows else f"sees {told}"

    def _check_total(self, play: Play) -> None:
        if play.strayed:
            return
        low, high = self.payoff_range.T
        slack = NEGLIGIBLE * (high - low)
        outside = exceeds(low, play.total, slack=slack) | exceeds(play.total, high, slack=slack)
        if outside.any():
            k = int(outside.argmax())
            problem = f"a play paid it {play.total[k]:g}, and payoffs declares {low[k]:g}..{high[k]:g}"
            raise RulesError(f"environment {self._env}: {self.agents[k]} at step {play.steps}: {problem}")

    def _turns(self) -> list[Turn]:
        """Of the leader and the learners: turn k is agent k's. Then those that fixed policies take."""
        spaces = [contract_actions(agent, space) for agent, space in zip(self.agents, self._actions, strict=True)]
        for name, space in zip(self.roles.learners, spaces[1:], strict=False):
            if not isinstance(space, Discrete):
                raise InvalidFieldError("roles.learners", f"{name} has continuous actions", "agents of Discrete ones")
        own_rows = self.roles.information
        asked = [
            Turn(name, k, spaces[k], "learned" if k else "leader", self._information[k].rows, coarse=name in own_rows)
            for k, name in enumerate(self._asked)
        ]
        places = {name: self.agents.index(name) for name in self.roles.policies}
        return asked + [Turn(name, k, spaces[k], "reply") for name, k in places.items()]

    def _try(self) -> None:
        """One play of lowest actions: what cannot work is refused before anything is started."""
        try:
            state: State = self.begin(np.zeros((1, self.nature.width), dtype=np.int64))
            while (turn := int(self.turn(state)[0])) != OVER:
                kind, actions = self.turns[turn], np.zeros((1, self.width))
                if kind.kind == "reply":
                    actions = self.reply(state)
                elif kind.numbers:
                    actions[0, kind.width - kind.numbers : kind.width] = kind.box.low
                state, _ = self.step(state, actions)
        except RulesError as error:
            raise InvalidFieldError(
                "make", f"a first play fails ({error})", "an environment that plays to an end"
            ) from error

    def _try_masked(self, make: Callable[[], AECEnv]) -> None:
        """A few plays of actions that masks allow, driven as PettingZoo does it."""
        rng = np.random.default_rng(0)

        def choose(env: AECEnv, agent: str) -> Any:
            """A rule's own action for agents that have one, any allowed one for the others."""
            if agent in self.roles.policies and agent not in self._asked:
                return self.act(env, agent, rng)
            return uniform(with_mask(env.observe(agent), env.infos[agent]), env.action_space(agent), rng)

        def nature() -> NDArray[np.int64]:
            """One draw of types and chance."""
            return draw_nature(self, 1, rng)[0]

        try_plays(make, self.reset, nature, self.agents, choose, self.payoff_range, self._asked)

    @property
    def notes(self) -> tuple[str, ...]:
        """Whose actions masks forbid."""
        masked = ", ".join(name for name in self._asked if name in self._masked)
        told = "leader and learners try what masks forbid, and get what the environment gives for it"
        return (f"the environment forbids actions of {masked}: {told}",) if masked else ()

    def optimum(self) -> StackelbergSolution | None:
        """None: an environment is solved by enumeration, if its seeds are few.

        Raises:
            BeyondLimitsError: they are too many for any exact value.
        """
        seeds = math.prod(self.chance.counts)
        if seeds > MOST_SEEDS:
            problem = f"{seeds:,} seeds are too many for an exact value"
            allowed = "NO_CHANCE where there is none, or few seeds, as Prior.uniform(16): they are played one by one"
            raise BeyondLimitsError("chance", problem, allowed)
        return None

    def describe(self, turn: Turn, key: int) -> str:
        """What the agent saw when it met `key`, where it has; the number of the key otherwise."""
        return self._met.get((turn.agent, key)) or super().describe(turn, key)


def _plays(state: State) -> NDArray[np.object_]:
    assert isinstance(state, AECState)
    return state.plays
