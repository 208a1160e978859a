"""Ray Tune on both sides of a population: what may be searched, what trials report, and the best policies restored."""

import numpy as np
import pytest
from ray import tune

from rllib_stackelberg import make_population
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.streams import Purpose
from rllib_stackelberg.training.populations.smfrl import SMFRL, SMFRLConfig, smfrl_config
from rllib_stackelberg.training.tuning import LEADER_VALUE, best_policies, choose_settings, report_values
from tests.populations_for_tests import TINY

GAME, GIVEN = "labour-supply", {"households": 4}


def space():
    config = smfrl_config(game=GAME, game_config=GIVEN, **TINY)
    choose_settings(config, rate=tune.loguniform(1e-4, 1e-2))
    return report_values(choose_settings(config, updates=tune.choice([2, 3])), every=1, plays=4)


def test_what_a_trial_is_handed_are_settings_again():
    """Tune makes a dictionary of the configuration, puts in what it has chosen, and RLlib makes another one of that."""
    handed = space().to_dict()
    assert (handed["population"]["rate"].lower, handed["population"]["updates"].categories) == (1e-4, [2, 3])
    handed["population"] |= {"rate": 5e-3, "updates": 2}
    made = SMFRLConfig().update_from_dict(handed)
    assert (made.population.rate, made.lr, made.population.updates, made.population.batch) == (5e-3, 5e-3, 2, 16)
    assert made.num_envs_per_env_runner == TINY["plays"]


def test_what_cannot_work_is_refused_before_anything_starts():
    config = smfrl_config(game=GAME, game_config=GIVEN)
    for domains, field in (
        ({"rate": tune.uniform(-1.0, 1.0)}, "rate"),
        ({"gamma": tune.uniform(0.5, 1.0)}, "gamma"),
        ({"updates": tune.choice([5, 0])}, "updates"),
        ({"unheard": tune.choice([1])}, "unheard"),
        ({"rate": 0.1}, "domains"),
    ):
        with pytest.raises(InvalidFieldError) as refused:
            choose_settings(config, **domains)
        assert refused.value.field == field
    with pytest.raises(InvalidFieldError, match="judge"):
        report_values(config, judge=LeaderSettings())


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.usefixtures("ray_local")
def test_the_best_policies_of_an_experiment_are_worth_what_their_trial_reported(tmp_path):
    kept = tune.CheckpointConfig(
        checkpoint_frequency=1, checkpoint_at_end=True, checkpoint_score_attribute=LEADER_VALUE
    )
    run = tune.RunConfig(
        name="both", storage_path=str(tmp_path), stop={"training_iteration": 3}, checkpoint_config=kept, verbose=0
    )
    chosen = tune.TuneConfig(metric=LEADER_VALUE, mode="max", num_samples=2)
    results = tune.Tuner(SMFRL, param_space=space(), tune_config=chosen, run_config=run).fit()
    assert not results.errors
    policy, best = best_policies(results)
    game = make_population(GAME, **GIVEN)
    found = evaluate_population(game, policy, 0, Purpose.SELECTION, 4)
    reported = [frame[LEADER_VALUE].max() for frame in (result.metrics_dataframe for result in results)]
    assert found.leader.mean() == pytest.approx(max(reported))
    assert len({result.config["population"].rate for result in results}) == 2
    assert np.isfinite(best.metrics["leader"]["members_value"])
