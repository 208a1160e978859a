"""Which rows of step-by-step training reach the loss: all of the reward phase, a share of the response phase.

The phase of a row is known here from its place in its episode, not from what the observation says. The critic is
local: it is not what says which phase a row is of.
"""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.evaluation.postprocessing import Postprocessing

from rllib_stackelberg import leader_config
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.training.leaders.learners import LeaderPPOLearner

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]

UPDATES, TYPES, ENVS = 6, 2, 32
RESPONSE = UPDATES * 2
"""Rows of a response phase: an update plays each of the follower's two messages."""
REWARD = TYPES
PROBLEM = {
    "game": "simple-allocation",
    "game_config": {"types": TYPES, "messages": 2},
    "leader_queries": "every_turn",
    "response_updates": UPDATES,
    "critic": "local",
}
COLUMNS = (Columns.ACTIONS, Columns.ACTION_LOGP, Columns.REWARDS, Postprocessing.VALUE_TARGETS)


class Watching(LeaderPPOLearner):
    """Keeps every batch that reaches the loss."""

    def compute_loss_for_module(self, *, batch, **kwargs):
        self.seen.append(batch)
        return super().compute_loss_for_module(batch=batch, **kwargs)


def configured(share, seed=0):
    config = leader_config("PPO", response_transitions=share, seed=seed, **PROBLEM)
    config.env_runners(num_envs_per_env_runner=ENVS)
    return config.learners(learner_class=Watching).training(num_epochs=2, train_batch_size_per_learner=ENVS * 7)


@pytest.fixture(scope="module")
def sampled(ray_local):
    """Complete episodes, and pieces that begin or end in the middle of either phase; with the weights they go with."""
    algo = configured(1.0).build_algo()
    try:
        learner = algo.learner_group._learner
        pieces = [algo.env_runner.sample(num_timesteps=ENVS * steps) for steps in (20, 7, 13)]
        yield SimpleNamespace(
            episodes=[episode for part in pieces for episode in part],
            state=learner.get_state(),
            spaces=algo.env_runner.get_spaces(),
        )
    finally:
        algo.stop()


@pytest.fixture(scope="module")
def whole(sampled):
    """The batches of an update in which nothing is dropped."""
    return learn(sampled, 1.0)[0]


def learn(sampled, share, episodes=None, seed=0, times=1):
    """The batches of each update that reached the loss, and the learner."""
    learner = configured(share, seed).build_learner(spaces=sampled.spaces)
    learner.set_state(copy.deepcopy(sampled.state))
    learner.seen = []
    for _ in range(times):
        learner.update(episodes=copy.deepcopy(sampled.episodes if episodes is None else episodes), num_epochs=2)
    return learner.seen, learner


def in_reward_phase(episodes):
    return np.concatenate([np.arange(e.t_started, e.t_started + len(e)) >= RESPONSE for e in episodes])


def keys(batch):
    """Each row of a batch as bytes, advantages left out."""
    columns = [batch[name] for name in COLUMNS] + [batch[Columns.OBS][name] for name in ("actor", "critic", "phase")]
    rows = [column.detach().numpy().reshape(len(column), -1).astype(np.float32) for column in columns]
    return [row.tobytes() for row in np.concatenate(rows, axis=1)]


def test_pieces_begin_and_end_in_both_phases(sampled):
    """What makes the tests below mean something."""
    starts = {e.t_started for e in sampled.episodes}
    ends = {e.t_started + len(e) for e in sampled.episodes}
    assert max(ends) == RESPONSE + REWARD
    assert {start >= RESPONSE for start in starts} == {True, False}
    assert {end <= RESPONSE for end in ends} == {True, False}


def test_without_dropping_every_real_row_is_learned_from(sampled, whole):
    assert len(whole) == 2  # one step an epoch
    for batch in whole:
        assert len(batch[Columns.REWARDS]) == sum(map(len, sampled.episodes))
    phases = whole[0][Columns.OBS]["phase"][:, 0].numpy() == 1
    np.testing.assert_array_equal(phases, in_reward_phase(sampled.episodes))


