"""Somebody else's environment led play by play; this project's own games led through their AEC view, bit for bit."""

import logging
from functools import cache
from itertools import product

import numpy as np
import pettingzoo
import pytest
from gymnasium.spaces import Box, Discrete
from pettingzoo.utils.wrappers import BaseWrapper

from rllib_stackelberg import LeaderSettings, StackelbergPOMDP, make_game, solve
from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.aec.game import AECGame
from rllib_stackelberg.aec.information import Information
from rllib_stackelberg.aec.roles import Roles, uniform
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.evaluation import estimates
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.evaluation.strategies import evaluate_policy, evaluate_strategy
from rllib_stackelberg.plays.sample_plays import draw_nature, random_actions
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.rules.game import OVER
from rllib_stackelberg.rules.priors import NO_CHANCE, Prior
from rllib_stackelberg.testing import game_test
from rllib_stackelberg.testing.conformance import inspect
from tests.games_for_tests import BayesianGame, Counting, NoisyAllocation

logging.getLogger("pettingzoo.utils.env_logger").setLevel(logging.ERROR)  # a warning for every move that is not allowed
ONE_EACH = {"player_0": (-1, 1), "player_1": (-1, 1)}


class Viewed(AECGame):
    """A game of this project of which nothing is used in a play but its AEC environment."""

    def __init__(self, game, first_type=0):
        replying = [game.agents[turn.agent] for turn in game.turns if turn.kind == "reply"]
        types = {
            game.agents[turn.agent]: Information(turn.rows, self.one_hot(first_type, turn.rows))
            for turn in game.learned_turns
        }
        self.game = game  # for what is declared: types, ranges, and the reply that a buyer's policy is
        roles = Roles(game.leader, game.followers, dict.fromkeys(replying, uniform), types)
        payoffs = dict(zip(game.agents, game.payoff_range, strict=True))
        super().__init__(lambda: make_aec(game), roles, payoffs, game.prior, game.chance)

    @property
    def utility_scale(self):
        return self.game.utility_scale

    @staticmethod
    def one_hot(first, rows):
        return lambda seen: int(seen[first : first + rows].argmax())

    def reset(self, env, nature):
        env.reset(options={"nature": nature})

    def act(self, env, agent, rng):
        return int(self.game.reply(env.unwrapped.state_of_play)[0, 0])


OWN = {
    "simple-allocation": lambda: (make_game("simple-allocation", messages=2), 0),
    "matrix-design": lambda: (make_game("matrix-design"), 0),
    "maintain": lambda: (make_game("maintain"), 0),
    "message-spm": lambda: (make_game("message-spm", leader="scores"), 0),
    "message-spm-grid": lambda: (make_game("message-spm", types=2, price_grid=3), 0),
    "correlated": lambda: (BayesianGame(tables=3), 1),
    "noisy": lambda: (NoisyAllocation(), 0),
}
MODES = {
    "looked up": {"elicitation": "closure"},
    "in play": {"elicitation": "in_play"},
    "sampled": {"elicitation": "in_play", "reward_plays": 7, "reward_play": "last"},
    "every turn": {"leader_queries": "every_turn", "reward_plays": 5},
}


def a_policy(game):
    """Leader observations -> what a leader algorithm puts out; fixed random weights."""
    space = game.leader_turn.actions
    size = space.n if isinstance(space, Discrete) else space.shape[0]
    weights = np.random.default_rng(4).normal(size=(game.observation_spaces[0].shape[0], size))

    def policy(seen):
        scores = seen @ weights
        return scores.argmax(axis=1) if isinstance(space, Discrete) else 1 / (1 + np.exp(-scores))

    return policy


