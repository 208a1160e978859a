"""Counterfactual regret minimisation: against plain Python, against enumeration of plans, and what is refused."""

import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg import BestResponse, LeaderSettings, MultiplicativeWeights, StackelbergPOMDP, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation import plans
from rllib_stackelberg.evaluation.convergence import rungs_up_to
from rllib_stackelberg.evaluation.plans import Follower, certify_plans
from rllib_stackelberg.evaluation.strategies import evaluate_strategy
from rllib_stackelberg.plays.outcomes import outcomes_against
from rllib_stackelberg.plays.paths import Paths, paths_against
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.sampled_moves import SampledMoves
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.solvers import solve
from rllib_stackelberg.testing import game_test
from tests.games_for_tests import CORRELATED, BayesianGame

TIT_FOR_TAT = [1, 0, 1, 0, 1]
ONLY = np.zeros(1, dtype=np.int64)


@dataclass
class TwiceState(State):
    moves: np.ndarray
    made: np.ndarray


class Twice(StackelbergGame):
    """The leader picks a table; two followers with correlated types move in turn, twice, and see all moves.

    The first has two actions, the second three; an opening move of the second that is its last one ends the play. With
    `forgets` the first follower does not know its own first move when it makes its second.
    """

    def __init__(self, tables: int = 2, seed: int = 3, forgets: bool = False):
        self.utilities = np.random.default_rng(seed).random((tables, 2, 2, 2, 2, 3, 2, 3))
        self.actions, self.forgets = (2, 3, 2, 3), forgets
        self.turns = (
            Turn("pick", 0, Discrete(tables), "leader"),
            Turn("move", 1, Discrete(2), "learned", rows=2 + 2 * 6, times=2),
            Turn("move", 2, Discrete(3), "learned", rows=2 * 2 + 2 * 12, times=2),
        )
        self.prior = Prior.joint(CORRELATED)
        self.payoff_range = np.array([[0.0, 4.0], [0.0, 2.0], [0.0, 2.0]])
        shown = Box(-1, 3, (4,), np.float32)
        self.observation_spaces = (shown, shown, shown)

    def start(self, types, chance):
        return TwiceState(types, chance, np.full((len(types), 5), -1), np.zeros(len(types), dtype=np.int64))

    def turn(self, state):
        return np.where(state.made == 5, OVER, np.where(state.made == 0, 0, 2 - state.made % 2))

    def observe(self, state, agent):
        shown = np.full((len(state), 4), -1.0, dtype=np.float32)
        if agent > 0:
            shown[:, 0] = state.types[:, agent - 1]
            shown[:, 1:] = state.moves[:, 1:4]
        if agent == 1 and self.forgets:
            shown[:, 1] = -1
        return shown

    def information(self, state):
        a, b, c = np.maximum(state.moves[:, 1:4], 0).T
        t, u = state.types.T
        third = 2 + t * 6 + (0 if self.forgets else a * 3) + b
        keys = [0 * t, t, u * 2 + a, third, 4 + u * 12 + (a * 3 + b) * 2 + c, 0 * t]
        return np.choose(state.made, keys)

    def transition(self, state, actions):
        k, moves, made = np.arange(len(state)), state.moves.copy(), state.made
        live = made < 5
        moves[k[live], made[live]] = actions[live, 0].astype(np.int64)
        t, m, cut = state.types, np.maximum(moves, 0), live & (made == 2) & (moves[:, 2] == 2)
        ends = cut | (made == 4)
        paid = self.utilities[m[:, 0], :, t[:, 0], t[:, 1], m[:, 1], m[:, 2], m[:, 3], m[:, 4]]
        opening = np.stack([moves[:, 1] == t[:, 0], moves[:, 1] != t[:, 1]], axis=1)
        paid = np.where(ends[:, None], paid, 0.0) + np.where((made == 1)[:, None], opening, 0.0)
        after = TwiceState(t, state.chance, moves, np.where(ends, 5, np.minimum(made + 1, 5)))
        return after, np.concatenate([paid.sum(axis=1, keepdims=True), paid], axis=1)


