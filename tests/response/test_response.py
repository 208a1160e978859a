"""The response phase against a plain re-implementation, and against the theory."""

from collections import Counter

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, MultiplicativeWeights, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.certificates import bcce_gap
from rllib_stackelberg.followers import BestResponse
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.response import sampled_engine
from rllib_stackelberg.response.phase import Phase, draws
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.streams import Stream, Streams
from tests.games_for_tests import BayesianGame


def run(game, table, settings, samples, seed=0):
    response = Response(game, settings.followers, samples)
    response.respond(table, Phase(np.arange(samples), settings, Streams(seed), [(s, 0) for s in range(samples)]))
    return response


def test_sampled_updates_equal_a_plain_loop():
    """Independent implementation: weights as powers, one play at a time, the paper's words."""
    game, epsilon, updates = BayesianGame(), 0.1, 60
    settings = LeaderSettings.checked(followers=MultiplicativeWeights(epsilon), response_updates=updates)
    response = run(game, tabulate(game, np.zeros((1, 1, 1))), settings, samples=1, seed=5)
    cells, uniforms = draws(game, Streams(5), Stream.RESPONSE, updates, [(0, 0)])
    types = game.nature.values(cells)[0]
    weights = np.ones((2, 2, 2))
    for t in range(updates):
        reference = []
        for i in (0, 1):
            policy = weights[i, types[t, i]] / weights[i, types[t, i]].sum()
            reference.append(int(uniforms[0, t, i] >= policy[0]))
        for i in (0, 1):
            for action in (0, 1):
                joint = list(reference)
                joint[i] = action
                payoff = game.utilities[0, i, types[t, 0], types[t, 1], joint[0], joint[1]]
                weights[i, types[t, i], action] *= (1 + epsilon) ** payoff
    expected = weights / weights.sum(axis=-1, keepdims=True)
    for i, policy in enumerate(response.policies("last")):
        np.testing.assert_allclose(policy[0], expected[i], rtol=1e-10)


def test_expected_updates_equal_a_plain_loop():
    game, epsilon, updates = BayesianGame(), 0.1, 40
    settings = LeaderSettings.checked(
        followers=MultiplicativeWeights(epsilon), response_updates=updates, update_mode="expected"
    )
    response = run(game, tabulate(game, np.zeros((1, 1, 1))), settings, samples=1)
    prior, weights = game.prior.blocks[0], np.ones((2, 2, 2))
    for _ in range(updates):
        policy = weights / weights.sum(axis=-1, keepdims=True)
        gains = np.zeros_like(weights)
        for own in (0, 1):
            given_first = prior[own] / prior[own].sum()
            given_second = prior[:, own] / prior[:, own].sum()
            for action in (0, 1):
                for other in (0, 1):
                    for reply in (0, 1):
                        gains[0, own, action] += (
                            given_first[other]
                            * policy[1, other, reply]
                            * game.utilities[0, 0, own, other, action, reply]
                        )
                        gains[1, own, action] += (
                            given_second[other]
                            * policy[0, other, reply]
                            * game.utilities[0, 1, other, own, reply, action]
                        )
        weights *= (1 + epsilon) ** gains
    expected = weights / weights.sum(axis=-1, keepdims=True)
    for i, policy in enumerate(response.policies("last")):
        np.testing.assert_allclose(policy[0], expected[i], rtol=1e-10)


# Reference figures measured independently (sampled updates, correlated prior, 20 seeds; 5 at 10,000 updates).
REFERENCE = {
    0.01: {33: 0.073, 100: 0.060, 250: 0.054, 1_000: 0.046, 10_000: 0.0074},
    0.1: {33: 0.069, 100: 0.048, 250: 0.029, 1_000: 0.009, 10_000: 0.0009},
}


