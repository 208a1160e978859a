"""What of a reward met each question, and how answers are judged by it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ray.rllib.evaluation.postprocessing import Postprocessing

from rllib_stackelberg import LeaderSettings, StackelbergPOMDP, leader_config, make_game
from rllib_stackelberg.leader.actions import sampled
from rllib_stackelberg.response.fields import PLAYS_ASKED_ONCE, PLAYS_JUDGED
from rllib_stackelberg.rules.game import OVER
from rllib_stackelberg.training.leaders.batches import OwnAdvantages, direct_advantages
from tests.games_for_tests import Offers

MODES = {"sampled": {"reward_plays": 40}, "exact": {"reward_plays": "exact"}}


def played(settings, envs=4, **parameters):
    """An episode of every environment: the environments, and all questions that were asked, with whose they are."""
    game = make_game("message-spm", **{"buyers": 3, "types": 3} | parameters)
    env = StackelbergPOMDP(game, LeaderSettings.checked(response_updates=20, elicitation="in_play", **settings), envs)
    env.begin(np.arange(envs))
    fronts = []
    while len(live := env.live):
        front = env.front(live)
        seen = env.observe(front)
        env.answer(front, sampled(env.single_action_space, len(front.envs), seen.get("mask")))
        fronts.append(front)
    owners, questions, _ = (np.concatenate(part) for part in zip(*fronts, strict=True))
    return env, owners, questions


@pytest.mark.parametrize("mode", MODES)
def test_first_questions_share_all_of_the_reward(mode):
    """Every play asks one question before any buyer was visited: together these met all plays and earned the value."""
    env, owners, questions = played(MODES[mode])
    credit = env.elicitation.credit(owners, questions)
    first = np.array(["buyer" not in env.game.describe(env.game.leader_turn, int(key)) for key in questions])
    for episode in range(4):
        mine = (owners == episode) & first
        assert credit.met[mine].sum() == pytest.approx(1.0)
        assert credit.paid[mine].sum() == pytest.approx(env.elicitation.value[episode])
    assert (credit.met >= 0).all()
    assert (credit.met[~first].sum()) > 0


def test_revenue_is_met_where_it_is_paid():
    env, owners, questions = played(MODES["exact"], objective="revenue", items=2)
    credit = env.elicitation.credit(owners, questions)
    assert (credit.paid >= -1e-12).all()
    assert (credit.paid <= credit.met * env.game.payoff_range[0, 1] + 1e-12).all()


class Silent(Offers):
    """Where nobody tells anything the leader is not asked: the play is over."""

    def turn(self, state):
        silent = (state.sent >= self.buyers) & ~state.heard.any(axis=1)
        return np.where(silent, OVER, super().turn(state))


def test_questions_that_no_play_of_the_reward_comes_to_have_no_merit():
    """Telling pays nobody at a price of 2, so that followers tell nothing once they have learned."""
    settings = LeaderSettings.checked(response_updates=3, elicitation="in_play", reward_plays=10)
    env = StackelbergPOMDP(Silent(), settings, 2)
    env.begin(np.arange(2))
    fronts = []
    while len(live := env.live):
        front = env.front(live)
        choices = env.observe(front)["mask"].argmax(axis=1)
        env.answer(front, np.stack([choices, np.ones(len(choices))], axis=1))
        fronts.append(front)
    owners, questions, _ = (np.concatenate(part) for part in zip(*fronts, strict=True))
    credit = env.elicitation.credit(owners, questions)
    assert (credit.met == 0).all()
    assert (credit.paid == 0).all()


def test_all_profiles_of_a_reward_have_no_credit():
    env, owners, questions = played({"reward_plays": "exact", "ties": "leader"})
    assert env.elicitation.credit(owners, questions) is None


def test_what_the_leader_sees_explains_is_no_merit():
    """Payoffs that are linear in what is seen leave nothing; one answer that earned more stands out, the others pay."""
    torch.manual_seed(0)
    seen, met = torch.rand(60, 3), torch.rand(60)
    met[50:] = 0
    usual = 1 + seen @ torch.tensor([1.0, -2.0, 0.5])
    assert direct_advantages(met, met * usual, seen).abs().max() == 0
    better = usual.clone()
    better[7] += 1
    found = direct_advantages(met, met * better, seen)
    assert found.argmax() == 7
    assert found[50:].abs().max() == 0
    assert found[:50].square().mean() == pytest.approx(1.0, rel=1e-4)


def sold(envs=3):
    """An episode of a sale in which every visit pays: whose questions were asked, and the share of buyers left."""
    game = make_game("posted-prices", buyers=4, items=2, quantiles=20)
    env = StackelbergPOMDP(game, LeaderSettings.checked(response_updates=1, reward_plays=200), envs)
    env.begin(np.arange(envs))
    fronts, left = [], []
    while len(live := env.live):
        front = env.front(live)
        left.append(env.observe(front)["actor"][:, 0])
        env.answer(front, sampled(env.single_action_space, len(front.envs)))
        fronts.append(front)
    owners, questions, _ = (np.concatenate(part) for part in zip(*fronts, strict=True))
    return env, owners, questions, np.concatenate(left)


def test_answers_have_no_merit_of_what_was_paid_before():
    """All plays meet a question of the first visit and earn the value from there; the last visit earns its own sale."""
    env, owners, questions, left = sold()
    credit = env.elicitation.credit(owners, questions)
    first, last = left == left.max(), left == left.min()
    for episode in range(3):
        mine = owners == episode
        assert credit.met[mine & first].sum() == pytest.approx(1.0)
        by_visit = [credit.paid[mine & (left == share)].sum() for share in sorted(set(left), reverse=True)]
        assert by_visit[0] == pytest.approx(env.elicitation.value[episode])
        assert (np.diff(by_visit) <= 1e-12).all()
    assert (credit.paid[last] <= 2 * credit.met[last] + 1e-12).all()


@pytest.mark.parametrize(
    ("name", "parameters", "alone"),
    [
        ("posted-prices", {"setting": "kitchen-sink"}, True),
        ("posted-prices", {}, True),
        ("message-spm", {"messages": 1, "buyers": 3}, True),
        ("message-spm", {"buyers": 3}, False),
        ("menu", {}, False),
    ],
)
def test_leaders_that_nobody_learns_from_are_trained_by_their_own_plays(name, parameters, alone):
    """Where several questions are asked: what one is asked alone is judged by all that is paid anyway."""
    game = make_game(name, **parameters)
    config = leader_config(game=name, game_config=parameters)
    assert game.played_alone == alone
    assert config.learner_config_dict.get("own_advantages", False) == alone
    settings = LeaderSettings.checked(response_updates=game.response_updates).fitted(game)
    assert settings.reward_plays in (("exact", PLAYS_JUDGED) if alone else ("exact", PLAYS_ASKED_ONCE))


def test_answers_are_judged_by_their_own_plays_alone():
    """By what the critic did not expect of them, as often as they were met; the critic learns what they earned."""
    met, paid = torch.tensor([1.0, 0.5, 0.25, 0.0]), torch.tensor([3.0, 0.5, 0.5, 0.0])
    expected = torch.tensor([2.0, 1.0, 1.0, 7.0])
    critic = SimpleNamespace(compute_values=lambda rows: expected)
    modules = {"leader": SimpleNamespace(unwrapped=lambda: critic)}
    rows = OwnAdvantages()(rl_module=modules, batch={"leader": {"met": met, "paid": paid}}, episodes=[])["leader"]
    apart = torch.tensor([1.0, 0.0, 0.25, 0.0])
    torch.testing.assert_close(rows[Postprocessing.ADVANTAGES], apart / apart.square().mean().sqrt())
    torch.testing.assert_close(rows[Postprocessing.VALUE_TARGETS], torch.tensor([3.0, 1.0, 2.0, 7.0]))
    exact = {"met": met, "paid": met * expected}
    rows = OwnAdvantages()(rl_module=modules, batch={"leader": exact}, episodes=[])["leader"]
    assert rows[Postprocessing.ADVANTAGES].abs().max() == 0