def episodes_of(game, fields, envs=2, episodes=2):
    """Everything followers and leader end up with in some leader episodes."""
    env = StackelbergPOMDP(game, LeaderSettings.checked(response_updates=8, **fields), envs, seed=5)
    policy, found = a_policy(game), []
    for _ in range(episodes):
        env.begin(np.arange(envs))
        while len(live := env.live):
            seen = env.observe(env.posed(live))["actor"]
            found += [live, seen, env.answer(env.posed(live), policy(seen))]
        response = env.elicitation.response
        records = [response.record(k) for k in range(len(game.learned_turns))]
        found += [env.elicitation.value.copy(), response.numbers.copy(), *(record.sums.copy() for record in records)]
    return found


SECOND = {("message-spm-grid", "looked up"), ("message-spm-grid", "every turn"), ("maintain", "every turn")}
"""Of which others of their kind are there: message-spm with scores, another matrix game."""


@pytest.mark.parametrize(
    ("name", "mode"),
    [pytest.param(*pair, marks=[pytest.mark.learning] * (pair in SECOND)) for pair in product(OWN, MODES)],
)
def test_own_games_led_through_their_view_are_the_same_to_the_bit(name, mode):
    game, first_type = OWN[name]()
    batched, viewed = (episodes_of(g, MODES[mode]) for g in (game, Viewed(game, first_type)))
    assert len(batched) == len(viewed) > 4
    for one, other in zip(batched, viewed, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("limit", [estimates.REWARD_PLAYS, 0])
def test_own_games_are_valued_the_same_through_their_view(limit, monkeypatch):
    """Exactly (from a table of outcomes), and estimated from plays."""
    monkeypatch.setattr("rllib_stackelberg.evaluation.valuations.EVALUATION_LIMIT", limit * 65)
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 60)
    monkeypatch.setattr(estimates, "DEVIATION_PLAYS", 16)
    game = make_game("message-spm", types=2, leader="scores")
    settings = LeaderSettings.checked(response_updates=15)
    found = [evaluate_policy(g, a_policy(g), settings, samples=3) for g in (game, Viewed(game))]
    assert found[0][1].data() == found[1][1].data()
    assert found[0][1].certificate.exact_expectation is (limit > 0)
    shown = [sorted((entry["action"] for entry in strategy.data()), key=str) for strategy, _ in found]
    assert shown[0] == shown[1]


def throws(chance=None):
    """Rock, paper, scissors: player_0 commits."""
    kind = {} if chance is None else {"chance": chance}
    one_throw = {"max_cycles": 1, "screen_height": 14}
    roles = Roles("player_0", ["player_1"])
    return AECGame(lambda: pettingzoo.make("aec", "classic/rps-v2", **one_throw), roles, ONE_EACH, **kind)


def test_a_follower_learns_to_beat_a_throw_in_somebody_elses_environment(few_plays):
    game = throws()
    settings = LeaderSettings.checked(response_updates=60)
    strategy, found = evaluate_policy(game, lambda seen: np.full((len(seen), 1), 1.0), settings, samples=3)
    assert found.leader_value == pytest.approx(-1, abs=1e-12)
    assert found.standard_error == pytest.approx(0, abs=1e-12)
    assert found.certificate.deviation_gain == pytest.approx(0, abs=1e-12)
    assert not found.certificate.exact_expectation
    assert found.weights["player_1"][3] == [0.0, 0.0, 1.0]  # row 3: it has seen no throw; scissors beat paper
    assert list(strategy.answers) == [3]
    assert solve(game) is None
    shown = result_data(game, strategy, found)
    assert shown["exact_value"] is None
    assert shown["exact_reason"].startswith("chance: 2,147,483,648 seeds are too many for an exact value; needed: ")


def test_an_environment_without_chance_is_tabulated_and_solved():
    game = throws(NO_CHANCE)
    assert solve(game).leader_value == -1
    found = evaluate_strategy(LeaderStrategy.from_pairs(game, [(3, 0)]), LeaderSettings(), samples=2)
    assert (found.leader_value, found.standard_error, found.certificate.exact_expectation) == (-1, 0, True)


