"""RLlib's episode replay buffer, sampled by array: rows of single periods, thousands at a time.

RLlib's own `sample` builds every row through Python objects, which takes longer than all updates together. What is
added, evicted and counted is RLlib's; here rows are drawn, uniformly over periods and then over members. The state is
arrays, too: pieces of plays end to end, all of them or those that are new.

Private touches of RLlib: `_indices` (which periods there are), `_num_episodes_evicted` (what they are offset by) and
`_num_timesteps_added` (which goes on counting after a restore).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.env.utils.infinite_lookback_buffer import InfiniteLookbackBuffer
from ray.rllib.utils.replay_buffers.episode_replay_buffer import EpisodeReplayBuffer

from rllib_stackelberg.arrays import Arrays
from rllib_stackelberg.rules.population import RUNNING, PopulationGame
from rllib_stackelberg.streams import replay_generator

MEMBER_REWARDS = "member_rewards"


SEEN, ACTED, PAID = ("leader", "mean", "members"), ("leader", "mean", "members"), ("leader", "members")
"""What a piece holds: observations, one more than periods, actions, and rewards."""


class PeriodEpisodeReplayBuffer(EpisodeReplayBuffer):
    """Pieces of plays, as PopulationEnvRunner makes them."""

    def __init__(self, capacity: int, *, seed: int = 0, **kwargs: Any):
        """`capacity`: periods; `seed`: of the run."""
        super().__init__(capacity, **kwargs)
        self.rng = replay_generator(seed)

    def sample_periods(self, count: int, members: int, n_step: int = 1, gamma: float = 1.0) -> tuple[Arrays, Arrays]:
        """Rows of the leader and of the members.

        Args:
            count: of periods R; members: of those that are kept, how many are learned from in each period, K.
            n_step: how many periods' payoffs a row has, n; fewer at the end of a piece. gamma: discount of a period.

        Returns:
            `leader`, `next_leader`, `leader_action`, `leader_reward`, `mean`, `next_mean`, `mean_action`, `over` by
            period: what is paid in n periods, discounted, and what is seen after them. `weight`: the sum of their
            discounts, `discount`: that of the period after them. And `members`, `next_members` `[R, M, e]`, `learned`,
            `next_learned`, `actions`, `rewards` `[R, K, ...]`.
        """
        drawn = self.rng.integers(len(self._indices), size=count)
        places = np.array([self._indices[index] for index in drawn], dtype=np.int64)
        leader: Arrays = {}
        own: Arrays = {}
        for number in np.unique(places[:, 0]):
            rows = np.flatnonzero(places[:, 0] == number)
            episode = self.episodes[number - self._num_episodes_evicted]
            for into, found in zip((leader, own), _columns(episode, places[rows, 1], n_step, gamma), strict=True):
                _put(into, found, rows, count)
        self.sampled_timesteps += count
        return leader, self._some(own, members)

    def get_state(self, since: int = 0) -> dict[str, Any]:
        """As data: pieces (`together`), how many periods they are, counters, and where the draws stand.

        Args:
            since: leave out what came before so many periods had been added (`get_added_timesteps`).
        """
        pieces: list[SingleAgentEpisode] = []
        missing = self.get_added_timesteps() - since
        for episode in reversed(self.episodes):
            if missing <= 0:
                break
            pieces.insert(0, episode)
            missing -= len(episode)
        return {
            "pieces": [together(pieces)] if pieces else [],
            "periods": len(self),
            "added": self.get_added_timesteps(),
            "sampled": self.sampled_timesteps,
            "draws": self.rng.bit_generator.state,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `get_state`, in a buffer that is empty; `pieces` may be in several parts, and be too many."""
        assert not self.episodes
        for part in state["pieces"]:
            self.add(apart(part))
        self._num_timesteps_added = state["added"]
        self.sampled_timesteps = state["sampled"]
        self.rng.bit_generator.state = state["draws"]

    def _some(self, own: Arrays, members: int) -> Arrays:
        """Draw which members are learned from, in each period for itself."""
        count, kept = own["rewards"].shape
        picked = np.argsort(self.rng.random((count, kept)), axis=1)[:, : min(members, kept)]
        whole = {"members": own["members"], "next_members": own["next_members"]}
        return whole | {
            "learned": np.take_along_axis(own["members"], picked[:, :, None], axis=1),
            "next_learned": np.take_along_axis(own["next_members"], picked[:, :, None], axis=1),
            "actions": np.take_along_axis(own["actions"], picked[:, :, None], axis=1),
            "rewards": np.take_along_axis(own["rewards"], picked, axis=1),
        }