GAMES = {
    "round": lambda: make_game("iterated-bimatrix", follower_sees="round", rounds=3),
    "joint": lambda: make_game("iterated-bimatrix", rounds=3),
    "interview": lambda: make_game("interview", types=3),
    "twice": Twice,
    "twice-forgets": lambda: Twice(forgets=True),
}
RECALL = ["round", "interview", "twice"]


def random_strategy(game, seed):
    turn = game.leader_turn
    answers = np.random.default_rng(seed).integers(turn.choices, size=turn.keys)
    return LeaderStrategy.from_pairs(game, list(enumerate(answers.tolist())))


class PlainTree:
    """Counterfactual payoffs and everything that goes with them, by recursion over the rules, one play at a time."""

    def __init__(self, game, strategy, policies):
        self.game, self.policies = game, policies
        self.answers = {key: float(action[0]) for key, action in strategy.answers.items()}
        self.utilities = [np.zeros(policy.shape) for policy in policies]
        self.reach = [np.zeros(len(policy)) for policy in policies]
        self.own = [np.zeros(policy.shape) for policy in policies]
        self.ways = defaultdict(set)
        self.values = np.zeros(len(game.agents))
        for nature, p in zip(*game.nature.support(), strict=True):
            self.nature = (tuple(nature), p)
            shares = [p] * len(policies)
            self.values += p * self.descend(
                game.begin(nature[None]), np.zeros(len(game.agents)), shares, [()] * 2, [p] * 2
            )

    def descend(self, state, paid, others, made, own):
        """Expected payoffs `[agents]`; reach `others`: without each follower; `own`: of it alone; `made` by it."""
        k = int(self.game.turn(state)[0])
        if k == OVER:
            return paid
        turn, key = self.game.turns[k], int(self.game.information(state)[0])
        if turn.kind == "leader":
            return self.child(state, self.answers[key], paid, others, made, own)
        m = self.game.learned_turns.index(turn)
        policy = self.policies[m][key]
        values = []
        for a, share in enumerate(policy):
            after = [other if i == m else other * share for i, other in enumerate(others)]
            did = [(*done, a) if i == m else done for i, done in enumerate(made)]
            mine = [reach * share if i == m else reach for i, reach in enumerate(own)]
            values.append(self.child(state, a, paid, after, did, mine))
            self.utilities[m][key, a] += others[m] * (values[-1] - paid)[turn.agent]
            self.own[m][key, a] += own[m] * share
        self.reach[m][key] += others[m]
        self.ways[m, key].add((self.nature, made[m]))
        return policy @ np.array(values)

    def child(self, state, action, paid, *rest):
        after, payoffs = self.game.step(state, np.full((1, self.game.width), float(action)))
        return self.descend(after, paid + payoffs[0], *rest)


def scattered(response, seed):
    """Followers that have learned something or other."""
    rng = np.random.default_rng(seed)
    for state in response.states:
        state.numbers[:] = rng.normal(size=state.numbers.shape)
    return [policy[0] for policy in response.policies("last")]


@pytest.mark.parametrize("name", GAMES)
def test_counterfactual_payoffs_are_those_of_a_plain_walk(name):
    game, learner = GAMES[name](), MultiplicativeWeights()
    strategy = random_strategy(game, 5)
    table, response = paths_against(game, strategy), CounterfactualResponse(game, (learner,), 1)
    tree = PlainTree(game, strategy, scattered(response, 1))
    before = [state.numbers[0].copy() for state in response.states]
    np.testing.assert_allclose(response.worth(table, response.policies("last"))[0], tree.values, atol=1e-12)
    response.learn(table, ONLY, 1)
    np.testing.assert_allclose(response.recorded(table, ONLY)[0], tree.values, atol=1e-12)
    for m, rows in enumerate(response.rows):
        actions = game.learned_turns[m].choices
        np.testing.assert_allclose(response.sums.fixed[0, rows, :actions], tree.utilities[m], atol=1e-12)
        np.testing.assert_allclose(response.sums.policy[0, rows, :actions], tree.own[m], atol=1e-12)
        np.testing.assert_array_equal(response.sums.visits[0, rows], tree.reach[m] > 0)
        mass = [sum(p for (_, p), _ in tree.ways[m, row]) or 1 for row in range(len(tree.reach[m]))]
        gained = tree.utilities[m] / np.array(mass)[:, None] / game.utility_scale
        np.testing.assert_allclose(
            response.states[m].numbers[0] - before[m], np.log1p(learner.epsilon) * gained, atol=1e-12
        )


