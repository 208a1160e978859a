"""The same problems solved by other libraries, in turns in one process on one core: how many times as fast this one is.

`python -m pytest tests/benchmarks/bench_peers.py -s` (extra `peers`: open_spiel, pygambit, quantecon; two minutes)

- counterfactual regret minimisation of OpenSpiel (C++) beside expected updates of regret matching, and its external
  sampling beside sampled updates by look-up: a zero-sum game of two followers with three actions each. An iteration of
  CFR walks the tree once per player; an update here changes both players, too. External sampling here is of 512 leader
  episodes at a time, as training has them.
- optimal mixed commitment of n x n games with uniform payoffs: every program by QuantEcon's compiled simplex, and by
  HiGHS (scipy).
- all pure equilibria of n x n games: pygambit and QuantEcon.
- with `--released PATH`, a checkout of the paper's released code (released.py says what it has to offer): a single
  leader episode whose followers' updates are all played.

Both sides must come to the same value before they are timed (but for the last). Printed are the least of the rounds,
which are taken in turns, their ratio (above 1: this library is faster), and how far rounds of either spread (largest
over smallest); above them where and when, and the versions of all that took part. `--record` writes the table into
tuned_examples/results, which the documentation shows.
"""

import time

import numpy as np
import pytest
from scipy.optimize import linprog

from rllib_stackelberg import LeaderSettings, RegretMatching, make_game
from rllib_stackelberg.evaluation.estimates import consult
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.response.phase import draws
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.solvers import equilibria, mixed_commitment_solve
from rllib_stackelberg.streams import Stream, Streams
from tests.benchmarks.records import RESULTS, circumstances, text_of, written
from tests.benchmarks.released import GAMES, checkout, updates_per_second
from tests.games_for_tests import leader_table

ROUNDS = 7
PACKAGES = ("numpy", "scipy", "numba", "open_spiel", "pygambit", "quantecon")
ROWS: list[dict[str, str | float]] = []
ABOUT = """The same problems solved by other libraries, in turns in one process on one core, by
`python -m pytest tests/benchmarks/bench_peers.py --record`. A ratio above 1: this library is faster. Times are the
least of seven rounds, in microseconds; spread is the longest round over the shortest, of ours and of the peer's."""


@pytest.fixture(scope="module", autouse=True)
def rows(request):
    yield
    where = circumstances(PACKAGES)
    print(f"\n\n{text_of(ROWS, where)}")
    if request.config.getoption("--record"):
        written(RESULTS, "peers", "Beside other libraries", ABOUT, ROWS, where)


def beside(problem, peer, ours, theirs, units=1.0, peers_units=1.0):
    """Time both in turns; `units` are how many of what is counted a call does."""
    seconds = np.array([[timed(ours) / units, timed(theirs) / peers_units] for _ in range(ROUNDS)])
    (own, other), spread = seconds.min(axis=0), seconds.max(axis=0) / seconds.min(axis=0)
    noted(problem, peer, own, other, spread)


def noted(problem, peer, own, other, spread):
    """A row of the table, from seconds."""
    times = {"ours, us": 1e6 * own, "peer, us": 1e6 * other, "ratio": other / own}
    spreads = {"spread of ours": spread[0], "spread of peer": spread[1]}
    ROWS.append({"problem": problem, "peer": peer} | {name: float(x) for name, x in (times | spreads).items()})


def timed(call):
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def zero_sum(n):
    """Payoffs of the first of two players."""
    return np.random.default_rng(n).random((n, n))


def minimax(payoffs):
    """Of a zero-sum game, by a linear program."""
    rows, columns = payoffs.shape
    found = linprog(
        [0] * rows + [-1], np.column_stack([-payoffs.T, np.ones(columns)]), np.zeros(columns),
        [[1] * rows + [0]], [1], [(0, None)] * rows + [(None, None)],
    )  # fmt: skip
    return -found.fun


def followers_game(first, second):
    """Two followers of a leader who has one strategy."""
    payoffs = np.stack([np.zeros_like(first), first, second], axis=-1)[None]
    game = make_game("normal-form", payoffs=payoffs.tolist())
    return game, tabulate(game, np.zeros((1, 1, 1)))


def average_value(response, payoffs):
    rows, columns = (policy[0, 0] for policy in response.policies("average"))
    return rows @ payoffs @ columns


