"""Channels: what is heard, how often, and what that carries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rllib_stackelberg.economics.channels import Channel
from rllib_stackelberg.errors import InvalidFieldError


def heard(channel, letter, draws=100_000):
    """Frequencies of heard letters."""
    chance = channel.chance
    moves = chance.values(chance.draw(np.random.default_rng(0).random((draws, 1))))[:, 0] if channel.noise else 0
    return np.bincount(channel.hear(np.full(draws, letter), moves), minlength=channel.heard_letters) / draws


@given(st.integers(2, 5), st.floats(0.01, 0.99), st.sampled_from(["symmetric", "erasure"]))
def test_capacity_is_the_mutual_information_at_uniform_input(letters, noise, kind):
    """Independent: I(X; Y) from the transition matrix; both channels reach capacity at uniform input."""
    channel = Channel(letters, noise, kind)
    matrix = np.zeros((letters, channel.heard_letters))
    (chances,) = channel.chance.blocks
    for sent in range(letters):
        for move, probability in enumerate(chances):
            matrix[sent, int(channel.hear(np.array([sent]), np.array([move]))[0])] += probability
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    joint = matrix / letters
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    positive = joint > 0
    information = (joint[positive] * np.log2(joint[positive] / product[positive])).sum()
    assert channel.capacity == pytest.approx(information, abs=1e-9)


def test_noise_has_its_frequency():
    np.testing.assert_allclose(heard(Channel(3, 0.3), 1), [0.15, 0.7, 0.15], atol=0.01)
    np.testing.assert_allclose(heard(Channel(2, 0.3, "erasure"), 1), [0, 0.7, 0.3], atol=0.01)
    np.testing.assert_array_equal(heard(Channel(2), 1, draws=10), [0, 1])


@pytest.mark.parametrize(("letters", "noise", "field"), [(1, 0.1, "messages"), (2, -0.1, "noise"), (2, 1.1, "noise")])
def test_what_no_channel_can_be_is_refused(letters, noise, field):
    with pytest.raises(InvalidFieldError) as caught:
        Channel(letters, noise)
    assert caught.value.field == field