def test_where_everybody_moves_once_it_is_the_expected_update():
    game = BayesianGame(tables=2)
    strategy = random_strategy(game, 2)
    response, other = (kind(game, (MultiplicativeWeights(),), 1) for kind in (CounterfactualResponse, Response))
    response.learn(paths_against(game, strategy), ONLY, 40)
    other.learn_expected(outcomes_against(game, strategy), ONLY, 40)
    for play in ("last", "average"):
        for mine, known in zip(response.policies(play), other.policies(play), strict=True):
            np.testing.assert_allclose(mine, known, atol=1e-12)


def every_plan(response, table, turn, weights):
    """Payoffs after the first moves of all plans, one by one."""
    follower = Follower(response, table, turn)
    policy = np.zeros((response.rows[turn].stop - response.rows[turn].start, follower.actions))
    policy[:, 0] = 1
    found = []
    for actions in product(range(follower.actions), repeat=len(follower.places)):
        policy[list(follower.places)] = np.eye(follower.actions)[list(actions)]
        found.append(follower.walk(policy, weights).begun[:, 0])
    return np.array(found)


@pytest.mark.parametrize(("name", "turns"), [("round", [0]), ("joint", [0]), ("interview", [0]), ("twice", [0])])
def test_the_best_plan_is_that_of_enumeration(name, turns):
    game = GAMES[name]() if name != "interview" else make_game("interview", types=2)
    for seed in range(3):
        table = paths_against(game, random_strategy(game, seed))
        response = CounterfactualResponse(game, (MultiplicativeWeights(3.0),), 1)
        scattered(response, seed)
        response.learn(table, ONLY, 3)
        for turn in turns:
            weights = response.sums.weights[0, turn]
            best = Follower(response, table, turn).best(weights)
            known = every_plan(response, table, turn, weights)
            np.testing.assert_allclose(best.max(axis=0), known.max(axis=0), atol=1e-12)
            np.testing.assert_allclose(best.sum(axis=1).max(), known.sum(axis=1).max(), atol=1e-12)


@pytest.mark.parametrize("name", GAMES)
def test_who_recalls(name):
    game = GAMES[name]()
    response = CounterfactualResponse(game, (MultiplicativeWeights(),), 1)
    table = paths_against(game, random_strategy(game, 5))
    found = [Follower(response, table, turn).recalls for turn in range(len(response.learners))]
    assert found == [name in RECALL, True][: len(found)]


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(RECALL), st.integers(0, 99), st.integers(1, 120), st.sampled_from([0.05, 0.5, 5.0]))
def test_regret_is_at_most_the_sum_of_the_rows_regrets(name, seed, updates, epsilon):
    """Zinkevich et al. 2007, theorem 3; and each row's is at most what its learner promises."""
    game = GAMES[name]()
    table = paths_against(game, random_strategy(game, seed))
    response = CounterfactualResponse(game, (MultiplicativeWeights(epsilon),), 1)
    response.learn(table, ONLY, updates)
    rows = response.regrets()[0]
    for turn, own in enumerate(response.rows):
        follower = Follower(response, table, turn)
        _, regret = follower.over_updates()
        assert regret <= rows[own].sum() + 1e-9
        assert rows[own].sum() <= follower.bound() + 1e-9
    certificate = certify_plans(response, table, "last")
    assert certificate.regret <= certificate.regret_bound
    assert certificate.bcce_gap <= certificate.regret / updates + 1e-12 or len(response.rows) > 1