def test_at_zero_exactly_the_reward_phase_is_left(sampled, whole):
    batches, _ = learn(sampled, 0.0)
    reward = np.flatnonzero(in_reward_phase(sampled.episodes))
    rows = keys(whole[0])
    wanted = [rows[k] for k in reward]
    assert len(batches) == 2
    for batch in batches:
        assert keys(batch) == wanted


def test_a_share_of_the_response_phase_is_left_with_its_value_targets(sampled, whole):
    (batch, again), _ = learn(sampled, 0.1)
    reward = in_reward_phase(sampled.episodes)
    rows, kept = keys(whole[0]), keys(batch)
    assert kept == keys(again)
    # In order, nothing twice, every row of the reward phase among them: which rows were kept is then unique.
    places, k = [], 0
    for place, row in enumerate(rows):
        if k < len(kept) and row == kept[k] and (reward[place] or batch[Columns.OBS]["phase"][k] == 0):
            places.append(place)
            k += 1
    assert k == len(kept)
    assert set(np.flatnonzero(reward)) <= set(places)
    candidates = int((~reward).sum())
    expected, spread = 0.1 * candidates, (candidates * 0.1 * 0.9) ** 0.5
    assert abs(len(kept) - reward.sum() - expected) < 4 * spread


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_advantages_are_standardised_over_what_is_left(sampled, whole, share):
    (batch, _), _ = learn(sampled, share)
    advantages = batch[Postprocessing.ADVANTAGES]
    assert float(advantages.mean()) == pytest.approx(0, abs=1e-5)
    assert float(advantages.std(unbiased=False)) == pytest.approx(1, abs=1e-4)
    if share == 0:  # the same advantages but for place and scale
        before = whole[0][Postprocessing.ADVANTAGES][torch.from_numpy(in_reward_phase(sampled.episodes))]
        centred = (before - before.mean()) / before.std(unbiased=False)
        np.testing.assert_allclose(advantages, centred, atol=1e-4)


def test_the_same_seed_drops_the_same_rows_and_each_batch_others(sampled):
    first, learner = learn(sampled, 0.5, times=2)
    second, _ = learn(sampled, 0.5, times=2)
    other, _ = learn(sampled, 0.5, seed=1)
    shown = [[row.tobytes() for row in batch[Columns.OBS]["phase"].numpy()] for batch in (first[0], first[2])]
    assert [keys(batch) for batch in first] == [keys(batch) for batch in second]
    assert keys(first[0]) != keys(other[0])
    assert shown[0] != shown[1]
    assert learner.get_state()["batches"] == 2


def test_a_batch_of_which_nothing_is_left_changes_nothing(sampled):
    early = [e for e in sampled.episodes if e.t_started + len(e) <= RESPONSE]
    batches, learner = learn(sampled, 0.0, early)
    assert batches == []
    for name, value in learner.module.get_state()["default_policy"].items():
        np.testing.assert_array_equal(value, sampled.state["rl_module"]["default_policy"][name])


def test_training_goes_on_through_empty_batches():
    """Seven rows of each environment are a batch: the reward phase is in every second one."""
    algo = configured(0.0).build_algo()
    try:
        algo.learner_group.foreach_learner(lambda learner: setattr(learner, "seen", []))
        for _ in range(4):
            algo.train()
        batches = algo.learner_group._learner.seen
    finally:
        algo.stop()
    assert len(batches) == 4  # two updates of two epochs
    assert all((batch[Columns.OBS]["phase"] == 1).all() for batch in batches)
    assert sum(len(batch[Columns.REWARDS]) for batch in batches[::2]) == 2 * ENVS * REWARD


@pytest.mark.parametrize(
    "settings",
    [
        {"response_transitions": 1.5, "leader_queries": "every_turn"},
        {"response_transitions": -0.1, "leader_queries": "every_turn"},
        {"response_transitions": float("nan"), "leader_queries": "every_turn"},
        {"response_transitions": 0.5},
        {"response_transitions": 0.5, "leader_queries": "every_turn", "algorithm": "APPO"},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_by_name(settings):
    with pytest.raises(InvalidFieldError, match="response_transitions"):
        leader_config(game="simple-allocation", **settings)