@pytest.mark.parametrize("epsilon", sorted(REFERENCE))
def test_bcce_gap_falls_as_no_regret_play_must(epsilon):
    game = BayesianGame()
    table = tabulate(game, np.zeros((1, 1, 1)))
    means = []
    for updates, reference in REFERENCE[epsilon].items():
        samples = 64 if updates < 10_000 else 16
        settings = LeaderSettings.checked(followers=MultiplicativeWeights(epsilon), response_updates=updates)
        response = run(game, table, settings, samples)
        gaps = np.max([bcce_gap(response.record(turn), np.full(2, 0.5)) for turn in range(2)], axis=0)
        # Both means carry sampling error: ours of `samples` seeds, the reference's of 20 (5 at the end).
        error = gaps.std() * np.sqrt(1 / samples + 1 / (20 if updates < 10_000 else 5))
        assert abs(gaps.mean() - reference) < 4 * error + 5e-4, (updates, gaps.mean(), reference, error)
        means.append(gaps.mean())
    assert means == sorted(means, reverse=True)


def test_regret_of_every_row_is_within_its_bound():
    game = BayesianGame()
    settings = LeaderSettings.checked(response_updates=2_000)
    response, scale = run(game, tabulate(game, np.zeros((1, 1, 1))), settings, 8), game.utility_scale
    for turn in range(2):
        record = response.record(turn)
        bound = response.learners[turn].regret_bound(2, record.visits, 1 / scale) * scale
        assert (record.fixed.max(axis=-1) - record.mixed <= bound).all()
        assert record.visits.sum(axis=-1).min() == 2_000


def test_record_holds_averages_of_what_was_played():
    game = BayesianGame()
    settings = LeaderSettings.checked(response_updates=300)
    response = run(game, tabulate(game, np.zeros((1, 1, 1))), settings, 4)
    for policy in response.policies("average"):
        np.testing.assert_allclose(policy.sum(axis=-1), 1, atol=1e-12)
    drifting = np.abs(response.policies("average")[0] - response.policies("last")[0]).max()
    assert drifting > 1e-3


def test_one_best_response_update_solves_a_single_follower():
    for row, column in ((0, 0), (1, 0), (2, 2)):
        game = make_game("escape")
        settings = LeaderSettings.checked(followers=BestResponse(), response_updates=1)
        response = run(game, tabulate(game, np.full((1, 1, 1), float(row))), settings, 1)
        assert response.policies("argmax")[0][0, 0].argmax() == column


def test_mixed_populations_play_by_their_own_kernels():
    game = BayesianGame()
    settings = LeaderSettings.checked(followers=(MultiplicativeWeights(0.1), BestResponse()), response_updates=50)
    response = run(game, tabulate(game, np.zeros((1, 1, 1))), settings, 2)
    assert set(np.unique(response.policies("last")[1])) == {0.0, 1.0}
    assert len(np.unique(response.policies("last")[0])) > 2


def test_a_wrong_number_of_learners_is_refused():
    with pytest.raises(InvalidFieldError, match="followers"):
        Response(BayesianGame(), [BestResponse()] * 3, 1)


def test_payoffs_of_any_size_give_the_same_play():
    base = {"leader": [[2, 4], [1, 3]], "follower": [[1, 0], [0, 1]]}
    policies = []
    for scale in (1e-12, 1, 1e12):
        game = make_game("bimatrix", **{side: (np.array(m) * scale).tolist() for side, m in base.items()})
        settings = LeaderSettings.checked(response_updates=100)
        response = run(game, tabulate(game, np.ones((1, 1, 1))), settings, 1)
        policies.append(response.policies("last")[0])
    np.testing.assert_allclose(policies[0], policies[1], rtol=1e-9)
    np.testing.assert_allclose(policies[2], policies[1], rtol=1e-9)


