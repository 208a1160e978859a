import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg import make_game, respond, solve
from rllib_stackelberg.economics.payments import dominant_payments, payment_solve


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 3), st.integers(2, 3))
def test_payments_make_the_target_strictly_dominant_and_no_less_would(seed, rows, columns):
    rng = np.random.default_rng(seed)
    payoffs = rng.random((rows, columns, 2))
    target = (int(rng.integers(rows)), int(rng.integers(columns)))
    margin = 0.01
    payments = dominant_payments(payoffs, target, margin)
    paid = payoffs + payments
    for other in range(columns):
        for action in set(range(rows)) - {target[0]}:
            assert paid[target[0], other, 0] >= paid[action, other, 0] + margin - 1e-12
    for other in range(rows):
        for action in set(range(columns)) - {target[1]}:
            assert paid[other, target[1], 1] >= paid[other, action, 1] + margin - 1e-12
    assert (payments >= 0).all()
    for entry in np.argwhere(payments > 1e-9):  # taking anything away breaks strict dominance by the margin
        less = payments.copy()
        less[tuple(entry)] -= 1e-3
        row, column, player = entry
        own = (payoffs + less)[:, column, 0] if player == 0 else (payoffs + less)[row, :, 1]
        assert own[target[player]] < np.delete(own, target[player]).max() + margin


def test_matrix_design_is_solved_at_no_cost_and_followers_obey():
    game = make_game("matrix-design")
    solution = solve(game)
    assert solution.leader_value == pytest.approx(10 / 6)
    assert solution.details["cost"] == 0
    entries = [{"question": key, "action": list(action)} for key, action in solution.leader_strategy]
    found = respond(game, entries)
    assert found.leader_value == pytest.approx(10 / 6)
    assert found.certificate.equilibrium


def test_without_payments_argmax_play_is_no_equilibrium():
    """Symmetric (expected) learning settles on (0, 0): value 1, and leaving it gains 1/6."""
    game = make_game("matrix-design")
    nothing = [{"question": k, "action": [0, 0]} for k in range(4)]
    found = respond(game, nothing, update_mode="expected")
    assert found.leader_value == pytest.approx(1.0)
    assert found.certificate.deviation_gain == pytest.approx(1 / 6)
    assert not found.certificate.equilibrium


def test_a_budget_too_small_is_said():
    payoffs = np.array([[[0.0, 0.0], [5.0, 0.0]], [[5.0, 0.0], [0.0, 0.0]]])
    assert not payment_solve(payoffs, payoffs.sum(axis=-1), most=0.1).exists
