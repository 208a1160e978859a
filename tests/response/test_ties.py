"""How indifferent followers act: the rule in responses, training, certificates and solvers."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from rllib_stackelberg import (
    LeaderSettings,
    MultiplicativeWeights,
    StackelbergPOMDP,
    evaluate_strategy,
    make_game,
    respond,
    solve,
)
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.indifference import indifference
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.evaluation.verdict import Kind, verdict
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.plays.paths import paths_against
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.tie_breaking import settled
from rllib_stackelberg.rules.game import StackelbergGame, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.ties import RULES, broken
from rllib_stackelberg.solvers import exact_solve, response_solve, table_solve
from tests.games_for_tests import BayesianGame, TakenState

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sale(tmp_path_factory):
    """The posted price of the README: at 4/8 the buyer of value 1/2 is indifferent."""
    folder = tmp_path_factory.mktemp("sale")
    code = re.search(r"```python\n(.*?)```", README[README.index("## Your own game") :], re.S).group(1)
    (folder / "posted_price.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield make_game("posted_price:PostedPrice", values=4)


class Contract(StackelbergGame):
    """Hidden action: low effort is free, high effort costs .4; the leader pays by outcome, worth 0, 1 and 2 to it.

    Paid (0, 0, 1) the follower is indifferent: .9 for the leader if it works, .75 if not. No payment does better.
    """

    OUTCOMES = np.array([[0.25, 0.75, 0.0], [0.1, 0.5, 0.4]])

    def __init__(self):
        self.turns = (Turn("pay", 0, Box(0, 2, (3,)), "leader"), Turn("effort", 1, Discrete(2), "learned"))
        self.prior = Prior.uniform(1)
        self.payoff_range = np.array([[-2.0, 2.0], [-0.4, 2.0]])
        self.observation_spaces = (Box(0, 1, (1,), np.float32), Box(0, 2, (3,), np.float32))

    def start(self, types, chance):
        return TakenState(types, chance, np.zeros(len(types), dtype=np.int64), np.zeros((len(types), 3)))

    def turn(self, state):
        return np.where(state.taken < 2, state.taken, -1)

    def observe(self, state, agent):
        return state.moves.astype(np.float32) if agent else np.zeros((len(state), 1), dtype=np.float32)

    def transition(self, state, actions):
        paying, effort = state.taken == 0, (actions[:, 0] > 0).astype(int)
        wages = np.where(paying[:, None], actions[:, :3], state.moves)
        paid = (self.OUTCOMES[effort] * state.moves).sum(axis=1)
        both = np.stack([self.OUTCOMES[effort] @ [0, 1, 2] - paid, paid - np.array([0, 0.4])[effort]], axis=1)
        return TakenState(state.types, state.chance, state.taken + 1, wages), np.where(paying[:, None], 0.0, both)


def priced(game, price, ties="lowest", **settings):
    return evaluate_strategy(
        LeaderStrategy.from_pairs(game, [(0, price)]), LeaderSettings.checked(ties=ties, **settings)
    )


@pytest.mark.parametrize(
    ("ties", "value"), [("lowest", 0.25), ("leader", 0.375), ("against", 0.25), ("uniform", 0.3125)]
)
def test_the_value_of_a_price_is_that_of_the_rule(sale, ties, value):
    """At price 1/2 the types 3/4 and 1 buy; whether the type 1/2 does is all that the rule decides."""
    found = priced(sale, 4, ties)
    assert found.leader_value == pytest.approx(value)
    assert found.standard_error == 0
    certificate = found.certificate
    assert certificate.equilibrium
    assert (certificate.ties, certificate.indifferent, certificate.indifferent_probability) == (ties, 1, 0.25)
    assert (certificate.helping, certificate.harming) == pytest.approx((0.375, 0.25))


def test_a_certificate_says_in_words_what_ties_are_worth(sale):
    said = {ties: priced(sale, 4, ties).certificate.words() for ties in RULES}
    where = "followers are indifferent at 1 information set (probability 0.25)"
    assert f"{where} and do not help the leader; helping, 0.375" in said["lowest"]
    assert f"{where} and act for the leader; against it, 0.25" in said["leader"]
    assert f"{where}; helping the leader, 0.375; against it, 0.25" in said["uniform"]
    assert "no follower is indifferent" in priced(sale, 5).certificate.words()
    assert (
        "all the same to the leader"
        in respond(
            make_game("bimatrix", leader=[[1, 1]], follower=[[7, 7]]), [{"question": 0, "action": 0}]
        ).certificate.words()
    )


@pytest.mark.parametrize(("ties", "best"), [("lowest", 0.3125), ("leader", 0.375), ("against", 0.3125)])
def test_the_best_rule_depends_on_how_ties_are_broken(sale, ties, best):
    assert solve(sale, ties).leader_value == pytest.approx(best)
    assert max(priced(sale, price, ties).leader_value for price in range(9)) == pytest.approx(best)


@pytest.mark.parametrize(("ties", "best"), [("lowest", 0.3125), ("leader", 0.375), ("uniform", 0.3125)])
def test_the_optimum_against_learners_knows_their_ties(sale, ties, best):
    settings = LeaderSettings.checked(ties=ties, update_mode="expected", response_updates=20)
    assert response_solve(sale, settings).leader_value == pytest.approx(best)


@pytest.mark.parametrize("learner", ["best-response", "fictitious-play"])
def test_every_learner_shows_its_ties(learner):
    """Also those that play one of their best actions for certain."""
    game = make_game("bimatrix", leader=[[1, 5, 2, 9]], follower=[[7, 7, 7, 0]])
    for ties, value in {"lowest": 1, "leader": 5, "against": 1, "uniform": 8 / 3}.items():
        settings = {"followers": learner, "update_mode": "expected", "updates": 5, "ties": ties}
        assert respond(game, [{"question": 0, "action": 0}], **settings).leader_value == pytest.approx(value)


def gap_note(game, price, **settings):
    rules = LeaderSettings.checked(**settings)
    strategy = LeaderStrategy.from_pairs(game, [(0, price)])
    return result_data(game, strategy, evaluate_strategy(strategy, rules), rules)["gap_note"]


def test_a_gap_is_told_apart_by_what_followers_cost_and_what_was_not_learned(sale):
    assert gap_note(sale, 4, ties="leader") is None
    worth = "the optimum's own strategy is worth 0.375 against these followers, too"
    assert gap_note(sale, 5, ties="leader") == f"{worth}: all of the gap has not been learned"
    counts = "the optimum counts on followers that help the leader where they are indifferent"
    own = "against these followers, who take the lowest of equally good actions, its own strategy is worth 0.25"
    best = "the best strategy against such followers is worth 0.3125"
    assert gap_note(sale, 5) == f"{counts}; {own}; {best}, and that was learned: all of the gap is due to ties"
    both = "0.0625 of the gap is due to ties, 0.125 has not been learned"
    assert gap_note(sale, 2) == f"{counts}; {own}; {best}: {both}"


def test_a_gap_may_be_the_price_of_a_margin(sale):
    said = gap_note(sale, 5, ties="leader", deviation_margin=0.01)
    worth = "the optimum's own strategy is worth 0.375 against these followers, too"
    assert said == f"{worth}; but it leaves them a margin of 0, and the leader was trained to leave them 0.01"
    # At 5/8 the types 3/4 and 1/2 are nearest to changing their minds.
    assert priced(sale, 5).certificate.margin == pytest.approx(1 / 8)
    assert "no follower is indifferent: each prefers its play by at least 0.125" in priced(sale, 5).certificate.words()


def test_the_verdict_knows_what_can_be_reached(sale):
    """At price 5/8 no more can be had of buyers that do not help; at 2/8 more could."""
    rules = LeaderSettings()
    for price, kind in {5: Kind.BEST_AT_TIES, 2: Kind.BELOW_OPTIMUM}.items():
        strategy = LeaderStrategy.from_pairs(sale, [(0, price)])
        result = result_data(sale, strategy, evaluate_strategy(strategy, rules), rules)
        assert verdict(result).kind == kind
        assert len(verdict(result).short) <= 26
        assert result["exact_by_ties"] == {"lowest": 0.25, "leader": 0.375, "against": 0.25, "uniform": 0.3125}
        assert result["exact_best_by_ties"] == {"lowest": 0.3125, "leader": 0.375, "against": 0.3125, "uniform": 0.3125}
        assert result["reachable_value"] == 0.3125


def test_a_rule_that_only_enumeration_knows_is_refused_where_that_is_impossible():
    game = make_game("interview")
    assert exact_solve(game).leader_value == solve(game, "leader").leader_value
    with pytest.raises(InvalidFieldError, match=r"ties: lowest, of .*interview.*allowed: leader"):
        exact_solve(game, "lowest")
    assert solve(game, "lowest") is None


@pytest.mark.parametrize("name", ["escape", "maintain", "conitzer"])
def test_a_solver_of_its_own_knows_what_ties_are_worth(name):
    """Mixed commitments make the follower indifferent: what they are worth depends on the rule."""
    pure, mixed = solve(make_game(name)), solve(make_game(name, mixed=True))
    assert pure.best_by_ties == table_solve(make_game(name)).best_by_ties
    assert pure.by_ties["leader"] == pure.leader_value
    assert mixed.by_ties["leader"] == pytest.approx(mixed.leader_value)
    for ties in RULES:
        found = evaluate_strategy(
            LeaderStrategy.from_pairs(make_game(name, mixed=True), mixed.leader_strategy),
            LeaderSettings.checked(ties=ties, update_mode="expected"),
        )
        assert found.certificate.helping == pytest.approx(mixed.by_ties["leader"])
        assert found.certificate.harming == pytest.approx(mixed.by_ties["against"])


def test_selected_equilibria_of_several_followers_are_valued_by_every_rule():
    game = BayesianGame(tables=3, seed=2)
    found, brute = table_solve(game), {}
    for ties in ("lowest", "leader", "against"):
        brute[ties] = table_solve(game, ties).leader_value
    assert found.best_by_ties == pytest.approx(brute)
    assert found.by_ties["against"] <= found.by_ties["lowest"] <= found.by_ties["leader"] == found.leader_value
    with pytest.raises(InvalidFieldError, match="ties"):
        table_solve(game, "uniform")


def test_a_gap_may_be_that_of_another_equilibrium():
    """Two followers who meet: both at 1 is best for all, but at 0 one is sure of .6, and that is what they learn."""
    game = BayesianGame(tables=2, prior=np.array([[1.0, 0], [0, 0]]))
    meeting = np.array([[0.6, 0.6], [0.0, 0.8]])
    game.utilities[0] = np.stack([meeting, meeting.T])[:, None, None]
    game.utilities[1] = 0.4
    assert solve(game).leader_value == pytest.approx(1.6)
    said = gap_note(game, 1)
    assert "these followers play another equilibrium than the solver's, worth 1.2;" in said
    assert "0.4 of the gap has not been learned" in said


def test_training_is_rewarded_by_the_rule(sale):
    env = StackelbergPOMDP(sale, LeaderSettings.checked(ties="leader", response_updates=20), num_envs=9)
    env.reset()
    infos = env.step(np.arange(9))[4]
    values = [priced(sale, price, "leader", response_updates=20).leader_value for price in range(9)]
    np.testing.assert_allclose(infos["leader_value"], values, rtol=1e-12)
    assert infos["leader_value"].argmax() in (4, 6)


@pytest.mark.parametrize("way", [{}, {"elicitation": "in_play"}, {"leader_queries": "every_turn"}])
@pytest.mark.parametrize("ties", RULES)
def test_every_way_of_asking_breaks_ties_alike(way, ties):
    game = make_game("bimatrix", leader=[[1, 5, 2], [0, 3, 4]], follower=[[7, 7, 0], [1, 1, 1]])
    settings = LeaderSettings.checked(ties=ties, response_updates=3, **way)
    env = StackelbergPOMDP(game, settings, num_envs=2)
    env.reset()
    answer = np.array([0, 1])
    while True:
        _, _, terminated, _, infos = env.step(answer)
        if terminated.any():
            break
    expected = {"lowest": [1, 0], "leader": [5, 4], "against": [1, 0], "uniform": [3, 7 / 3]}[ties]
    np.testing.assert_allclose(infos["leader_value"], np.array(expected), rtol=1e-12)


def test_the_best_contract_is_worth_what_the_follower_does_when_indifferent():
    """The optimum of the linear program, (0, 0, 1): .9 if the follower helps, .75 if it takes the lowest action."""
    game = Contract()
    for ties, value in {"leader": 0.9, "lowest": 0.75, "against": 0.75, "uniform": 0.825}.items():
        found = respond(game, [{"question": 0, "action": [0, 0, 1]}], updates=50, ties=ties)
        assert found.leader_value == pytest.approx(value)
        assert (found.certificate.helping, found.certificate.harming) == pytest.approx((0.9, 0.75))
    # A margin of .04 for the follower is all that a contract must leave it to need no help.
    robust = respond(game, [{"question": 0, "action": [0, 0, 1.1]}], updates=50)
    assert robust.leader_value == pytest.approx(0.86)
    assert robust.certificate.indifferent == 0


def brute(table, tied, sign):
    """Independent: plain loops over all joint choices among tied actions."""
    rows = [(k, r) for k, mask in enumerate(tied) for r in range(mask.shape[1])]
    best = -np.inf
    for actions in product(*(np.flatnonzero(tied[k][0, r]) for k, r in rows)):
        policies = [np.zeros(mask.shape) for mask in tied]
        for (k, r), a in zip(rows, actions, strict=True):
            policies[k][0, r, a] = 1
        best = max(best, sign * table.values(table.distribution(policies))[0, 0])
    return sign * best


@pytest.mark.parametrize("sequential", [False, True])
def test_several_followers_decide_together(sequential, monkeypatch):
    """Against all joint choices; one after the other they find something between lowest actions and that."""
    rng = np.random.default_rng(3)
    for seed in range(6):
        game = BayesianGame(seed=seed, sequential=sequential)
        table = tabulate(game, np.zeros((1, 1, 1)))
        tied = [rng.random((1, turn.keys, 2)) < 0.7 for turn in game.learned_turns]
        for mask in tied:
            mask[~mask.any(axis=-1)] = True
        lowest = [broken(mask, np.zeros(mask.shape), "lowest") for mask in tied]
        base = table.values(table.distribution(lowest))[0, 0]
        for ties, sign in {"leader": 1, "against": -1}.items():
            found = table.values(table.distribution(settled(table, tied, ties)))[0, 0]
            assert found == pytest.approx(brute(table, tied, sign), rel=1e-12)
            with monkeypatch.context() as few:
                few.setattr("rllib_stackelberg.response.tie_breaking.JOINT_CHOICES", 1)
                turns = table.values(table.distribution(settled(table, tied, ties)))[0, 0]
            assert sign * base - 1e-12 <= sign * turns <= sign * found + 1e-12


def test_rules_are_ordered_for_one_follower():
    """Random games with many ties: against <= lowest <= leader, and uniform between the ends."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        leader, follower = rng.integers(0, 9, (3, 4)), rng.integers(0, 2, (3, 4))
        game = make_game("bimatrix", leader=leader.tolist(), follower=follower.tolist())
        values = {ties: table_solve(game, ties).leader_value for ties in RULES}
        assert values["against"] <= values["lowest"] <= values["leader"]
        assert values["against"] - 1e-9 <= values["uniform"] <= values["leader"] + 1e-9
        for row in range(3):
            played = {
                ties: respond(game, [{"question": 0, "action": row}], updates=5, ties=ties).leader_value
                for ties in RULES
            }
            assert played["against"] <= played["lowest"] <= played["leader"]
            assert played["against"] - 1e-9 <= played["uniform"] <= played["leader"] + 1e-9


