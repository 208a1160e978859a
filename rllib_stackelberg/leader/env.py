"""The leader's decision problem: the Stackelberg POMDP as a vector environment.

Brero et al., arXiv 2210.03852: an episode is a response phase, in which followers learn against the leader's
policy, and a reward phase, in which the leader is paid against what they learned. Within an episode the
leader's answer to an observation is fixed, discount is 1, and the optimal policy of this problem is an
optimal commitment against that response algorithm.

An observation has parts. `actor` is what the game shows the leader, the same in every phase. `critic` is
the hidden state: with "every_turn" the followers' weights (each row divided by its largest) and the phase;
with "once" the answers so far and a provisional response to them (`critic.py`); under several models of followers
also which one was drawn (`mixture.py`). Where the leader's turn is masked, `mask` says which choices are open (1, else
0). With "every_turn" a part says which `phase` a transition belongs to (0 response, 1 reward): for the learner, no
network reads it.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Space
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.leader.actions import as_rows, leader_action_space, to_game_actions
from rllib_stackelberg.leader.answered import Answered
from rllib_stackelberg.leader.courses_in_play import Experience
from rllib_stackelberg.leader.critic import critic_view
from rllib_stackelberg.leader.elicitation import AskedFirst, Closure, Elicitation, Episodes, Front
from rllib_stackelberg.leader.foreseen import Foreseen
from rllib_stackelberg.leader.in_play import EveryTurn, InPlay
from rllib_stackelberg.leader.interim_closure import InterimClosure
from rllib_stackelberg.leader.mixture import Mixture
from rllib_stackelberg.leader.path_closure import PathClosure
from rllib_stackelberg.leader.sampled_courses import SampledCourses
from rllib_stackelberg.leader.transcript import Transcript, put
from rllib_stackelberg.plays.outcomes import OutcomeTable
from rllib_stackelberg.plays.paths import PathTable
from rllib_stackelberg.response.interim import InterimTable
from rllib_stackelberg.response.kinds import Kind, followers_for
from rllib_stackelberg.response.played_trajectories import PlayedTrajectories
from rllib_stackelberg.response.sampled_moves import SampledMoves
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Streams

CLOSURES: dict[type, type[AskedFirst]] = {
    OutcomeTable: Closure,
    PathTable: PathClosure,
    InterimTable: InterimClosure,
}
"""By the table that followers respond along, what asks for it."""

COURSES: dict[Kind, type[InPlay]] = {PlayedTrajectories: Experience, SampledMoves: SampledCourses}
"""By the kind of followers whose courses of play are too many for a table, what plays them."""


def choose_elicitation(game: StackelbergGame, settings: LeaderSettings) -> type[AskedFirst] | type[InPlay]:
    """The way of asking that fitted settings call for."""
    kind = followers_for(game, settings)
    if not kind.in_play(settings, game):
        return CLOSURES[kind.table]
    if kind in COURSES:
        return COURSES[kind]
    if settings.leader_queries == "every_turn":
        return EveryTurn
    if settings.expected:
        return InPlay
    return Foreseen if game.compiled is None else Answered


def begin_episodes(game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int) -> Episodes:
    """Episodes against the model of followers that the settings name, or against a mixture of several."""
    members: list[Elicitation] = []
    for part in settings.parts:
        own = part.settings.fitted(game)
        members.append(choose_elicitation(game, own)(game, own, streams, envs))
    if len(members) == 1:
        return members[0]
    return Mixture(members, [part.probability for part in settings.parts], streams, envs)


Observations = dict[str, NDArray[np.float32]]


class StackelbergPOMDP(VectorEnv):
    """A batch of leader episodes (autoreset mode NEXT_STEP).

    Attributes:
        elicitation: the episodes themselves: open questions, answers, followers.
        clipped: number of leader actions that had to be clipped into range so far.
        episodes: number of episodes that have ended.

    `info["leader_value"]` holds the leader's payoff of each episode that ends, `info["regret"]` the largest
    average regret of a follower in it.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 (gymnasium's protocol)

    def __init__(
        self,
        game: StackelbergGame,
        settings: LeaderSettings | None = None,
        num_envs: int = 1,
        seed: int = 0,
        worker: int = 0,
    ):
        self.game = game
        self.settings = (settings or LeaderSettings()).fitted(game)
        self.num_envs = num_envs
        self.worker = worker
        self._start(seed)
        self.critic = critic_view(self.elicitation, self.game)
        actor = game.observation_spaces[0]
        spaces: dict[str, Space] = {
            "actor": Box(actor.low, actor.high, dtype=np.float32),
            "critic": Box(0.0, 1.0, (self.critic.width,), np.float32),
        }
        if game.leader_turn.masked:
            spaces["mask"] = Box(0.0, 1.0, (game.leader_turn.choices,), np.float32)
        if self._every_turn:
            spaces["phase"] = Box(0.0, 1.0, (1,), np.float32)
        self.single_observation_space = Dict(spaces)
        self._output = self.single_action_space = leader_action_space(game)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.clipped = 0
        self.episodes = 0
        self._ended = np.zeros(num_envs, dtype=bool)
        self._shown = {
            name: np.zeros((num_envs, *(space.shape or ())), dtype=np.float32)
            for name, space in self.single_observation_space.items()
        }

    def _start(self, seed: int) -> None:
        self.streams = Streams(seed, worker=self.worker)
        self.elicitation = begin_episodes(self.game, self.settings, self.streams, self.num_envs)
        self._transcript = Transcript(self.game, self.elicitation)

    @property
    def _every_turn(self) -> bool:
        return self.settings.leader_queries == "every_turn"

    @property
    def seat_layout(self) -> dict[str, Any] | None:
        """Which entries of the parts of an observation speak of which follower, where the game declares seats."""
        if self.game.seats is None:
            return None
        own, shared = self.critic.seats.own.tolist(), self.critic.seats.shared.tolist()
        return {"actor": self.game.seats.columns.tolist(), "critic": own, "critic_shared": shared}

    @property
    def live(self) -> NDArray[np.int64]:
        """Environments with an open question."""
        return np.flatnonzero(~self.elicitation.over)

    def begin(self, envs: NDArray[np.int64]) -> None:
        """Start an episode in the given environments."""
        self._transcript.begin(envs)
        self.elicitation.restart(envs)
        if self.elicitation.over[envs].any():
            raise RulesError(f"game {self.game.id}: a whole episode went by without asking the leader")

    def front(self, envs: NDArray[np.int64]) -> Front:
        """All open questions of the given environments, each of which has one."""
        return self.elicitation.front(envs)

    def posed(self, envs: NDArray[np.int64]) -> Front:
        """The next question of each of the given environments, for who answers one at a time."""
        return self.elicitation.posed(envs)

    def observe(self, front: Front) -> Observations:
        """Observations at open questions, a row each; the hidden state is the same at all questions of one front."""
        envs, of = np.unique(front.envs, return_inverse=True)
        shown = {"actor": self.elicitation.observe(front), "critic": self.critic(self.elicitation, envs)[of]}
        if self.game.leader_turn.masked:
            shown["mask"] = self.elicitation.open_choices(front).astype(np.float32)
        if self._every_turn:
            shown["phase"] = self.elicitation.rewarding[front.envs, None].astype(np.float32)
        return shown

    def answer(self, front: Front, actions: Any) -> NDArray[np.float64]:
        """Answer open questions, some or all of a front, with what a policy puts out (`leader.actions.as_rows`).

        Returns:
            Rewards `[Q]`: what an environment is paid stands at the last of its questions here.
        """
        envs, last = np.unique(front.envs[::-1], return_index=True)
        before = self.elicitation.value[envs] - self.elicitation.penalty[envs]
        game_actions, clipped = to_game_actions(self.game, actions)
        if not np.isfinite(game_actions).all():
            raise RulesError(f"game {self.game.id}: the leader's policy returned an action that is not finite")
        self.clipped += int(clipped.sum())
        self._transcript.add(front, game_actions)
        self.elicitation.give(front, game_actions)
        self.episodes += int(self.elicitation.over[envs].sum())
        rewards = np.zeros(len(front.envs))
        rewards[len(front.envs) - 1 - last] = self.elicitation.value[envs] - self.elicitation.penalty[envs] - before
        return rewards

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Start an episode in every environment; a seed replaces the run's seed and restarts its streams."""
        if seed is not None:
            self._start(seed)
        self.begin(np.arange(self.num_envs))
        self._ended[:] = False
        return self._observations(), {}

    def step(
        self, actions: Any
    ) -> tuple[Observations, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Answer the open question of every environment; those that ended start a new episode instead."""
        asked, fresh = np.flatnonzero(~self._ended), np.flatnonzero(self._ended)
        rewards = np.zeros(self.num_envs)
        rewards[asked] = self.answer(self.posed(asked), as_rows(self._output, actions)[asked])
        terminated = self.elicitation.over & ~self._ended
        infos = self._infos(terminated)
        if len(fresh):
            self.begin(fresh)
        self._ended = terminated
        return self._observations(), rewards, terminated, np.zeros(self.num_envs, dtype=bool), infos

    def abandon(self, skipped: int = 0, seed: int | None = None) -> None:
        """Give up the episodes in progress, and skip that many; a seed replaces the run's. Followers start afresh."""
        episode = self.elicitation.episode + skipped
        self._start(self.streams.run if seed is None else seed)
        self.critic = critic_view(self.elicitation, self.game)
        self.elicitation.episode[:] = episode
        self._ended[:] = True

    def get_state(self) -> dict[str, Any]:
        """Where all episodes stand, as data: what a later `set_state` goes on from, bit for bit."""
        return {
            "run": self.streams.run,
            "worker": self.worker,
            "clipped": self.clipped,
            "episodes": self.episodes,
            "ended": self._ended.copy(),
            "shown": {name: values.copy() for name, values in self._shown.items()},
            "transcript": self._transcript.get_state(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`, of the same game, settings and number of environments.

        Raises:
            RulesError: an episode in progress does not repeat itself.
        """
        self.worker = state["worker"]
        self._start(state["run"])
        self._transcript.set_state(state["transcript"])
        self.clipped, self.episodes = state["clipped"], state["episodes"]
        self._ended[:] = state["ended"]
        put(self._shown, state["shown"])

    def close_extras(self, **kwargs: Any) -> None:
        """Nothing to release."""

    def _observations(self) -> Observations:
        """Of every environment; one that is over shows its last question again."""
        live = self.live
        if len(live):
            for name, values in self.observe(self.posed(live)).items():
                self._shown[name][live] = values
        return {name: values.copy() for name, values in self._shown.items()}

    def _infos(self, terminated: NDArray[np.bool_]) -> dict[str, Any]:
        if not terminated.any():
            return {}
        found: dict[str, Any] = {}
        for name, values in self._results().items():
            found |= {name: np.where(terminated, values, 0.0), f"_{name}": terminated.copy()}
        return found

    def episode_infos(self) -> list[dict[str, Any]]:
        """The last info of every environment's episode, all being over."""
        results = self._results()
        return [{name: values[env] for name, values in results.items()} for env in range(self.num_envs)]

    def _results(self) -> dict[str, NDArray[np.float64]]:
        return {"leader_value": self.elicitation.value, "regret": self.elicitation.average_regret()}


class LeaderEnv(gymnasium.Env):
    """One leader episode at a time: `StackelbergPOMDP` as a plain `gymnasium.Env`, for other libraries."""

    metadata = {"render_modes": []}  # noqa: RUF012 (gymnasium's protocol)

    def __init__(self, game: StackelbergGame, settings: LeaderSettings | None = None, seed: int = 0):
        self.batch = StackelbergPOMDP(game, settings, num_envs=1, seed=seed)
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Start an episode."""
        super().reset(seed=seed)
        observations, _ = self.batch.reset(seed=seed)
        return _first(observations), {}

    def step(self, action: Any) -> tuple[Observations, float, bool, bool, dict[str, Any]]:
        """Answer the open question."""
        observations, rewards, terminated, truncated, infos = self.batch.step([action])
        info = {name: values[0] for name, values in infos.items() if not name.startswith("_")}
        return _first(observations), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), info


def _first(observations: dict[str, NDArray]) -> dict[str, NDArray]:
    return {name: values[0] for name, values in observations.items()}