def _columns(
    episode: SingleAgentEpisode, periods: NDArray[np.int64], n_step: int, gamma: float
) -> tuple[Arrays, Arrays]:
    seen, acted = episode.observations.data, episode.actions.data
    later = np.minimum(periods + n_step, len(episode))
    discount = gamma ** (later - periods).astype(np.float64)
    paid, weight = _returns(episode, periods, later, gamma)
    over = (later == len(episode)) & episode.is_terminated
    leader = {
        "leader": seen["leader"][periods],
        "next_leader": seen["leader"][later],
        "leader_action": acted["leader"][periods],
        "leader_reward": paid["leader"],
        "mean": seen["mean"][periods],
        "next_mean": seen["mean"][later],
        "mean_action": acted["mean"][periods],
        "over": over.astype(np.float32),
        "weight": weight,
        "discount": discount,
    }
    own = {
        "members": seen["members"][periods],
        "next_members": seen["members"][later],
        "actions": acted["members"][periods],
        "rewards": paid["members"],
    }
    return leader, own


def _returns(
    episode: SingleAgentEpisode, periods: NDArray[np.int64], later: NDArray[np.int64], gamma: float
) -> tuple[Arrays, NDArray[np.float64]]:
    """What is paid from some periods on until later ones, discounted, by side; and the sums of the discounts."""
    by_side = dict(zip(PAID, (episode.rewards.data, episode.extra_model_outputs[MEMBER_REWARDS].data), strict=True))
    sums = {side: np.zeros((len(periods), *paid.shape[1:])) for side, paid in by_side.items()}
    weight = np.zeros(len(periods))
    for ahead in range(int((later - periods).max())):
        rows = np.flatnonzero(periods + ahead < later)
        weight[rows] += gamma**ahead
        for side, paid in by_side.items():
            sums[side][rows] += gamma**ahead * paid[periods[rows] + ahead]
    return sums, weight


def _put(into: Arrays, found: Arrays, rows: NDArray[np.int64], count: int) -> None:
    for name, values in found.items():
        if name not in into:
            into[name] = np.empty((count, *values.shape[1:]), dtype=np.float32)
        into[name][rows] = values


def new_rows(episodes: Sequence[SingleAgentEpisode], part: str) -> NDArray:
    """What was seen in new pieces of plays, end to end."""
    return np.concatenate([episode.observations.data[part][:-1] for episode in episodes])


def piece(seen: Arrays, acted: Arrays, paid: Arrays, terminated: bool, truncated: bool) -> SingleAgentEpisode:
    """Periods of one play in a row: observations `[T + 1, ...]`, actions and rewards `[T, ...]` (`SEEN`, ...)."""
    return SingleAgentEpisode(
        observations=InfiniteLookbackBuffer(seen),
        actions=InfiniteLookbackBuffer(acted),
        rewards=InfiniteLookbackBuffer(paid["leader"]),
        infos=InfiniteLookbackBuffer([{}] * len(seen["leader"])),
        extra_model_outputs={MEMBER_REWARDS: InfiniteLookbackBuffer(paid["members"])},
        terminated=terminated,
        truncated=truncated,
        t_started=0,
        len_lookback_buffer=0,
    )


def pieces_of(columns: Arrays, endings: NDArray[np.int64], horizon: int) -> list[SingleAgentEpisode]:
    """Periods of plays, cut where plays ended.

    Args:
        columns: as an env runner samples them `[B, T, ...]`.
        endings: why plays ended with a period `[B, T]`; horizon: the one that stands for being cut off.
    """
    pieces = []
    for play, ended in enumerate(endings):
        cuts = [0, *(np.flatnonzero(ended != RUNNING) + 1), endings.shape[1]]
        for first, last in pairwise(cuts):
            if last > first:
                rows = {name: values[play, first:last] for name, values in columns.items()}
                pieces.append(_piece(rows, int(ended[last - 1]), horizon))
    return pieces


