"""Runs of leaders with choices, numbers, masks and seats: trained, stopped and gone on with, against mixtures too."""

import json

import pytest

from rllib_stackelberg import evaluate
from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.errors import InterruptedRunError
from rllib_stackelberg.leader.answered import Answered
from rllib_stackelberg.leader.env import choose_elicitation
from rllib_stackelberg.leader.policy import LeaderNetwork, SeatNetwork
from rllib_stackelberg.runs.evaluate import load_policy
from rllib_stackelberg.training.runs import resume, train
from tests.games_for_tests import Offers
from tests.training.running.test_states import same
from tests.training.test_resume import few_episodes, lines, options, stop, what_counts, without_time  # noqa: F401

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local", "few_episodes")]

OFFERS = f"{Offers.__module__}:Offers"


CORRELATED = [[0.4, 0.1], [0.1, 0.4]]
IN_PLAY = {"response_updates": 10, "elicitation": "in_play"}

STOPPED = {
    "all asked first": {"game": OFFERS, "params": {"buyers": 3}},
    "noise, correlated types, by fronts": {
        "game": "message-spm", "params": {"types": 2, "noise": 0.1, "prior": CORRELATED}, "settings": IN_PLAY,
    },
}  # fmt: skip


@pytest.mark.parametrize("case", STOPPED)
def test_a_run_with_choices_and_seats_goes_on_where_it_stopped(tmp_path, case):
    given = STOPPED[case] | {"max_iterations": 3}
    whole = train(options(tmp_path / "whole", **given))
    with pytest.raises(InterruptedRunError, match="SIGTERM"):
        train(options(tmp_path / "parts", **given), stop(2))
    went_on = resume(tmp_path / "parts", game=OFFERS if given["game"] == OFFERS else None)
    same(what_counts(tmp_path / "parts"), what_counts(tmp_path / "whole"))
    assert lines(tmp_path / "parts") == lines(tmp_path / "whole")
    assert without_time(went_on) == without_time(whole)


@pytest.mark.parametrize(
    "params",
    [
        {"types": 2, "buyers": 3, "noise": 0.2, "channel": "erasure"},
        {"types": 2, "buyers": 4, "noise": 0.1, "anonymous": True},
    ],
)
def test_noise_and_mixtures_are_met_by_fronts_with_choices(tmp_path, params):
    """Updates are foreseen, under each model; what is saved is worth what was said, and names open buyers alone."""
    models = ["mw:epsilon=0.5", {"name": "slow", "followers": "mw:epsilon=0.01", "reward_play": "last"}]
    given = options(
        tmp_path / "run", game="message-spm", params=params, settings=IN_PLAY | {"models": models}, max_iterations=2
    )
    for part in given.resolved_settings.parts:
        assert choose_elicitation(given.rules, part.settings.fitted(given.rules)) is Answered
    result = train(given)
    assert evaluate(tmp_path / "run") == result
    assert -1 <= result["leader_value"] <= 0
    assert len(result["by_model"]) == 2
    for answer in result["leader_strategy"]:
        assert given.rules.view.open_at(answer["question"])[answer["action"]["choice"]]


@pytest.mark.page
def test_a_run_against_a_mixture_is_valued_again_from_its_folder(tmp_path):
    models = ["mw:epsilon=0.5", {"name": "slow", "followers": "mw:epsilon=0.01", "reward_play": "last"}]
    settings = {"response_updates": 10, "models": models}
    result = train(options(tmp_path / "run", game=OFFERS, params={"form": "both"}, settings=settings, max_iterations=2))
    assert -2 <= result["leader_value"] <= 0
    assert json.loads(json.dumps(result["leader_strategy"]))[0]["action"].keys() == {"choice", "numbers"}
    assert len(result["by_model"]) == 2
    assert evaluate(tmp_path / "run", game=OFFERS) == result
    assert isinstance(LeaderNetwork.load(tmp_path / "run"), SeatNetwork)
    policy, env = load_policy(tmp_path / "run", game=OFFERS), make_aec(Offers())
    env.reset(seed=0)
    for agent in env.agent_iter():
        observation, _, over, _, _ = env.last()
        env.step(None if over else policy(observation) if agent == "leader_0" else 0)
    assert "0.5" in (tmp_path / "run" / "report.html").read_text()
