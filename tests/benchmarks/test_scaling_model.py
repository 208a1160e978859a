"""The model behind the scaling table: Amdahl's law where it must be, and the limit where the two parts cross."""

import pytest

from tests.benchmarks.scaling import Costs, line, table

COSTS = Costs(round=0.0, episode=0.01, move=0.0, learn=0.001, step=0.028, broadcast=0.0)


def test_without_costs_that_grow_it_is_amdahls_law():
    parallel, serial = 1.28, 0.156
    for runners in (1, 2, 8, 512):
        speedup = COSTS.iteration(1, 128) / COSTS.iteration(runners, 128)
        share = serial / (serial + parallel)
        assert speedup == pytest.approx(1 / (share + (1 - share) / runners))


def test_the_limit_is_where_sampling_becomes_the_smaller_part():
    # 1.28 / r < .156 from r = 9 on; with a batch that grows, 1.28 < .028 + .128 r from r = 10 on.
    assert COSTS.learner_limit(128, grows=False) == 9
    assert COSTS.learner_limit(128, grows=True) == 10
    assert Costs(1.0, 0.01, 0.0, 0.0, 0.0, 0.0).learner_limit(128, grows=True) is None
    assert "from 9 runners on" in table(COSTS, 128)


def test_a_broadcast_to_every_runner_makes_more_of_them_slower():
    costly = Costs(0.0, 0.01, 0.0, 0.001, 0.028, 0.005)
    assert costly.iteration(512, 128) > costly.iteration(8, 128)


def test_a_line_through_two_points():
    assert line((32, 128), (1.32, 2.28)) == pytest.approx((1.0, 0.01))
    assert line((32, 128), (1.0, 0.9)) == (1.0, 0.0)