def test_the_dilemma_against_tit_for_tat_is_learned():
    game = make_game("iterated-bimatrix", follower_sees="round")
    strategy = LeaderStrategy.from_pairs(game, list(enumerate(TIT_FOR_TAT)))
    rules = LeaderSettings.checked(followers="mw:epsilon=3", reward_play="average")
    gaps = []
    for updates in (20, 200, 2_000):
        found = evaluate_strategy(strategy, rules.model_copy(update={"response_updates": updates}))
        gaps.append(found.certificate.bcce_gap)
        assert found.certificate.deviation_gain == pytest.approx(gaps[-1])
        assert gaps[-1] * updates == pytest.approx(found.certificate.regret)
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.03
    assert found.by_play["average"] == pytest.approx(-6, abs=0.05)
    assert found.by_play["last"] == pytest.approx(-6, abs=1e-6)
    assert found.leader_value == found.by_play["average"]
    assert "regret" in found.certificate.words()
    assert json.loads(json.dumps(found.data()))["certificate"]["regret_bound"] > found.certificate.regret


def test_the_average_strategy_is_worth_what_was_recorded():
    """Kuhn: one follower that recalls. The average of its strategies at a row without weights is another one."""
    game = make_game("iterated-bimatrix", follower_sees="round")
    table = paths_against(game, LeaderStrategy.from_pairs(game, list(enumerate(TIT_FOR_TAT))))
    response = CounterfactualResponse(game, (MultiplicativeWeights(1.0),), 1)
    response.learn(table, ONLY, 200)
    np.testing.assert_allclose(
        response.worth(table, response.policies("average")), response.recorded(table, ONLY), atol=1e-9
    )


def course(follower, rounds):
    """Payoff of a follower with a map from what it knows (the last round) to actions, against tit for tat."""
    last, total = None, 0
    for _ in range(rounds):
        question = 0 if last is None else 1 + 2 * last[0] + last[1]
        last = (TIT_FOR_TAT[question], int(follower[question]))
        total += {(0, 0): -1, (0, 1): 0, (1, 0): -3, (1, 1): -2}[last]
    return total


@pytest.mark.parametrize("most", [32, 31])
def test_a_follower_that_forgets_is_compared_with_all_its_plans_or_changes_at_one_row(most, monkeypatch):
    monkeypatch.setattr(plans, "PLANS", most)
    game = make_game("iterated-bimatrix")
    table = paths_against(game, LeaderStrategy.from_pairs(game, list(enumerate(TIT_FOR_TAT))))
    response = CounterfactualResponse(game, (MultiplicativeWeights(),), 1)
    response.learn(table, ONLY, 50)
    greedy = response.policies("argmax")[0][0].argmax(axis=1)
    tried = list(product(range(2), repeat=5))
    if most == 31:
        tried = [other for other in tried if (np.array(other) != greedy).sum() <= 1]
    certificate = certify_plans(response, table, "argmax")
    best = max(course(plan, 5) for plan in tried)
    assert certificate.deviation_gain == pytest.approx(best - course(greedy, 5))
    assert certificate.regret_bound is None
    assert (certificate.bcce_gap is None) == (certificate.regret is None) == (most == 31)
    assert ("one of its information sets" in certificate.words()) == (most == 31)


@pytest.mark.parametrize("parameters", [{}, {"early": 0.0}, {"early": 1.0}, {"types": 3}, {"types": 5}, {"types": 1}])
def test_the_optimum_of_the_interview_is_that_of_all_leader_tables(parameters):
    game = make_game("interview", **parameters)
    types, early = np.arange(game.types), game.early
    best = 0.0
    for table in product(range(game.types), repeat=6):
        guess, item = np.array(table[:2]), np.array(table[2:]).reshape(2, 2)
        gets = early * (guess[:, None] == types)[:, None] + (1 - early) * (item[..., None] == types)
        best = max(best, gets.reshape(4, -1).max(axis=0).mean())
        if best == 1:
            break
    assert solve(game).leader_value == pytest.approx(best)