def _piece(rows: Arrays, ending: int, horizon: int) -> SingleAgentEpisode:
    """Periods of one play, in a row."""
    seen = {name: np.concatenate([rows[name], rows[f"next_{name}"][-1:]]) for name in SEEN}
    acted = {"leader": rows["leader_action"], "mean": rows["mean_action"], "members": rows["actions"]}
    return piece(
        seen,
        acted,
        {"leader": rows["leader_reward"], "members": rows["rewards"]},
        terminated=ending not in (RUNNING, horizon),
        truncated=ending == horizon,
    )


def together(pieces: Sequence[SingleAgentEpisode]) -> Arrays:
    """Pieces end to end: their lengths and endings, and all they hold, by name."""
    rows = {
        "lengths": np.array([len(episode) for episode in pieces]),
        "terminated": np.array([episode.is_terminated for episode in pieces]),
        "truncated": np.array([episode.is_truncated for episode in pieces]),
    }
    for part in SEEN:
        rows[f"seen.{part}"] = np.concatenate([episode.observations.data[part] for episode in pieces])
    for part in ACTED:
        rows[f"acted.{part}"] = np.concatenate([episode.actions.data[part] for episode in pieces])
    paid = [(episode.rewards.data, episode.extra_model_outputs[MEMBER_REWARDS].data) for episode in pieces]
    return rows | {
        f"paid.{part}": np.concatenate(rewards) for part, rewards in zip(PAID, zip(*paid, strict=True), strict=True)
    }


def check_widths(pieces: Sequence[Arrays], game: PopulationGame, kept: int) -> None:
    """Refuse rows that are not of this game.

    Args:
        pieces: as in the state of a buffer; game: the rules; kept: members of a period that are held.

    Raises:
        ValueError: naming the rows.
    """
    (seen, own), (acted, done) = (
        (game.leader_space.shape, game.member_space.shape),
        (game.leader_actions.shape, game.member_actions.shape),
    )
    wanted: dict[str, tuple[int, ...]] = {
        "seen.leader": seen, "seen.mean": own, "seen.members": (kept, *own), "acted.leader": acted, "acted.mean": done,
        "acted.members": (kept, *done), "paid.leader": (), "paid.members": (kept,),
    }  # fmt: skip
    for rows in pieces:
        for name, shape in wanted.items():
            if rows[name].shape[1:] != shape:
                raise ValueError(f"{name} has rows of shape {rows[name].shape[1:]}, not {shape}")


def _refuse_unlike(rows: Arrays) -> None:
    lengths = rows["lengths"]
    periods, count = int(lengths.sum()), len(lengths)
    wanted = {f"seen.{part}": periods + count for part in SEEN}
    wanted |= {f"{kind}.{part}": periods for kind, parts in (("acted", ACTED), ("paid", PAID)) for part in parts}
    wanted |= {"terminated": count, "truncated": count}
    wrong = [name for name, number in wanted.items() if len(rows[name]) != number]
    if wrong or (lengths < 1).any() or lengths.ndim != 1:
        raise ValueError(f"pieces of plays with another number of rows: {wrong or 'lengths'}")
    infinite = [name for name, values in rows.items() if not np.isfinite(values).all()]
    if infinite:
        raise ValueError(f"{infinite[0]} has entries that are not finite")


def apart(rows: Arrays) -> list[SingleAgentEpisode]:
    """The inverse of `together`.

    Raises:
        ValueError: the rows are not of these pieces.
    """
    _refuse_unlike(rows)
    ends = np.concatenate([[0], np.cumsum(rows["lengths"])])
    pieces = []
    for number, (first, last) in enumerate(pairwise(ends)):
        # Before a piece, every piece has left one observation more than it has periods.
        seen = {part: rows[f"seen.{part}"][first + number : last + number + 1] for part in SEEN}
        acted = {part: rows[f"acted.{part}"][first:last] for part in ACTED}
        paid = {part: rows[f"paid.{part}"][first:last] for part in PAID}
        ended = bool(rows["terminated"][number]), bool(rows["truncated"][number])
        pieces.append(piece(seen, acted, paid, *ended))
    return pieces
