"""This example measures what the centralised critic sees: its explained variance beside that of a local critic.

Both ways of asking the leader, on simple allocation (3 types, 3 messages) and matrix design. With "every_turn" the
central state is the followers' weights and the phase; with "once" it is the answers so far and a provisional response.

How to run: `python tuned_examples/ppo/critics_ppo.py --seeds 3` (minutes); `--out DIR` writes the table.

Results to expect: the central critic explains more, most of all while answers still vary; late in training there is
nothing left to explain and the figure is noise.
"""

import argparse
import statistics
from pathlib import Path

from rllib_stackelberg import leader_config
from rllib_stackelberg.reports import Begun, write_table
from rllib_stackelberg.terminal import Terminal
from rllib_stackelberg.training.example_tables import lines_table
from rllib_stackelberg.training.running.ray_sessions import ray_session

ITERATIONS = 12
# At every turn an episode must fit in a batch for its end to be seen: few updates, few parallel episodes.
MODES = {
    "once": ({"leader_queries": "once"}, 128),
    "every_turn": ({"leader_queries": "every_turn", "response_updates": 20}, 16),
}
EARLY_AND_LATE = (slice(1, 6), slice(6, None))
EXAMPLES: list = []


def explained(game: str, mode: str, critic: str, seed: int) -> list[float]:
    """Explained variance of the critic at each iteration."""
    settings, envs = MODES[mode]
    config = leader_config("PPO", game=game, critic=critic, seed=seed, **settings)
    config.env_runners(num_envs_per_env_runner=envs)
    if mode == "every_turn":
        config.training(train_batch_size_per_learner=2048, minibatch_size=512)
    algo = config.build_algo()
    try:
        return [algo.train()["learners"]["default_policy"]["vf_explained_var"] for _ in range(ITERATIONS)]
    finally:
        algo.stop()


def line(game: str, mode: str, critic: str, seeds: range) -> dict[str, str]:
    """Means over seeds, early and late in training."""
    curves = [explained(game, mode, critic, seed) for seed in seeds]
    early, late = (statistics.mean(value for curve in curves for value in curve[part]) for part in EARLY_AND_LATE)
    names = {"game": f"`{game}`", "asked": mode.replace("_", " "), "critic": critic}
    return names | {"iterations 2-6": f"{early:+.3f}", f"iterations 7-{ITERATIONS}": f"{late:+.3f}"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for the table")
    begun, arguments = Begun(), parser.parse_args()
    seeds = range(arguments.seeds)
    with ray_session():
        lines = [
            line(game, mode, critic, seeds)
            for game in ("simple-allocation", "matrix-design")
            for mode in MODES
            for critic in ("central", "local")
        ]
    Terminal(width=100).print(lines_table(lines, "Explained variance of the critic"))
    if arguments.out:
        command = f"python tuned_examples/ppo/critics_ppo.py --seeds {arguments.seeds}"
        write_table(arguments.out / "critics_ppo.md", lines, command, begun)


if __name__ == "__main__":
    main()
