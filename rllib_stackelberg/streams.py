"""Random numbers: one tree of counter-based streams for a whole run.

A table of uniforms is a pure function of (run seed, purpose, worker, env, stream, episode): nothing that is
played, and nothing that another environment does, can shift it. That is what makes the two ways of asking
the leader, any batch size and any number of workers give the same followers.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import brief


class Purpose(IntEnum):
    """What a run draws numbers for; one subtree of the seed each."""

    TRAINING = 0
    SELECTION = 1  # choosing the best snapshot
    REPORT = 2  # the value that is reported
    ONLINE = 4  # leader and follower learn as they play


class Stream(IntEnum):
    """What an episode draws numbers for."""

    RESPONSE = 0
    REWARD = 1
    TRANSITIONS = 3  # which rows of a batch are learned from
    DEVIATION = 4
    MODEL = 5  # which model followers respond by
    REPLAY = 6  # which old answers are learned from again
    NATURE = 7  # types and chance moves of online play
    REWARD_NOISE = 8
    LEADER = 9  # what an online learner in the leader's seat draws
    FOLLOWER = 10
    MEMBERS = 11  # which members of a population are learned from
    MINIBATCHES = 12  # in which order rows of a batch are learned from
    CUTS = 13  # after how many periods a play of a population is cut off


def environment_seed(run: int, purpose: Purpose = Purpose.TRAINING, worker: int = 0) -> int:
    """Seed of an environment that draws its own numbers: others on other workers, whatever seeds they are handed.

    >>> environment_seed(7, worker=1) == environment_seed(8, worker=0)
    False
    """
    sequence = np.random.SeedSequence(run, spawn_key=(int(purpose), worker))
    return int(sequence.generate_state(1, np.uint32)[0])


def check_seed(seed: int) -> int:
    """A seed.

    Raises:
        InvalidFieldError: it is negative, or has more than 128 bits.
    """
    if not 0 <= seed < 2**128:
        raise InvalidFieldError("seed", f"got {brief(seed)}", "an integer from 0, of up to 128 bits")
    return int(seed)


class Streams:
    """Uniforms of one worker of a run.

    >>> first, again = Streams(run=7), Streams(run=7)
    >>> bool((first.uniforms(3, 0, Stream.REWARD, (2,)) == again.uniforms(3, 0, Stream.REWARD, (2,))).all())
    True
    """

    def __init__(self, run: int, purpose: Purpose = Purpose.TRAINING, worker: int = 0):
        self.run = check_seed(run)
        self.purpose = purpose
        self.worker = int(worker)
        self._keys: dict[tuple[int, int], NDArray[np.uint64]] = {}

    def uniforms(self, env: int, episode: int, stream: Stream, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Uniforms in [0, 1) of one episode of one environment."""
        return self.generator(env, episode, stream).random(shape)

    def uniforms_of(
        self, episodes: Sequence[tuple[int, int]], stream: Stream, shape: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """As `uniforms` of each of many (environment, episode), by one generator: making one takes longer than a few
        hundred draws.

        >>> streams = Streams(run=7)
        >>> both = streams.uniforms_of([(3, 0), (1, 5)], Stream.REWARD, (2,))
        >>> bool((both[1] == streams.uniforms(1, 5, Stream.REWARD, (2,))).all())
        True
        """
        found = np.empty((len(episodes), *shape))
        bits = np.random.Philox(key=0)
        generator, state = np.random.Generator(bits), bits.state
        for own, (env, episode) in zip(found, episodes, strict=True):
            state["state"]["key"], state["state"]["counter"] = self._key(env, stream), _first_draw(episode)
            bits.state = state
            generator.random(out=own)
        return found

    def generator(self, env: int, episode: int, stream: Stream) -> np.random.Generator:
        """Where those uniforms come from, to be drawn a stretch at a time."""
        bits = np.random.Philox(key=self._key(env, stream), counter=_first_draw(episode))
        return np.random.Generator(bits)

    def _key(self, env: int, stream: Stream) -> NDArray[np.uint64]:
        key = self._keys.get((env, stream))
        if key is None:
            sequence = np.random.SeedSequence(
                self.run, spawn_key=(int(self.purpose), self.worker, int(env), int(stream))
            )
            key = self._keys[env, stream] = sequence.generate_state(2, np.uint64).astype(np.uint64)
        return key


def _first_draw(episode: int) -> NDArray[np.uint64]:
    """Where a generator's counter stands: it counts in the low words; an episode owns a block of 2^192 draws."""
    return np.array([0, 0, 0, episode], dtype=np.uint64)


def replay_generator(run: int) -> np.random.Generator:
    """For a buffer that draws its own numbers.

    >>> float(replay_generator(7).random()) == float(replay_generator(7).random()) != replay_generator(8).random()
    True
    """
    return np.random.default_rng(np.random.SeedSequence(run, spawn_key=(int(Purpose.TRAINING), 0, 0, Stream.REPLAY)))


def step_generator(play: int, step: int) -> np.random.Generator:
    """Numbers of one step of one play, the same whoever draws them and however often it is played again.

    >>> float(step_generator(7, 2).random()) == float(step_generator(7, 2).random()) != step_generator(7, 3).random()
    True
    """
    return np.random.Generator(np.random.Philox(key=play % 2**128, counter=np.array([0, 0, 0, step], dtype=np.uint64)))
