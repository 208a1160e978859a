"""What online play comes to: numbers, intervals, curves."""

import numpy as np
import pytest
from scipy import stats

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online.options import OnlineOptions
from rllib_stackelberg.online.results import curves_data, half_width, result_data

G1 = {"leader": [[0.7, 0.1], [0.5, 0.2]], "follower": [[0.3, 0.2], [0.9, 0.1]]}


def options(**changes):
    given = {"game": "bimatrix", "params": G1, "leader": "UCBE", "follower": "FBM", "rounds": 400, "seeds": 3}
    return OnlineOptions.checked(**given | changes)


@pytest.fixture(scope="module")
def run():
    made = options()
    return made, made.run()


def test_a_result_says_what_was_played(run):
    made, record = run
    found = result_data(record, made.arena)
    shares = np.array(found["last_frequencies"])
    means = made.arena.means
    assert shares.sum() == pytest.approx(1)
    for k, player in enumerate(("leader", "follower")):
        assert found[f"{player}_average"] == pytest.approx(record.payoffs[..., k].mean())
        assert found["last_average"][player] == pytest.approx((shares * means[..., k]).sum())
        assert found["estimation_error"][player] is None
    assert found["regret"]["leader"] == pytest.approx(400 * (0.7 - found["leader_average"]))
    assert found["equilibrium"] == {"leader": 0.7, "follower": 0.3}
    assert found["manipulation"] == {"leader": 0.5, "follower": 0.9}
    assert found["noise"] == "bernoulli"
    assert found["last_rounds"] == 40


def test_intervals_are_those_of_student():
    values = np.random.default_rng(0).normal(size=(6, 2))
    low, high = stats.t.interval(0.95, 5, loc=values.mean(axis=0), scale=stats.sem(values, axis=0))
    np.testing.assert_allclose(values.mean(axis=0) - half_width(values), low)
    np.testing.assert_allclose(values.mean(axis=0) + half_width(values), high)
    assert np.isnan(half_width(values[:1])).all()


def test_curves_end_where_the_run_does(run):
    made, record = run
    curves, found = curves_data(record), result_data(record, made.arena)
    assert set(curves) == {"leader_average", "follower_average", "leader_regret", "follower_regret"}
    for name, curve in curves.items():
        assert len({len(values) for values in curve.values()}) == 1
        assert len(curve["rounds"]) <= 300
        assert (curve["rounds"][0], curve["rounds"][-1]) == (1, 400)
        player, _, measure = name.partition("_")
        last = found[name] if measure == "average" else found["regret"][player]
        width = found[f"{measure}_error"][player]
        assert curve["mean"][-1] == pytest.approx(last)
        assert curve["high"][-1] - curve["mean"][-1] == pytest.approx(width)


BAD = [
    ({"rounds": 0}, "rounds"),
    ({"seeds": 0}, "seeds"),
    ({"seed": -1}, "seed"),
    ({"rounds": 10**6, "seeds": 1000}, "rounds"),
    ({"leader": "FBM"}, "leader"),
    ({"leader": "UCBE:bonus=many"}, "leader.bonus"),
    ({"follower": "EXP3"}, "follower"),
    ({"game": "simple-allocation", "params": {}}, "game"),
    ({"game": "escape", "params": {"mixed": True}}, "leader"),
    ({"game": "escape", "params": {"mixed": True}, "noise": "bernoulli"}, "noise"),
    ({"noise": "gaussian"}, "noise"),
]


@pytest.mark.parametrize(("changes", "field"), BAD, ids=str)
def test_bad_options_are_refused_by_name(changes, field):
    with pytest.raises(InvalidFieldError, match=rf"^{field}: .*allowed"):
        options(**changes)
