import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.priors import Prior, prior_from

sizes = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@given(sizes, st.integers(0, 10))
def test_support_is_the_outer_product(counts, seed):
    rng = np.random.default_rng(seed)
    distributions = [rng.dirichlet(np.ones(k)) for k in counts]
    values, probabilities = Prior.independent(*distributions).support()
    expected = distributions[0]
    for distribution in distributions[1:]:
        expected = np.multiply.outer(expected, distribution)
    assert len(values) == expected.size
    np.testing.assert_allclose(probabilities, [expected[tuple(v)] for v in values], rtol=1e-12)


def test_more_columns_than_an_array_has_axes():
    """Sixty-four followers of one type each, and a chance move."""
    values, probabilities = Prior.product(Prior.uniform(*[1] * 64), Prior.uniform(2), Prior.uniform(3)).support()
    assert values.shape == (6, 66)
    assert values[:, 64:].tolist() == [[a, b] for a in range(2) for b in range(3)]
    np.testing.assert_allclose(probabilities, 1 / 6)


def test_draw_has_the_prior_frequencies_also_under_correlation():
    joint = np.array([[0.4, 0.1, 0.0], [0.0, 0.2, 0.3]])
    prior = Prior.joint(joint)
    values = prior.values(prior.draw(np.random.default_rng(0).random((200_000, 1))))
    counts = np.zeros_like(joint)
    np.add.at(counts, tuple(values.T), 1 / len(values))
    assert np.abs(counts - joint).max() < 5 * np.sqrt(0.25 / 200_000)
    assert (counts[joint == 0] == 0).all()


@given(st.integers(0, 100))
def test_index_points_into_the_support(seed):
    prior = Prior.product(Prior.joint([[0.5, 0.0], [0.25, 0.25]]), Prior.uniform(3))
    cells = prior.draw(np.random.default_rng(seed).random((20, 2)))
    values, _ = prior.support()
    assert prior.size == len(values) == 9
    np.testing.assert_array_equal(values[prior.index(cells)], prior.values(cells))


def test_marginals():
    prior = Prior.product(Prior.uniform(2), Prior.joint([[0.5, 0.0], [0.25, 0.25]]))
    np.testing.assert_allclose(prior.marginal(1), [0.5, 0.5])
    np.testing.assert_allclose(prior.marginal(2), [0.75, 0.25])


@pytest.mark.parametrize("bad", [[0.5, 0.4], [1.5, -0.5], [np.nan, 1.0], []])
def test_what_is_no_distribution_is_refused_by_name(bad):
    with pytest.raises(InvalidFieldError, match="prior"):
        Prior.joint(bad)


def test_a_prior_of_the_wrong_shape_is_refused():
    with pytest.raises(InvalidFieldError, match="shape"):
        prior_from("prior", [[0.5, 0.5]], (2, 2))


def test_equally_likely_values_are_drawn_as_by_their_distribution_function():
    """To the bit, also next to its steps."""
    rng = np.random.default_rng(0)
    for size in (65, 100, 1000, 4093):
        prior = Prior.uniform(size)
        steps = np.cumsum(prior.blocks[0])[:-1]
        around = np.concatenate(
            [steps, np.nextafter(steps, 0), np.nextafter(steps, 1), rng.random(10_000), [0, 1 - 2**-53]]
        )
        drawn = prior.draw(around[:, None])[:, 0]
        np.testing.assert_array_equal(drawn, np.searchsorted(steps, around, side="right"))


@pytest.mark.parametrize("zero", [False, True])
def test_many_draws_of_many_blocks_are_those_of_each_alone(zero, monkeypatch):
    """To the bit, next to the steps of a block, too; a value that cannot be is never drawn."""
    monkeypatch.setattr("rllib_stackelberg.rules.priors.TOGETHER", 100)
    rng = np.random.default_rng(1)
    blocks = [own / own.sum() for own in rng.random((7, 5)) * (1 - zero * np.eye(5)[1])]
    prior = Prior.independent(*blocks)
    steps = np.array([np.cumsum(own[own > 0])[:-1] for own in blocks]).T
    uniforms = np.concatenate([steps, np.nextafter(steps, 0), np.nextafter(steps, 1), rng.random((500, 7))])
    values = prior.values(prior.draw(uniforms.reshape(-1, 1, 7))).reshape(-1, 7)
    for column, own in enumerate(blocks):
        possible = np.flatnonzero(own)
        drawn = np.searchsorted(steps[:, column], uniforms[:, column], side="right")
        np.testing.assert_array_equal(values[:, column], possible[drawn])
        assert set(values[:, column]) == set(possible)
