"""This example tunes an allocator with Ray Tune: learning rate, the followers' rate, and how long they learn.

Trials with poor leaders are stopped early (ASHA). Leaders are compared by their greedy policy's value against one
judge, followers who learn for 250 updates at rate .1; the best checkpoint is restored and valued again, on other
streams.

How to run: `python tuned_examples/tune/simple_allocation_tune.py --trials 4`; `--as-test` fails below the optimum;
`--storage DIR` keeps the experiment there, and goes on with it where it was interrupted.

Results to expect: value 1, gap 0, an equilibrium of the followers. Most of the time goes into starting trials.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from ray import tune
from ray.tune.schedulers import ASHAScheduler

from rllib_stackelberg import MultiplicativeWeights, leader_config, make_game
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.training.running.ray_sessions import ray_session
from rllib_stackelberg.training.tuning import LEADER_VALUE, best_leader, choose_responses, report_values

NAME = "simple-allocation"
GAME = "simple-allocation"


def space():
    """The configuration and what is searched over."""
    config = report_values(leader_config("PPO", game=GAME), judge=LeaderSettings(), every=2)
    choose_responses(
        config,
        followers=[MultiplicativeWeights(epsilon=epsilon) for epsilon in (0.03, 0.1, 0.3)],
        response_updates=[25, 100, 250],
    )
    return config.training(lr=tune.loguniform(3e-4, 1e-2))


def tuner(storage: Path, trials: int, iterations: int) -> tune.Tuner:
    """A new experiment, or the one that was begun there."""
    if tune.Tuner.can_restore(str(storage / NAME)):
        return tune.Tuner.restore(str(storage / NAME), trainable="PPO", param_space=space(), resume_errored=True)
    return tune.Tuner(
        "PPO",
        param_space=space(),
        tune_config=tune.TuneConfig(
            metric=LEADER_VALUE,
            mode="max",
            num_samples=trials,
            scheduler=ASHAScheduler(time_attr="training_iteration", max_t=iterations, grace_period=4),
        ),
        run_config=tune.RunConfig(
            name=NAME,
            storage_path=str(storage),
            stop={"training_iteration": iterations},
            checkpoint_config=tune.CheckpointConfig(
                checkpoint_frequency=2,
                num_to_keep=2,
                checkpoint_at_end=True,
                checkpoint_score_attribute=LEADER_VALUE,
                checkpoint_score_order="max",
            ),
            verbose=0,
        ),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=20, help="of a trial that is not stopped early")
    parser.add_argument("--storage", type=Path, help="folder; an experiment that is in it goes on")
    parser.add_argument("--as-test", action="store_true", help="exit with 1 below the optimum")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ray_session(2):
        storage = (arguments.storage or Path(folder)).resolve()
        results = tuner(storage, arguments.trials, arguments.iterations).fit()
        network, best = best_leader(results)
    game, judge = make_game(GAME), LeaderSettings()
    _, found = evaluate_policy(game, network.acting_in(game), judge.fitted(game))
    print(f"best of {len(results)} trials: lr {best.config['lr']:.4g}, {best.config['env_config']['settings']}")
    print(f"value {found.leader_value:.6g}; {found.certificate.data()}")
    if arguments.as_test and found.leader_value < 1 - 1e-6:
        sys.exit("below the optimum")


if __name__ == "__main__":
    main()
