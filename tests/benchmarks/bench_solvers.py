"""Exact solvers of commitments against HiGHS's own time and against each other, same run, one core.

`python -m pytest tests/benchmarks/bench_solvers.py -s`

A bimatrix game of 200 rows and columns, uniform payoffs, beside what HiGHS itself takes for its programmes (reading
them and all of Python left out), one for each column as Conitzer & Sandholm (2006) have it: a tenth of the columns is
timed, and multiplied. Then Bayesian games with equally likely types: DOBSS's domain (Paruchuri et al. 2008: routes past
two of some houses, types of robber), and uniform payoffs of 10 rows and columns, where nothing that one type does says
anything of another. Printed are seconds; a search that is not through in two minutes says what may be left to gain.
"""

import time

import numpy as np
import pytest

from rllib_stackelberg.commitment.bayesian import METHODS
from rllib_stackelberg.commitment.typed_payoffs import TypedPayoffs
from rllib_stackelberg.solvers import mixed_commitment_solve
from tests.commitment.test_bayesian import patrol

SIZE, SAMPLED = 200, 20
CASES = {
    "DOBSS's domain, 4 houses, 14 types": (4, 14),
    "DOBSS's domain, 5 houses, 14 types": (5, 14),
    "uniform 10 x 10, 4 types": (None, 4),
    "uniform 10 x 10, 6 types": (None, 6),
    "uniform 10 x 10, 8 types": (None, 8),
    "uniform 10 x 10, 14 types": (None, 14),
}
COMPARED = ("branch-and-bound", "dobss")
TIMES: dict[str, dict[str, str]] = {}


@pytest.fixture(scope="module", autouse=True)
def table():
    yield
    print(f"\n\n{'seconds':38s}" + "".join(f"{name:>24s}" for name in COMPARED))
    for name, times in TIMES.items():
        print(f"{name:38s}" + "".join(f"{times.get(method, ''):>24s}" for method in COMPARED))


def column_programme(highspy, leader, follower, column):
    """HiGHS's model of the programme of one column."""
    advantages = np.delete(follower - follower[:, [column]], column, axis=1).T
    model, rows = highspy.Highs(), len(leader)
    model.setOptionValue("output_flag", False)
    for payoff in leader[:, column].tolist():
        model.addCol(-payoff, 0.0, 1.0, 0, [], [])
    every = np.arange(rows, dtype=np.int32)
    for advantage in advantages:
        model.addRow(-highspy.kHighsInf, 0.0, rows, every, advantage)
    model.addRow(1.0, 1.0, rows, every, np.ones(rows))
    return model


def test_a_bimatrix_game_against_highs():
    highspy = pytest.importorskip("highspy")
    leader, follower = np.random.default_rng(0).random((2, SIZE, SIZE))
    mixed_commitment_solve(leader[:30, :30], follower[:30, :30])  # what is compiled is compiled
    start = time.perf_counter()
    found = mixed_commitment_solve(leader, follower)
    own = time.perf_counter() - start
    assert found.certain
    highs, best = 0.0, -np.inf
    for column in range(0, SIZE, SIZE // SAMPLED):
        model = column_programme(highspy, leader, follower, column)
        start = time.perf_counter()
        model.run()
        highs += time.perf_counter() - start
        if model.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            best = max(best, -model.getObjectiveValue())
    assert best <= found.leader_value + 1e-7
    highs *= SIZE / SAMPLED
    print(f"\nbimatrix {SIZE} x {SIZE}: {own:.2f} s; HiGHS's own {highs:.2f} s; ratio {own / highs:.3f}")


def drawn(houses, types):
    """Payoffs `[types, rows, columns]` of both sides."""
    rng = np.random.default_rng(types)
    return rng.random((2, types, 10, 10)) if houses is None else patrol(rng, houses, types)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", COMPARED)
def test_bayesian_games(name, method):
    houses, types = CASES[name]
    if method == "dobss" and houses is None and types > 4:
        pytest.skip("takes minutes")
    leader, follower = drawn(houses, types)
    game = TypedPayoffs.of([leader], [follower])
    start = time.perf_counter()
    found = METHODS[method](game)
    seconds = time.perf_counter() - start
    TIMES.setdefault(name, {})[method] = f"{seconds:.1f}" + ("" if found.certain else " (not through)")
