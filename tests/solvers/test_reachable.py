"""The optimum against the response algorithm: against brute force over whole leader tables, and its bounds."""

from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, MultiplicativeWeights, evaluate_strategy, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.rules.game import OVER
from rllib_stackelberg.solvers import bounds, reachable, response_solve, subtables, table_solve
from rllib_stackelberg.solvers.bounds import outlook, promising, ranked
from rllib_stackelberg.solvers.reachable import Valuation
from rllib_stackelberg.solvers.subtables import components
from rllib_stackelberg.streams import Purpose
from tests.games_for_tests import Auction, BayesianGame, NoisyAllocation

TYPES2 = {"types": 2, "messages": 2, "price_grid": 3}
UNEQUAL = {"values": [[0.3, 1], [0, 0.6]], "prior": [[0.4, 0.1], [0.2, 0.3]], "messages": 2, "price_grid": 3}


def settings(updates=30, **given):
    given = {"followers": MultiplicativeWeights(0.1), "update_mode": "expected"} | given
    return LeaderSettings.checked(response_updates=updates, **given)


def best_by_loop(game, given):
    """Independent: every whole leader table, one evaluation each."""
    turn = game.leader_turn
    found = []
    for actions in product(range(turn.choices), repeat=turn.keys):
        strategy = LeaderStrategy.from_pairs(game, enumerate(actions))
        found.append(evaluate_strategy(strategy, given, purpose=Purpose.SELECTION, samples=16, every_play=False))
    return max(evaluation.leader_value for evaluation in found)


def best_mechanism(game, given):
    """Independent: per pair of messages a first buyer, its price and the other's price, all combined."""
    grid, letters = game.price_grid, game.channel.letters
    offers = [(b, p, q) for b in (0, 1) for p in range(grid) for q in (range(grid) if p else [0])]
    cells, keys = list(product(range(letters), repeat=2)), game.leader_turn.keys
    chosen = np.indices((len(offers),) * len(cells)).reshape(len(cells), -1)
    tables = np.zeros((chosen.shape[1], keys, 1))
    for heard, picks in zip(cells, np.array(offers)[chosen], strict=True):
        b, p, q = picks.T
        rows = np.arange(len(tables))
        second = np.where(b, game.question(heard, (0, 1)), game.question(heard, (1, 0)))
        tables[rows, game.question(heard, (0, 0)), 0] = b * grid + p
        tables[rows, second, 0] = (1 - b) * grid + q
    values = []
    for some in np.array_split(tables, max(1, len(tables) // 2000)):
        table, response = tabulate(game, some), Response(game, given.followers, len(some))
        for _ in range(given.response_updates):
            response.learn_expected(table, np.arange(len(some)))
        values += table.values(table.distribution(response.policies(given.reward_play)))[:, 0].tolist()
    return max(values)


def replayed(game, solution, given):
    """The value of a solution's strategy, evaluated like any strategy: a question it lacks would be noticed."""
    return evaluate_strategy(LeaderStrategy.from_pairs(game, solution.leader_strategy), given).leader_value


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("escape", {}),
        ("maintain", {}),
        ("conitzer", {}),
        ("bimatrix", {"leader": [[0, 5], [2, 1]], "follower": [[7, 7], [1, 2]]}),
        ("simple-allocation", {"types": 2, "messages": 3}),
        ("simple-allocation", {"types": 3, "messages": 2}),
        ("message-spm", {"types": 2, "messages": 1, "price_grid": 2}),
    ],
)
@pytest.mark.parametrize("play", ["argmax", "last"])
def test_equals_a_loop_over_all_leader_tables(name, params, play):
    game, given = make_game(name, **params), settings(updates=10, reward_play=play)
    if name == "message-spm":  # its nine questions have too many tables for a loop
        assert response_solve(game, given).leader_value == pytest.approx(best_mechanism(game, given), abs=1e-9)
    else:
        assert response_solve(game, given).leader_value == pytest.approx(best_by_loop(game, given), abs=1e-9)


@pytest.mark.parametrize("play", ["argmax", "last"])
def test_random_responses_are_averaged_over_samples(play):
    game, given = NoisyAllocation(0.2), settings(updates=5, update_mode="sampled", reward_play=play)
    found = response_solve(game, given, samples=16)
    assert found.leader_value == pytest.approx(best_by_loop(game, given), abs=1e-9)
    assert found.details["samples"] == 16


