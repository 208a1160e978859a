"""Impossible pairings are refused by name, for `leader_config` and for a run, before anything starts."""

import pytest

from rllib_stackelberg import leader_config, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.runs.algorithms import ALGORITHMS, check_algorithm
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.leaders.algorithms import SETUPS

IMPOSSIBLE = [
    ("DQN", "matrix-design", {}, None, "algorithm", "PPO, APPO, IMPALA, SAC"),
    ("SAC", "message-spm", {}, None, "algorithm", "PPO, APPO, IMPALA"),
    ("DQN", "escape", {}, "central", "critic", "local, or PPO"),
    ("SAC", "escape", {"leader_queries": "every_turn"}, None, "algorithm", "leader_queries=once"),
    ("TQC", "escape", {}, None, "algorithm", "PPO, APPO, IMPALA, SAC, DQN"),
    ("IMPALA", "escape", {"leader_queries": "every_turn", "response_transitions": 0.5}, None, "response_tr", "PPO"),
]


@pytest.mark.parametrize(("algorithm", "game", "settings", "critic", "field", "instead"), IMPOSSIBLE)
def test_what_cannot_work_is_refused_with_what_to_use_instead(algorithm, game, settings, critic, field, instead):
    with pytest.raises(InvalidFieldError, match=rf"(?s)^{field}.*{instead}"):
        leader_config(algorithm, game=game, critic=critic, **settings)
    field = field.replace("algorithm", "algo")
    with pytest.raises(InvalidFieldError, match=rf"(?s)^{field}.*{instead}"):
        TrainOptions.checked(game=game, algo=algorithm, critic=critic, settings=settings)


def test_every_algorithm_that_is_offered_is_set_up():
    assert list(SETUPS) == list(ALGORITHMS)
    for name, setup in SETUPS.items():
        assert setup.config.__name__ == f"{name}Config"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_makes_a_valid_configuration_for_discrete_leaders(algorithm):
    check_algorithm(algorithm, make_game("escape"), LeaderSettings(), None)
    config = leader_config(algorithm, game="escape")
    assert config.validate() is None
    assert config.learner_class is SETUPS[algorithm].learner


def test_a_configuration_to_start_from_keeps_its_numbers():
    given = SETUPS["IMPALA"].config().training(lr=0.123, num_epochs=7)
    config = leader_config(given, game="escape")
    assert given.env is None  # what was given stays as it was
    assert (config.lr, config.num_epochs) == (0.123, 7)
    assert config.learner_class is SETUPS["IMPALA"].learner