@pytest.fixture
def looked_up(monkeypatch):
    """What two followers of four episodes have learned in a few updates, and the loop that they learned in."""
    game = make_game("message-spm", types=3, messages=3, price_grid=2)
    turn, rng = game.leader_turn, np.random.default_rng(0)
    table = tabulate(game, rng.integers(turn.choices, size=(4, turn.keys, 1)).astype(float))
    nature, uniforms = rng.integers(9, size=(4, 60)), rng.random((4, 60, 2))
    choose, chosen = sampled_engine.chosen_phase, []

    def learned():
        response = Response(game, (MultiplicativeWeights(),), 4)
        response.learn_from_table(table, np.arange(4), nature, uniforms)
        return response.numbers.tobytes(), [response.record(m).sums.tobytes() for m in range(2)], chosen.pop()

    def noted(*given):
        chosen.append(choose(*given))
        return chosen[-1]

    monkeypatch.setattr(sampled_engine, "chosen_phase", noted)
    monkeypatch.setattr(sampled_engine, "_learned", Counter())
    return learned


def test_the_loop_compiled_for_a_number_of_actions_gives_the_same_bits(looked_up, monkeypatch):
    monkeypatch.setattr(sampled_engine, "has_kept", lambda *given: False)
    *plain, loop = looked_up()
    assert loop is sampled_engine.sampled_phase()
    with sampled_engine.planned(sampled_engine.MANY_UPDATES):
        *special, loop = looked_up()
    assert loop is sampled_engine.sampled_phase(2, 3)
    assert plain == special
    assert looked_up()[-1] is loop  # planned once, and not chosen again in the midst of them


def test_the_loop_for_a_number_of_actions_is_taken_where_it_is_kept(looked_up, monkeypatch):
    monkeypatch.setattr(sampled_engine, "has_kept", lambda loop, *given: loop is sampled_engine.sampled_phase(2, 3))
    assert looked_up()[-1] is sampled_engine.sampled_phase(2, 3)


@pytest.mark.parametrize("followers", ["mw", "exp3", "best-response"])
def test_an_episode_learns_the_same_alone_in_any_batch_and_in_any_stretches(followers, monkeypatch):
    """Episodes run in step by sixteens (19 leave a part of one over), and draws are held a stretch at a time."""
    game = make_game("message-spm", types=3, messages=3, price_grid=2)
    turn, rng = game.leader_turn, np.random.default_rng(0)
    table = tabulate(game, rng.integers(turn.choices, size=(19, turn.keys, 1)).astype(float))
    settings = LeaderSettings.checked(followers=followers, response_updates=50)
    together = run(game, table, settings, 19)
    monkeypatch.setattr("rllib_stackelberg.response.response.STRETCH", 200)
    stretched = run(game, table, settings, 19)
    assert stretched.numbers.tobytes() == together.numbers.tobytes()
    for episode in (0, 15, 16, 18):
        alone = Response(game, settings.followers, 19)
        alone.respond(table.entry(episode), Phase(np.array([episode]), settings, Streams(0), [(episode, 0)]))
        assert alone.numbers[episode].tobytes() == together.numbers[episode].tobytes()
        assert alone.record(1).sums[episode].tobytes() == together.record(1).sums[episode].tobytes()


@pytest.mark.parametrize("play", ["last", "argmax", "average"])
def test_many_plays_draw_what_each_draws_alone(play):
    """Strategies of all rows at once, or of the rows that are met, to the bit."""
    game, rng = make_game("message-spm", types=3, messages=3, price_grid=2), np.random.default_rng(0)
    turn = game.leader_turn
    table = tabulate(game, rng.integers(turn.choices, size=(4, turn.keys, 1)).astype(float))
    response = run(game, table, LeaderSettings.checked(response_updates=30), 4)
    episodes, information, uniforms = rng.integers(4, size=300), rng.integers(3, size=(300, 2)), rng.random((300, 2))
    together = response.draw_all(episodes, information, uniforms, play)
    for n in range(300):
        alone = response.draw_all(episodes[[n]], information[[n]], uniforms[[n]], play)
        np.testing.assert_array_equal(together[[n]], alone)
        for m in (0, 1):
            shares = response.policies(play)[m][episodes[n], information[n, m]].cumsum() if n < 50 else None
            assert shares is None or together[n, m] == (shares[:-1] <= uniforms[n, m] * shares[-1]).sum()
    assert len(np.unique(together)) > 1
