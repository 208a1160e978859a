import numpy as np
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.rules.declarations import check_game
from rllib_stackelberg.testing import game_test
from tests.games_for_tests import BayesianGame, BrokenGame, NoisyAllocation


def test_every_game_meets_the_contract(any_game):
    game_test(any_game)


def test_the_contract_notices_what_is_broken():
    class Overpays(NoisyAllocation):
        def transition(self, state, actions):
            after, payoffs = super().transition(state, actions)
            return after, payoffs * 2

    class Leaks(NoisyAllocation):
        def observe(self, state, agent):
            seen = super().observe(state, agent)
            if agent == 0:
                seen = seen.copy()
                seen[:, 2] = state.types[:, 0]
            return seen

    with pytest.raises(AssertionError, match="payoff_range"):
        game_test(Overpays())
    with pytest.raises(AssertionError, match="two different observations"):
        game_test(Leaks())


@pytest.mark.parametrize(
    ("name", "parameters", "action"),
    [
        ("escape", {}, 3),
        ("escape", {}, 0.5),
        ("escape", {}, -1),
        ("escape", {}, np.nan),
        ("escape", {"mixed": True}, 1.01),
        ("matrix-design", {}, 10.5),
    ],
)
def test_rules_refuse_an_action_out_of_range_by_name(name, parameters, action):
    game = make_game(name, **parameters)
    state = game.begin(np.zeros((1, game.nature.width), dtype=np.int64))
    while game.turns[game.turn(state)[0]].kind != "leader":
        state, _ = game.step(state, np.zeros((1, game.width)))
    with pytest.raises(InvalidFieldError, match="of leader_0"):
        game.step(state, np.full((1, game.width), action))


def test_a_payoff_that_is_not_finite_names_game_agent_and_step():
    game = BrokenGame(noise=0)
    state = game.begin(np.zeros((1, 1), dtype=np.int64))
    state, _ = game.step(state, np.zeros((1, 1)))
    with pytest.raises(RulesError, match=r"BrokenGame.*leader_0.*step 'allocate'"):
        game.step(state, np.ones((1, 1)))


def test_contradicting_declarations_are_refused_by_name():
    game = BayesianGame()
    game.turns = game.turns[1:]
    with pytest.raises(InvalidFieldError, match="turns"):
        check_game(game)
    game = BayesianGame()
    game.payoff_range = np.array([[0, np.inf], [0, 1], [0, 1]])
    with pytest.raises(InvalidFieldError, match="payoff_range"):
        check_game(game)


def test_named_games_pay_what_the_paper_says():
    game = make_game("maintain")
    np.testing.assert_allclose(game.leader_matrix * 30, [[20, 0, 0], [30, 10, 0], [0, 0, 5]])
    np.testing.assert_allclose(game.follower_matrix * 30, [[15, 0, 0], [0, 5, 0], [0, 0, 10]])
    assert make_game("escape").leader_matrix.max() == 1
    assert make_game("conitzer").utility_scale == 1
    assert make_game("bimatrix", leader=[[0, 1]], follower=[[5, -5]]).utility_scale == 10


def test_actions_of_leader_and_followers_are_told_in_words():
    matrices = {"leader": [[1], [2], [3], [4]], "follower": [[0]] * 4}
    commit, respond = (game := make_game("bimatrix", mixed=True, **matrices)).turns
    learned = np.array([1, 0.5002, 0.5007, 0.5001])
    assert game.describe_action(commit, 0, learned) == "row 0: 0.3998, row 1: 0.2, row 2: 0.2002, row 3: 0.2"
    told = LeaderStrategy.from_pairs(game, [(0, (1, 0.5, 0.5, 0.5))]).data()[0]
    assert told["shown"] == "row 0: 2/5, row 1: 1/5, row 2: 1/5, row 3: 1/5"
    assert told["probabilities"] == {"row 0": 0.4, "row 1": 0.2, "row 2": 0.2, "row 3": 0.2}
    assert game.describe_action(commit, 0, np.array([0, 0, 2e-5, 1])) == "row 3: 1"
    assert game.describe_action(respond, 0, np.array([0.0])) == "column 0"
    assert make_game("bimatrix", **matrices).describe_action(commit, 0, np.array([3.0])) == "row 3"
    plain = BayesianGame(tables=20_000)
    assert plain.describe_action(plain.turns[0], 0, np.array([12_345.0])) == "12345"


def test_the_leaders_turn_is_one_of_the_games_turns(any_game):
    turn = any_game.leader_turn
    assert turn.kind == "leader"
    assert any_game.turns[any_game.leader_index] is turn
    assert turn.discrete == (turn.chooses and turn.numbers == 0)
    for missing in [name for name, there in (("choices", turn.chooses), ("box", turn.numbers)) if not there]:
        with pytest.raises(TypeError, match=turn.name):
            getattr(turn, missing)