@pytest.mark.parametrize(
    ("params", "play"),
    [
        (TYPES2 | {"objective": "revenue"}, "last"),
        pytest.param(UNEQUAL, "last", marks=pytest.mark.learning),
        (UNEQUAL | {"objective": "revenue"}, "argmax"),
        (UNEQUAL | {"price_grid": 2, "noise": 0.2}, "last"),
        (UNEQUAL | {"price_grid": 2, "noise": 0.2, "objective": "revenue"}, "last"),
    ],
)
def test_messages_equal_brute_force(params, play):
    game, given = make_game("message-spm", **params), settings(updates=8, reward_play=play)
    found = response_solve(game, given)
    assert found.leader_value == pytest.approx(best_mechanism(game, given), abs=1e-9)
    assert found.leader_value <= found.details["bound"] + 1e-12
    assert replayed(game, found, given) == pytest.approx(found.leader_value, abs=1e-12)


def test_search_beyond_the_first_guesses_is_exhaustive(monkeypatch):
    monkeypatch.setattr(reachable, "BATCH", 16 * 3)  # three tables at a time, twelve first guesses
    game, given = make_game("message-spm", **UNEQUAL | {"price_grid": 2}), settings(updates=8, reward_play="last")
    found = response_solve(game, given)
    assert found.leader_value == pytest.approx(best_mechanism(game, given), abs=1e-9)
    assert 12 < found.details["valued"] < found.details["kinds"] <= found.details["tables"]


def test_only_reachable_questions_are_listed():
    game, given = make_game("message-spm", **TYPES2), settings()
    found = response_solve(game, given)
    assert found.leader_value == 0
    # Of each pair of messages' nine keys at most two are met: the first offer and the one after a refusal.
    assert 4 <= len(found.leader_strategy) <= 8
    assert replayed(game, found, given) == 0


def test_components_of_a_message_mechanism_are_its_message_pairs():
    game = make_game("message-spm", **TYPES2)
    parts = components(game)
    assert len(parts) == 4
    assert sorted(np.concatenate([part.profiles for part in parts])) == list(range(16))
    for part in parts:
        # Of 2 x 3 x 3 offers: a first price of 0 makes the other one idle; with both prices 1 order does not matter.
        outcomes = {(a.tobytes(), b.tobytes()) for a, b in zip(part.payoffs, part.information, strict=True)}
        assert len(outcomes) == len(part.answers) == 13


class Silent(NoisyAllocation):
    """The leader is not asked when the message heard is 1, and asked twice the same otherwise."""

    def information(self, state):
        return np.where(state.stage > 0, np.maximum(state.heard, 0), state.types[:, 0])

    def turn(self, state):
        asked = np.where((state.stage < 3) & (state.heard == 0), 1, OVER)
        return np.where(state.stage == 0, 0, asked)

    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        again = (state.stage == 2) & (actions[:, 0] != state.types[:, 0])
        return after, payoffs + 0.25 * again[:, None]


def test_plays_that_ask_nothing_and_questions_asked_twice():
    game = Silent(0.2)
    first, silent = components(game)
    assert (len(first.answers), len(first.questions)) == (2, 1)
    assert (len(silent.answers), len(silent.questions)) == (1, 0)
    given = settings(updates=10, reward_play="last")
    assert response_solve(game, given).leader_value == pytest.approx(best_by_loop(game, given), abs=1e-9)


@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize("game", [make_game("message-spm", **UNEQUAL), BayesianGame(tables=4), NoisyAllocation()])
def test_no_play_is_worth_more_than_the_bound(game, weak, monkeypatch):
    if weak:
        monkeypatch.setattr(bounds, "SCENARIOS", 0)
    given = settings(updates=3, reward_play="last")
    valuation = Valuation(game, components(game), given, seed=0, samples=1)
    outlooks = [outlook(game, part) for part in valuation.components]
    everything = ranked(outlooks, most=20_000)
    some = np.random.default_rng(0).permutation(len(everything.bounds))[:60]
    tight = 0
    for combination, bound in zip(everything.combinations[some], everything.bounds[some], strict=True):
        value = valuation.best(combination[None]).value
        assert value <= bound + 1e-12
        assert game.payoff_range[0, 0] - 1e-12 <= value
        tight += bound < game.payoff_range[0, 1] - 1e-3
    assert tight  # the bounds say more than the payoff range does