@pytest.mark.parametrize("make", [throws, lambda: Viewed(make_game("message-spm", leader="scores")), lambda: noughts()])
def test_it_is_a_game_like_any_other(make):
    game_test(make(), plays=6)


# noughts and crosses: crosses lead, noughts learn their first move and then move at random


def noughts():
    return AECGame(
        lambda: pettingzoo.make("aec", "classic/tictactoe-v3"),
        Roles(
            "player_1",
            ["player_2"],
            policies={"player_2": uniform},
            information={"player_2": Information(9, lambda board: int(board[..., 1].argmax()))},
        ),
        {"player_1": (-1, 1), "player_2": (-1, 1)},
    )


LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]


def free_squares(board):
    return [square for square in range(9) if not board[square]]


def first_free(board):
    """The plain leader."""
    return free_squares(board)[0]


@cache
def best(board):
    """The leader that is best against noughts who move at random."""
    return max(free_squares(board), key=lambda square: after_cross((*board[:square], 1, *board[square + 1 :]), best))


@cache
def after_cross(board, leader, squares=None):
    """What crosses get once they have moved, noughts then taking any free square (or any of those given)."""
    if any(all(board[k] == 1 for k in line) for line in LINES):
        return 1.0
    values = []
    for square in squares or free_squares(board):
        reply = (*board[:square], 2, *board[square + 1 :])
        lost = any(all(reply[k] == 2 for k in line) for line in LINES)
        answer = None if lost else leader(reply)
        values.append(-1.0 if lost else after_cross((*reply[:answer], 1, *reply[answer + 1 :]), leader))
    return float(np.mean(values)) if values else 0.0


def crosses(leader):
    """A leader of boards as the environment shows them: own marks, then noughts, square by square."""

    def policy(seen):
        boards = seen.reshape(-1, 9, 2).astype(int) @ [1, 2]
        return np.array([[leader(tuple(board.tolist()))] for board in boards])

    return policy


@pytest.mark.parametrize("leader", [first_free, pytest.param(best, marks=pytest.mark.learning)])
def test_a_strategy_in_somebody_elses_environment_is_worth_what_expectimax_says(leader, few_plays, monkeypatch):
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 200)
    settings = LeaderSettings.checked(response_updates=25, followers="mw:epsilon=0.5")
    strategy, found = evaluate_policy(noughts(), crosses(leader), settings, samples=3, every_play=False)
    opening = leader((0,) * 9)
    assert strategy.answers[0][0] == opening
    board = tuple(int(square == opening) for square in range(9))
    # Who takes a square that is taken loses 1, and the other gets nothing.
    worth = {square: after_cross(board, leader, (square,)) for square in free_squares(board)} | {opening: 0.0}
    exact = sum(share * worth[square] for square, share in enumerate(found.weights["player_2"][opening]))
    assert found.leader_value == pytest.approx(exact, abs=4 / np.sqrt(3 * 200))
    assert found.standard_error > 0
    if leader is first_free:
        # Noughts have learned to be in its way; from the best leader they have nothing to learn.
        assert exact < np.mean(sorted(worth.values())[1:]) - 0.1
    assert len(strategy.answers) > 20


def test_the_same_streams_give_the_same_plays_again(few_plays, monkeypatch):
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 20)
    settings = LeaderSettings.checked(response_updates=3)
    first, again = (evaluate_policy(noughts(), crosses(best), settings, samples=2, every_play=False) for _ in range(2))
    assert first[1].data() == again[1].data()
    assert first[0].data() == again[0].data()


def test_what_masks_forbid_is_noted():
    game = noughts()
    inspect(game, plays=4, singles=1)
    assert game.notes == (
        "the environment forbids actions of player_1, player_2: leader and learners try what masks forbid, and get "
        "what the environment gives for it",
    )
    assert throws().notes == ()


# plays are values


