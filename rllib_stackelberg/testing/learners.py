"""`learner_test`: the contract every learner must pass, your own included."""

from __future__ import annotations

import pickle

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.followers.learner import Learner, UtilityLearner, draw_play, learner_from_parameters
from rllib_stackelberg.followers.trajectory import TrajectoryLearner
from rllib_stackelberg.testing.regrets import check_regret
from rllib_stackelberg.testing.seats import NO_DRAW, Seats, seats

ACTIONS = 3
SEQUENCE = 60
ENDURANCE = 10**6
"""Updates of one row that must leave it a mixed strategy."""

SCALES = (1e-12, 1.0, 1e12)
CLOSE = 1e-9
"""Sums taken in another order agree to this."""


def learner_test(learner: Learner, seed: int = 0) -> None:
    """Check a learner against the contract.

    - it pickles, and is rebuilt from its parameters; its traits, its regret bound and its patience are possible;
    - policies are on the simplex: payoffs of any size, all equal, a single action, a million updates;
    - equal payoffs of all actions do not move a learner that sees them all;
    - fresh rows are all alike and share nothing, whatever was learned before; same draws, same play; an update leaves
      the state that it is given as it was;
    - a batch of rows equals its rows one by one, bit for bit;
    - permuting actions permutes the policy;
    - a bandit learner does not see the payoffs of actions that it did not draw;
    - regret of the mixed strategies stays below the declared bound at every update against random, biased, switching
      and adaptive payoffs; that of a bandit learner on average over draws.

    Learners from experience are tested in plays of one move; what they make of the next one is their own.

    Args:
        learner: to test; seed: of payoffs and draws.

    Raises:
        AssertionError: naming what is broken.
    """
    rng = np.random.default_rng(seed)
    _check_description(learner)
    _check_bound(learner)
    _check_fresh_rows(learner, rng)
    _check_batches(learner, rng)
    _check_feedback(learner, rng)
    _check_simplex(learner, rng)
    _check_endurance(learner, rng)
    _check_permutations(learner, rng)
    check_regret(learner, rng)


def _check_description(learner: Learner) -> None:
    try:
        copy = pickle.loads(pickle.dumps(learner))
    except Exception as error:
        raise AssertionError(f"does not pickle: {error}") from error
    assert copy == learner, "is not itself after pickling"
    if Learner.registry.get(learner.traits.name) is type(learner):  # not a variant under its parent's name
        rebuilt = learner_from_parameters(learner.parameters())
        assert rebuilt == learner, f"its parameters build {rebuilt}"
    if isinstance(learner, TrajectoryLearner):
        assert 0 <= learner.patience <= 1, f"patience is {learner.patience}, not in [0, 1]"


def _check_bound(learner: Learner) -> None:
    updates = np.array([0.0, 1, 2, 10, 1_000, 10**6])
    for actions in (1, 2, 5):
        bound = learner.regret_bound(actions, updates, 1.0)
        assert np.shape(bound) == updates.shape, f"regret_bound of {updates.shape} updates has shape {np.shape(bound)}"
        assert (np.asarray(bound) >= 0).all(), f"regret_bound is {bound}"
        assert (bound[1:] >= bound[:-1]).all(), f"regret_bound falls with updates: {bound}"
        assert np.isfinite(bound).all() or not learner.traits.no_regret, (
            "traits declare no_regret, but regret_bound is infinite"
        )