def test_counterfactual_regret_minimisation():
    pyspiel = pytest.importorskip("pyspiel")
    payoffs, updates = zero_sum(3), 10_000
    game, table = followers_game(payoffs, -payoffs)
    tree = pyspiel.convert_to_turn_based(pyspiel.create_matrix_game(payoffs.tolist(), (-payoffs).tolist()))
    solver, episodes = pyspiel.CFRSolver(tree), np.zeros(1, dtype=np.int64)

    def ours():
        response = Response(game, (RegretMatching(),), 1)
        response.learn_expected(table, episodes, updates)
        return response

    def theirs():
        for _ in range(updates // 10):
            solver.evaluate_and_update_policy()

    theirs()
    assert average_value(ours(), payoffs) == pytest.approx(minimax(payoffs), abs=0.01)
    policy = [solver.average_policy().action_probabilities(state) for state in information_sets(tree)]
    own, other = (np.array([each.get(k, 0.0) for k in range(3)]) for each in policy)
    assert own @ payoffs @ other == pytest.approx(minimax(payoffs), abs=0.01)
    beside("CFR, an iteration", "OpenSpiel CFRSolver", ours, theirs, updates, updates // 10)


def information_sets(tree):
    """A state of each player, of a game in which one moves after the other unseen."""
    first = tree.new_initial_state()
    return first, first.child(first.legal_actions()[0])


def test_external_sampling():
    pyspiel = pytest.importorskip("pyspiel")
    payoffs, updates, episodes = zero_sum(3), 2_000, 512
    game, table = followers_game(payoffs, -payoffs)
    tree = pyspiel.convert_to_turn_based(pyspiel.create_matrix_game(payoffs.tolist(), (-payoffs).tolist()))
    solver = pyspiel.ExternalSamplingMCCFRSolver(tree, seed=1, avg_type=pyspiel.MCCFRAverageType.SIMPLE)
    rows = np.arange(episodes)
    cells, uniforms = draws(game, Streams(0), Stream.RESPONSE, updates, [(int(row), 0) for row in rows])
    nature, response = game.nature.index(cells), Response(game, (RegretMatching(),), episodes)

    def ours():
        response.restart(rows)
        response.learn_from_table(table, rows, nature, uniforms)

    def theirs():
        for _ in range(updates):
            solver.run_iteration()

    ours()
    assert average_value(response, payoffs) == pytest.approx(minimax(payoffs), abs=0.05)
    beside("external sampling, an iteration", "OpenSpiel (C++)", ours, theirs, updates * episodes, updates)


def programs(leader, follower, solve):
    """The best of the columns' programs, all of them solved."""
    rows, columns = leader.shape
    values = []
    for column in range(columns):
        advantage = np.delete(follower - follower[:, [column]], column, axis=1).T.copy()
        value = solve(leader[:, column].copy(), advantage, np.zeros(columns - 1), np.ones((1, rows)), np.ones(1))
        values.append(value)
    return max(values)


def by_quantecon(*program):
    from quantecon.optimize import linprog_simplex

    found = linprog_simplex(program[0], A_ub=program[1], b_ub=program[2], A_eq=program[3], b_eq=program[4])
    return found.fun if found.success else -np.inf


def by_highs(payoffs, *program):
    found = linprog(-payoffs, *program)
    return -found.fun if found.status == 0 else -np.inf


@pytest.mark.parametrize("n", [8, 20, 60])
@pytest.mark.parametrize(("peer", "solve"), [("QuantEcon's simplex", by_quantecon), ("HiGHS (scipy)", by_highs)])
def test_mixed_commitment(n, peer, solve):
    if solve is by_quantecon:
        pytest.importorskip("quantecon")
    leader, follower = np.random.default_rng(n).random((2, n, n))
    ours = mixed_commitment_solve(leader, follower)
    assert ours.certain
    assert ours.leader_value == pytest.approx(programs(leader, follower, solve), abs=1e-9)
    calls = 10

    def many():
        for _ in range(calls):
            mixed_commitment_solve(leader, follower)

    beside(f"mixed commitment, {n} x {n}", peer, many, lambda: programs(leader, follower, solve), calls)


@pytest.mark.parametrize("n", [5, 8, 20, 60])
def test_pure_equilibria(n):
    first, second = np.random.default_rng(n).random((2, n, n)).round(1)
    _, table = followers_game(first, second)
    expected = sorted((int(r), int(c)) for r, c in zip(*stable(first, second), strict=True))
    assert sorted((a[0], b[0]) for a, b in (each.strategies for each in equilibria(table))) == expected
    gambit, quantecon = pytest.importorskip("pygambit"), pytest.importorskip("quantecon.game_theory")
    theirs = gambit.Game.from_arrays(first, second)
    assert len(gambit.nash.enumpure_solve(theirs).equilibria) == len(expected)
    beside(
        f"pure equilibria, {n} x {n}", "pygambit", lambda: equilibria(table), lambda: gambit.nash.enumpure_solve(theirs)
    )
    players = [quantecon.Player(first), quantecon.Player(second.T.copy())]
    other = quantecon.NormalFormGame(players)
    assert sorted(quantecon.pure_nash_brute(other)) == expected
    beside(
        f"pure equilibria, {n} x {n}", "QuantEcon", lambda: equilibria(table), lambda: quantecon.pure_nash_brute(other)
    )


def stable(first, second):
    """Where neither gains by leaving."""
    return np.nonzero((first == first.max(axis=0)) & (second == second.max(axis=1, keepdims=True)))


@pytest.mark.parametrize("asked", GAMES)
def test_released_code(request, asked):
    path = request.config.getoption("--released")
    if path is None:
        pytest.skip("--released PATH was not given")
    folder, updates = checkout(path), 250
    name, parameters = GAMES[asked]
    game = make_game(name, **parameters)
    table = leader_table(game, 0)
    settings = LeaderSettings.checked(response_updates=updates, elicitation="in_play")

    def leader(plays, slots):
        return table[plays.question[slots]]

    def ours():
        return timed(lambda: consult(game, leader, settings, Streams(0), 1)) / (updates * len(game.learned_turns))

    ours()
    seconds = np.array([[ours(), 1 / updates_per_second(folder, asked, updates)] for _ in range(ROUNDS)])
    noted(f"a played update, {name}", "released code", *seconds.min(axis=0), seconds.max(axis=0) / seconds.min(axis=0))