def played_on(game, state, rng):
    total = np.zeros((len(state), len(game.agents)))
    while ((turn := game.turn(state)) != OVER).any():
        actions = random_actions(game, turn, rng)
        replying = np.array([t != OVER and game.turns[t].kind == "reply" for t in turn])
        actions[replying] = game.reply(state)[replying]
        state, payoffs = game.step(state, actions)
        total += payoffs
    return total


@pytest.mark.parametrize("most", [1, 1024])
def test_a_state_can_be_gone_on_from_twice(most, monkeypatch):
    monkeypatch.setattr(AECGame, "plays_at_once", most)
    game = noughts()
    state = game.begin(draw_nature(game, 5, np.random.default_rng(0)))
    state, _ = game.step(state, np.full((5, 1), 4.0))
    middle, _ = game.step(state, np.arange(4.0)[[0, 1, 2, 3, 0], None])
    first = played_on(game, middle, np.random.default_rng(1))
    views = game.observe(middle, 0)
    again = played_on(game, middle.take(np.arange(5)), np.random.default_rng(1))
    other = played_on(game, middle, np.random.default_rng(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(views, game.observe(middle, 0))
    assert len(game._sessions) <= most


def test_few_environments_give_the_same_episodes_as_many(monkeypatch):
    game = make_game("message-spm", types=2, leader="scores")
    many = episodes_of(Viewed(game), MODES["in play"], envs=2, episodes=1)
    monkeypatch.setattr(AECGame, "plays_at_once", 2)
    few = episodes_of(Viewed(game), MODES["in play"], envs=2, episodes=1)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(many, few, strict=True))


def test_plays_of_one_seed_share_their_luck_and_others_do_not():
    game = noughts()
    nature = draw_nature(game, 2, np.random.default_rng(0))
    boards = []
    for seeds in (nature, nature[::-1]):
        state = game.begin(seeds)
        for actions in ([[4.0], [4.0]], [[0.0], [0.0]], [[2.0], [2.0]]):
            state, _ = game.step(state, np.array(actions))
        state, _ = game.step(state, game.reply(state))
        boards.append(game.observe(state, 0))
    np.testing.assert_array_equal(boards[0], boards[1][::-1])
    assert not np.array_equal(boards[0][0], boards[0][1])


def blind(seen):
    return 0


def test_a_learner_with_rows_of_its_own_may_take_observations_for_the_same():
    game = counting(roles=Roles("a", ["b"], {"c": uniform}, {"b": Information(1, blind)}))
    assert [turn.coarse for turn in game.turns] == [False, True, False]
    game_test(game, plays=8)


# what is refused


def counting(roles=None, payoffs=None, **options):
    roles = roles or Roles("a", ["b"], {"c": uniform}, {})
    return AECGame(lambda: Counting(**options), roles, payoffs or dict.fromkeys("abc", (0, 9)))


def test_agents_that_neither_lead_nor_learn_play_their_policy():
    game = counting()
    state = game.begin(draw_nature(game, 40, np.random.default_rng(0)))
    assert game.agents == ("a", "b", "c")
    assert 10 < (played_on(game, state, np.random.default_rng(0))[:, 2] % 2).sum() < 30  # c's coin, of its own


@pytest.mark.parametrize(
    ("roles", "field", "named"),
    [
        (Roles("x", ["b"], {"c": uniform}), "roles.leader", "'x'"),
        (Roles("a", ["b", "x"], {"c": uniform}), "roles.learners", "'x'"),
        (Roles("a", ["b"], {"c": uniform, "x": uniform}), "roles.policies", "'x'"),
        (Roles("a", ["b"], {"c": uniform}, {"x": Information(1, int)}), "roles.information", "'x'"),
        (Roles("a", ["b"], {"c": uniform}, {"c": Information(1, int)}), "roles.information", "c"),
        (Roles("a", ["a", "b"], {"c": uniform}), "roles.leader", "a"),
        (Roles("a", ["b"]), "roles", "c"),
    ],
)
def test_roles_that_do_not_fit_are_refused_by_name(roles, field, named):
    with pytest.raises(InvalidFieldError) as caught:
        counting(roles)
    assert caught.value.field == field
    assert named in caught.value.problem


@pytest.mark.parametrize(
    ("options", "field", "named"),
    [
        ({"actions": Box(0, np.inf, (2,))}, "make", "actions of a"),
        ({"actions": Box(0, 3, (2,), np.int64)}, "make", "actions of a"),
        ({"actions": Box(0, 1, (2,))}, "roles.learners", "b has continuous actions"),
        ({"sees": Box(0, 1, (2,))}, "roles.information['b']", "infinitely many"),
        ({"sees": Box(0, 9, (5,), np.int8)}, "roles.information['b']", "100,000"),
        ({"order": "abcb"}, "make", "b at step 3: moves again"),
        ({"order": "axc"}, "make", "x at step 1: has no role"),
        ({"fails": 1}, "make", "b at step 1: ZeroDivisionError"),
        ({"fails": -1}, "make", "reset at step 0: ZeroDivisionError"),
        ({"order": "ac", "endless": True}, "make", "no end"),
        ({"order": "acc"}, "roles.learners", "b had no turn in 30 plays"),
        ({"vector": True}, "make", "the reward of a is [0.0, 0.0], and not one number"),
    ],
)
def test_environments_that_cannot_be_led_are_refused_by_name(options, field, named, monkeypatch):
    monkeypatch.setattr("rllib_stackelberg.aec.sessions.MOST_STEPS", 50)
    with pytest.raises(InvalidFieldError) as caught:
        counting(**options)
    assert caught.value.field == field
    assert named in caught.value.problem


class BooksOnlyInTotal(Counting):
    """Adds what a step pays to what `last()` tells, and leaves `rewards` at 0."""

    def step(self, action):
        super().step(action)
        self.rewards = dict.fromkeys(self.rewards, 0.0)


class NeverClears(Counting):
    """Leaves in `rewards` what earlier steps paid."""

    def step(self, action):
        before = self.rewards
        super().step(action)
        for agent, paid in before.items():
            self.rewards[agent] += paid


class Cut(BaseWrapper):
    """Ends a play after two steps."""

    def reset(self, seed=None, options=None):
        super().reset(seed, options)
        self.left = 2

    def step(self, action):
        super().step(action)
        self.left -= 1
        if not self.left:
            self.env.truncations = dict.fromkeys(self.env.agents, True)


class Whole(BaseWrapper):
    """Changes nothing."""


@pytest.mark.parametrize("make", [BooksOnlyInTotal, NeverClears])
def test_an_environment_that_does_not_pay_what_it_tells_is_refused(make):
    """The first used to pay 0 for everything, of which anything is an equilibrium."""
    with pytest.raises(InvalidFieldError, match=r"last\(\) tells it") as caught:
        AECGame(make, counting().roles, dict.fromkeys("abc", (0, 9)))
    assert caught.value.field == "make"


def test_a_wrapper_that_cuts_the_play_is_refused():
    roles = Roles("a", ["b"], {"c": uniform})
    AECGame(lambda: Whole(Counting()), roles, dict.fromkeys("abc", (0, 9)))
    with pytest.raises(InvalidFieldError, match="a wrapper ends a play after 2 steps, and counting goes on"):
        AECGame(lambda: Cut(Counting()), roles, dict.fromkeys("abc", (0, 9)))


def test_strategies_and_rows_are_told_by_what_was_seen():
    game = throws(NO_CHANCE)
    shown = LeaderStrategy.ask(game, lambda seen: np.full((len(seen), 1), 1.0)).data()
    assert [entry["label"] for entry in shown] == ["sees 3"]
    game = noughts()
    state = game.begin(draw_nature(game, 1, np.random.default_rng(0)))
    first = int(game.information(state)[0])
    assert game.describe(game.turns[0], first) == "sees 00 00 00 | 00 00 00 | 00 00 00"
    state, _ = game.step(state, np.array([[4.0]]))
    row = int(game.information(state)[0])
    assert game.describe(game.turns[1], row) == "row 4, such as 00 00 00 | 00 01 00 | 00 00 00"
    assert game.describe(game.turns[0], 5) == "player_1 5"


def test_an_observation_that_is_no_number_names_who_sees_it():
    game = counting(
        sees=Box(0, 1, (1,)), shown=np.nan, roles=Roles("a", ["b"], {"c": uniform}, {"b": Information(1, only)})
    )
    state = game.begin(np.zeros((1, game.nature.width), dtype=int))
    with pytest.raises(RulesError, match="c at step 0: ValueError: its observation has a NaN"):
        game.observe(state, 2)


def only(seen):
    return 0


def test_what_is_no_aec_environment_is_refused():
    with pytest.raises(InvalidFieldError, match="parallel_to_aec") as caught:
        AECGame(lambda: pettingzoo.make("parallel", "classic/rps-v2"), Roles("player_0", ["player_1"]), ONE_EACH)
    assert caught.value.field == "make"


def test_an_environment_that_cannot_be_made_is_refused():
    with pytest.raises(InvalidFieldError, match="ZeroDivisionError") as caught:
        AECGame(lambda: 1 / 0, Roles("a", ["b"]), {})
    assert caught.value.field == "make"


@pytest.mark.parametrize("payoffs", [{"a": (0, 9), "b": (0, 9)}, dict.fromkeys("abc", (1, np.inf))])
def test_payoffs_must_be_declared(payoffs):
    with pytest.raises(InvalidFieldError) as caught:
        counting(payoffs=payoffs)
    assert caught.value.field.startswith("payoffs")


def test_what_goes_wrong_later_names_agent_and_step(monkeypatch):
    """All of it in plays the first one does not show: action 1 sets it off."""
    monkeypatch.setattr("rllib_stackelberg.aec.trial_plays.TRIAL_PLAYS", 0)
    cases = {
        "b at step 1: ZeroDivisionError": {"fails": 1, "trigger": 1},
        "a play paid it 10, and payoffs declares 0..9": {"pays": 10, "trigger": 1},
        "information set 7 is not in 0..1": {"roles": Roles("a", ["b"], {"c": uniform}, {"b": Information(2, seven)})},
    }
    for message, options in cases.items():
        game = counting(**options)
        with pytest.raises(RulesError, match=r"environment counting: [abc] at step") as caught:
            played_out(game, [1.0])
        assert message in str(caught.value)


def played_out(game, actions):
    """As many plays of one seed as there are actions, each repeated to the end."""
    state = game.begin(np.zeros((len(actions), game.nature.width), dtype=int))
    while ((turn := game.turn(state)) != OVER).any():
        chosen = game.reply(state) if game.turns[turn[0]].kind == "reply" else np.array(actions)[:, None]
        state, _ = game.step(state, chosen)


def seven(seen):
    return 7 if seen else 0


def test_a_play_that_does_not_repeat_itself_is_refused(monkeypatch):
    monkeypatch.setattr(AECGame, "plays_at_once", 1)
    game = counting(forgets=True)
    with pytest.raises(RulesError, match="does not repeat itself"):
        played_out(game, [0.0, 0.0])


def test_seeds_are_as_many_as_chance_has_values():
    game = counting()
    assert game.nature.size == 2**31
    few = AECGame(Counting, game.roles, dict.fromkeys("abc", (0, 9)), chance=Prior.uniform(5))
    state = few.begin(few.nature.support()[0])
    few.turn(state)
    assert [play.session.env.seed for play in state.plays] == [0, 1, 2, 3, 4]


@pytest.fixture
def few_plays(monkeypatch):
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 100)
    monkeypatch.setattr(estimates, "DEVIATION_PLAYS", 16)