def test_knowing_everything_never_bounds_lower(monkeypatch):
    game = make_game("message-spm", **UNEQUAL)
    strong = [outlook(game, part) for part in components(game)]
    monkeypatch.setattr(bounds, "SCENARIOS", 0)
    weak = [outlook(game, part) for part in components(game)]
    for combination in np.random.default_rng(0).integers([len(own) for own in strong], size=(50, 4)):
        low, high = (
            sum(own[k] for own, k in zip(outlooks, combination, strict=True)).max(axis=-1).sum()
            for outlooks in (strong, weak)
        )
        assert low <= high + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_ranking_is_the_sorted_list_of_all_combinations(seed):
    rng = np.random.default_rng(seed)
    outlooks = [rng.integers(4, size=(kinds, 2, 3)) / 256 for kinds in (4, 3, 5)]
    combinations = list(product(range(4), range(3), range(5)))
    sums = [sum(own[k] for own, k in zip(outlooks, c, strict=True)) for c in combinations]
    keys = sorted((-own.max(axis=-1).sum(), -own.mean()) for own in sums)
    for most in (1, 7, 60):
        found = ranked(outlooks, most)
        np.testing.assert_allclose(found.bounds, [-bound for bound, _ in keys[:most]])
        assert found.rest == (-keys[most][0] if most < len(keys) else -np.inf)
    floor = -keys[10][0]
    above = ranked(outlooks, 60, floor)
    assert len(above.bounds) == sum(-bound > floor for bound, _ in keys)
    assert above.rest == -np.inf
    assert promising(outlooks, 60).rest >= -keys[0][0]
    assert sorted(map(tuple, promising(outlooks, 60).combinations.tolist())) == combinations


@pytest.mark.parametrize(("seed", "sign"), [(0, 0), (2, -1), (13, 1)])
def test_what_is_reached_may_be_worth_less_or_more_than_the_best_equilibrium(seed, sign):
    game = BayesianGame(tables=3, seed=seed)
    given = settings(updates=250)
    found = response_solve(game, given)
    gap = found.leader_value - table_solve(game).leader_value
    assert gap == pytest.approx(0, abs=1e-9) if sign == 0 else gap * sign > 0.01
    if sign > 0:
        certificate = evaluate_strategy(LeaderStrategy.from_pairs(game, found.leader_strategy), given).certificate
        assert not certificate.equilibrium


@pytest.mark.parametrize(
    ("name", "params", "allowed"),
    [
        ("matrix-design", {}, "discrete leader actions"),
        ("message-spm", {"types": 2}, "discrete leader actions"),
        ("message-spm", {"types": 64, "messages": 8, "price_grid": 3}, "outcomes"),
        ("message-spm", {"types": 2, "messages": 2, "buyers": 4, "items": 2, "price_grid": 5}, "plays"),
        ("simple-allocation", {"types": 12, "messages": 12}, "up to"),
    ],
)
def test_what_is_too_large_is_refused_by_name(name, params, allowed, monkeypatch):
    monkeypatch.setattr(subtables, "PLAYS", 200_000)
    monkeypatch.setattr(reachable, "WORK", 1_000_000)
    with pytest.raises(InvalidFieldError, match=rf"^game: .*{name}.*{allowed}"):
        response_solve(make_game(name, **params), settings())


def test_a_search_that_would_take_too_long_is_refused(monkeypatch):
    game, given = make_game("message-spm", **UNEQUAL), settings(updates=8, reward_play="last")
    monkeypatch.setattr(reachable, "WORK", 16 * 8 * 100)
    with pytest.raises(InvalidFieldError, match="up to 100 at 8 response updates"):
        response_solve(game, given)


def test_more_outcomes_than_a_response_tabulates_are_solved_where_that_takes_seconds():
    found = response_solve(Auction(), settings(updates=50))
    assert found.leader_value == pytest.approx(0.51)
    assert found.details["tables"] == 10