def test_helping_and_harming_keep_an_equilibrium():
    """Follower 0 does not care, follower 1 wants to do as it does, the leader gets their sum."""
    game = BayesianGame(prior=np.array([[1.0, 0], [0, 0]]))
    both_0 = [np.tile(np.eye(2)[0], (3, turn.keys, 1)) for turn in game.learned_turns]
    game.utilities[:, 0] = 0.5
    game.utilities[:, 1] = 0.25 + 0.5 * np.eye(2)
    found = indifference(tabulate(game, np.zeros((1, 1, 1))), both_0)
    # Follower 0 alone could take .5 from the leader, but follower 1 would then rather follow it.
    assert (found["indifferent"], found["indifferent_probability"]) == (1, 1.0)
    assert (found["helping"], found["harming"]) == pytest.approx((1.25, 1.25))
    # A follower 1 that can do nothing about it loses, too.
    game.utilities[:, 1] = [[0.75, 0.75], [0.25, 0.25]]
    found = indifference(tabulate(game, np.zeros((1, 1, 1))), both_0)
    assert found["indifferent"] == 2
    assert (found["helping"], found["harming"]) == pytest.approx((1.25, 0.75))


def test_a_margin_buys_certainty(sale):
    """Whatever the rule: the penalty makes a price at which a buyer is indifferent worth less than a lower one."""
    for ties in RULES:
        settings = LeaderSettings.checked(ties=ties, deviation_margin=0.01, response_updates=20)
        assert settings.fitted(sale).deviation_penalty == pytest.approx(100)  # the leader's range over the margin
        env = StackelbergPOMDP(sale, settings, num_envs=9)
        env.reset()
        env.step(np.arange(9))
        steered = env.elicitation.value - env.elicitation.penalty
        assert steered.argmax() == 5
        assert env.elicitation.penalty[5] == 0
        assert env.elicitation.penalty[4] == pytest.approx(0.25)  # the probability of an indifferent buyer