@pytest.mark.parametrize("parameters", [{}, {"types": 6, "messages": 3, "early": 0.5}, {"types": 2, "messages": 3}])
@pytest.mark.parametrize("learner", [MultiplicativeWeights(), BestResponse()])
def test_followers_find_the_optimum_of_the_interview(parameters, learner):
    game = make_game("interview", **parameters)
    strategy = LeaderStrategy.from_pairs(game, list(solve(game).leader_strategy))
    found = evaluate_strategy(strategy, LeaderSettings.checked(followers=learner))
    assert found.leader_value == pytest.approx(solve(game).leader_value)
    assert found.certificate.equilibrium
    assert found.follower_values == (found.leader_value,)
    rungs = rungs_up_to(strategy, LeaderSettings.checked(followers=learner), seed=0)
    assert rungs[-1].gap < rungs[0].gap / 4


@pytest.mark.parametrize("play", ["argmax", "last", "average"])
def test_leader_episodes_equal_the_evaluation_and_any_batch(play):
    game, rules = Twice(tables=3), LeaderSettings.checked(response_updates=30, reward_play=play)
    values = []
    for envs in (1, 3):
        env = StackelbergPOMDP(game, rules, num_envs=envs)
        env.begin(np.arange(envs))
        env.answer(env.posed(np.arange(envs)), np.arange(envs)[::-1])
        assert len(env.live) == 0
        values.append(env.elicitation.value.copy())
        assert (env.elicitation.response.average_regret() > 0).all()
    assert values[0][0] == values[1][2]
    table = paths_against(game, LeaderStrategy.from_pairs(game, [(0, 0)]))
    response = CounterfactualResponse(game, rules.followers, 1)
    response.learn(table, ONLY, 30)
    assert response.worth(table, response.policies(play))[0, 0] == values[0][0]
    found = evaluate_strategy(LeaderStrategy.from_pairs(game, [(0, 0)]), rules)
    if play == "average":  # two followers: what is reported is their joint play, not that of independent averages
        assert found.leader_value == response.recorded(table, ONLY)[0, 0]
    else:
        assert found.leader_value == pytest.approx(values[0][0], abs=1e-12)


def test_kept_followers_go_on_where_they_were():
    game = make_game("interview")
    kept = LeaderSettings.checked(response_updates=20, keep_followers=True)
    env = StackelbergPOMDP(game, kept, num_envs=1)
    table = [answer for _, answer in solve(game).leader_strategy]
    ends = []
    for _ in range(2):
        env.begin(np.arange(1))
        begins = env.elicitation.response.states[0].numbers.copy()
        while len(live := env.live):
            env.answer(env.posed(live), np.array(table)[env.elicitation.question[live]])
        ends.append((begins, env.elicitation.response.states[0].numbers.copy()))
    np.testing.assert_array_equal(ends[1][0], ends[0][1])
    once = CounterfactualResponse(game, kept.followers, 1)
    once.learn(paths_against(game, LeaderStrategy.from_pairs(game, list(enumerate(table)))), ONLY, 40)
    np.testing.assert_array_equal(ends[1][1], once.states[0].numbers)


def test_a_game_of_two_followers_keeps_the_contract():
    game_test(Twice())


@pytest.mark.parametrize(
    ("field", "game", "values"),
    [
        ("followers", "platform-pricing", {}),
        ("followers", "interview", {"followers": ("mw", "mw")}),
        ("leader_queries", "interview", {"leader_queries": "every_turn"}),
        ("elicitation", "interview", {"elicitation": "in_play"}),
        ("reward_plays", "interview", {"reward_plays": 10}),
        ("deviation_penalty", "interview", {"deviation_penalty": 1.0}),
    ],
)
def test_what_cannot_work_is_refused_by_name(field, game, values):
    with pytest.raises(InvalidFieldError, match=rf"^{field}"):
        LeaderSettings.checked(**values).fitted(make_game(game))


def test_a_game_of_too_many_paths_is_not_looked_up(tmp_path):
    file = tmp_path / "payoffs.json"
    file.write_text(json.dumps({"leader": [[1, 2, 3]], "follower": [[3, 2, 1]]}), encoding="utf-8")
    game = make_game("iterated-bimatrix", file=file, rounds=8)
    assert Paths.count(game) == 6_561
    assert followers_for(game, LeaderSettings.checked()) is SampledMoves
    with pytest.raises(InvalidFieldError, match=r"^update_mode: expected over 6,561 courses of play"):
        LeaderSettings.checked(update_mode="expected").fitted(game)