def _drawn(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Payoffs `[..., ACTIONS]` and uniforms `[...]`."""
    return rng.random((*shape, ACTIONS)), rng.random(shape)


def _check_fresh_rows(learner: Learner, rng: np.random.Generator) -> None:
    begun = learner.start(ACTIONS).copy()
    learner.start(ACTIONS)[...] = 7.0
    assert np.array_equal(learner.start(ACTIONS), begun), "fresh rows share memory"
    sequence, uniforms = _drawn((SEQUENCE, 2), rng)
    rows = seats(learner, 2, ACTIONS)
    first = rows.play(sequence, uniforms)
    again = seats(learner, 2, ACTIONS)
    assert np.array_equal(again.numbers, np.tile(begun, (2, 1))), "fresh rows know what was learned before"
    assert np.array_equal(first, again.play(sequence, uniforms)), "the same payoffs and draws give other play"
    assert np.array_equal(rows.numbers, again.numbers), "the same payoffs and draws teach something else"
    if isinstance(learner, UtilityLearner):
        state = learner.begin((2,), ACTIONS)
        learner.update(state, sequence[0], np.zeros(2, dtype=np.int64))
        assert np.array_equal(state.numbers, np.tile(begun, (2, 1))), "update changes the state that it is given"


def _check_batches(learner: Learner, rng: np.random.Generator) -> None:
    sequence, uniforms = _drawn((SEQUENCE, 4), rng)
    batched = seats(learner, 4, ACTIONS).play(sequence, uniforms)
    for row in range(4):
        alone = seats(learner, 1, ACTIONS).play(sequence[:, [row]], uniforms[:, [row]])
        assert np.array_equal(batched[:, [row]], alone), "a batch of rows learns otherwise than its rows one by one"


def _check_simplex(learner: Learner, rng: np.random.Generator) -> None:
    sized = [(f"payoffs of size {scale:g}", rng.normal(size=(SEQUENCE, ACTIONS)) * scale) for scale in SCALES]
    equal = [(f"equal payoffs of {value:g}", np.full((SEQUENCE, ACTIONS), value)) for value in (0.7, 1e12)]
    names, sequences = zip(*sized, *equal, strict=True)
    rows = seats(learner, len(names), ACTIONS)
    policies = rows.play(np.stack(sequences, axis=1), rng.random((SEQUENCE, len(names))))
    for row, name in enumerate(names):
        _on_simplex(policies[:, row], name)
    if learner.traits.feedback == "full":
        still = policies[:, len(SCALES)]
        assert np.abs(still - still[0]).max() < CLOSE, "equal payoffs of all actions move the policy"
    single = seats(learner, 1, 1).play(rng.normal(size=(SEQUENCE, 1, 1)), rng.random((SEQUENCE, 1)))
    assert (single == 1).all(), "a single action is not played with certainty"
    if isinstance(learner, UtilityLearner):
        _check_expected_updates(learner, sized[1][1])


def _check_expected_updates(learner: Learner, sequence: NDArray[np.float64]) -> None:
    rows = seats(learner, 1, ACTIONS)
    for utilities in sequence:
        rows.learn(utilities, NO_DRAW)
        _on_simplex(rows.policy(), "an update without a draw")


def _check_endurance(learner: Learner, rng: np.random.Generator) -> None:
    rows, length = seats(learner, 1, ACTIONS), 1_000
    biased = rng.random((length, ACTIONS)) + np.arange(ACTIONS)  # the last is always best
    rows.endure(biased, rng.random(length), ENDURANCE // length)
    _on_simplex(rows.policy(), f"{ENDURANCE:,} updates")


def _on_simplex(policies: NDArray[np.float64], after: str) -> None:
    assert np.isfinite(policies).all(), f"the policy is not a number after {after}"
    assert (policies >= 0).all(), f"the policy leaves the simplex after {after}: {policies.min():.3g}"
    total = policies.sum(axis=-1)
    worst = total.flat[np.abs(total - 1).argmax()]
    assert abs(worst - 1) < CLOSE, f"the policy leaves the simplex after {after}: it sums to {worst:.12g}"


def _check_permutations(learner: Learner, rng: np.random.Generator) -> None:
    """Every action is drawn once before policies are compared: until then ties may go to the lowest index."""
    sequence, uniforms = _drawn((SEQUENCE, 1), rng)
    order = np.array([2, 0, 1])
    straight, permuted = seats(learner, 1, ACTIONS), seats(learner, 1, ACTIONS)
    for t, (utilities, uniform) in enumerate(zip(sequence, uniforms, strict=True)):
        policy = straight.policy()
        if t >= ACTIONS:
            difference = np.abs(permuted.policy() - policy[:, order]).max()
            assert difference < CLOSE, f"permuting actions does not permute the policy: they differ by {difference:.3g}"
        drawn = draw_play(policy, uniform) if t >= ACTIONS else np.array([t])
        straight.learn(utilities, drawn)
        permuted.learn(utilities[:, order], np.array([int(np.flatnonzero(order == drawn[0])[0])]))


def _check_feedback(learner: Learner, rng: np.random.Generator) -> None:
    if learner.traits.feedback == "full":
        return
    sequence, uniforms = _drawn((SEQUENCE, 1), rng)
    given, changed = seats(learner, 1, ACTIONS), seats(learner, 1, ACTIONS)
    for utilities, uniform in zip(sequence, uniforms, strict=True):
        drawn = draw_play(given.policy(), uniform)
        others = rng.random((1, ACTIONS))
        others[0, drawn] = utilities[0, drawn]
        given.learn(utilities, drawn)
        changed.learn(others, drawn)
        assert _same(given, changed), (
            "traits declare bandit feedback, but payoffs of actions not drawn change what it keeps"
        )


def _same(first: Seats, second: Seats) -> bool:
    return np.array_equal(first.numbers, second.numbers)