@pytest.mark.parametrize(
    ("field", "game", "settings"),
    [
        ("ties", "escape", {"ties": "random"}),
        ("ties", "escape", {"ties": "leader", "reward_play": "last"}),
        ("ties", "iterated-bimatrix", {"ties": "leader", "followers": "q-learning"}),
        ("ties", "matrix-design", {"ties": "against", "elicitation": "in_play", "reward_plays": 3}),
        ("deviation_margin", "interview", {"deviation_margin": 0.1}),
        ("deviation_margin", "iterated-bimatrix", {"deviation_margin": 0.1, "followers": "q-learning"}),
        ("deviation_margin", "matrix-design", {"deviation_margin": 0.1, "reward_plays": 3}),
    ],
)
def test_what_a_response_cannot_do_is_refused_by_name(field, game, settings):
    with pytest.raises(InvalidFieldError) as refused:
        LeaderSettings.checked(**settings).fitted(make_game(game))
    assert refused.value.field == field


@pytest.mark.parametrize(("ties", "sign"), [("leader", 1), ("against", -1)])
def test_a_follower_that_moves_several_times_breaks_ties_at_all_its_moves(ties, sign):
    """Never updated, all its actions are tied: the course it takes is the best of all, or the worst."""
    game = make_game("iterated-bimatrix", follower_sees="round", rounds=3)
    for seed in range(4):
        answers = np.random.default_rng(seed).integers(2, size=game.leader_turn.keys)
        table = paths_against(game, LeaderStrategy.from_pairs(game, list(enumerate(answers.tolist()))))
        response, only = CounterfactualResponse(game, (MultiplicativeWeights(),), 1), np.zeros(1, dtype=np.int64)
        found = response.reported(table, only, "argmax", ties)
        best = sign * max(sign * table.paid[0, 0, 0, :, -1, 0])
        assert response.worth(table, found)[0, 0] == pytest.approx(best)


def test_the_interview_is_trained_and_valued_with_the_same_ties():
    game = make_game("interview", types=2)
    values = {}
    for ties in RULES:
        settings = LeaderSettings.checked(ties=ties, response_updates=3)
        env = StackelbergPOMDP(game, settings, num_envs=1)
        env.reset()
        terminated = [False]
        while not terminated[0]:
            terminated, _, infos = env.step(np.zeros(1, dtype=int))[2:]
        values[ties] = infos["leader_value"][0]
        constant = LeaderStrategy.ask(game, lambda seen: np.zeros((len(seen), 1)))
        found = evaluate_strategy(constant, settings)
        assert found.leader_value == pytest.approx(values[ties])
        assert found.certificate.ties == ties
    assert values["against"] <= values["lowest"] <= values["leader"]
