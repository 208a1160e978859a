"""This example measures what the centralised critic sees: its explained variance beside that of a local critic.

Both ways of asking the leader, on simple allocation (3 types, 3 messages) and matrix design. With "every_turn" the
central state is the followers' weights and the phase. With "once" it is the answers so far and a provisional response:
nothing, where all questions are open at once.
In a random Bayesian game followers are of three kinds, of which every episode draws one, and the central critic is told
which: the mixture that `robust_ppo.py` trains against.

How to run: `python tuned_examples/ppo/critics_ppo.py --seeds 3` (minutes); `--out DIR` writes the table.

Results to expect: asked at every turn, and told the kind of followers, the central critic explains half of the variance
and more; asked once in these games, neither explains anything. Where nothing is left to explain the figure is noise.
"""

import argparse
import math
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from robust_ppo import MIXTURE, RANDOM

from rllib_stackelberg import leader_config
from rllib_stackelberg.reports import Begun, write_table
from rllib_stackelberg.rounding import number
from rllib_stackelberg.terminal import Terminal
from rllib_stackelberg.training.example_tables import lines_table
from rllib_stackelberg.training.running.ray_sessions import ray_session

ITERATIONS = 12
PARTS = {"iterations 2-6": slice(1, 6), f"iterations 7-{ITERATIONS}": slice(6, None)}
EXAMPLES: list = []


class Problem(NamedTuple):
    """What both critics are trained on.

    Attributes:
        game, params, settings: as `leader_config` takes them; envs: leader episodes in parallel; rows: of a batch
            (None: the default).
    """

    game: str
    params: dict[str, Any]
    settings: dict[str, Any]
    envs: int = 128
    rows: int | None = None


ONCE = {"leader_queries": "once"}
# At every turn an episode must fit in a batch for its end to be seen: few updates, few parallel episodes.
TURNS = {"leader_queries": "every_turn", "response_updates": 20}
PROBLEMS = {
    "`simple-allocation`, asked once": Problem("simple-allocation", {}, ONCE),
    "`simple-allocation`, asked at every turn": Problem("simple-allocation", {}, TURNS, 16, rows=2048),
    "`matrix-design`, asked once": Problem("matrix-design", {}, ONCE),
    "`matrix-design`, asked at every turn": Problem("matrix-design", {}, TURNS, 16, rows=2048),
    "`bayesian seed=33`, followers of three kinds": Problem("bayesian", RANDOM | {"seed": 33}, MIXTURE),
}


def trained(problem: Problem, critic: str, seed: int) -> list[tuple[float, float]]:
    """Explained variance of the critic, and the leader's mean return, at each iteration."""
    config = leader_config(
        "PPO", game=problem.game, game_config=problem.params, critic=critic, seed=seed, **problem.settings
    )
    config.env_runners(num_envs_per_env_runner=problem.envs)
    if problem.rows is not None:
        config.training(train_batch_size_per_learner=problem.rows, minibatch_size=problem.rows // 4)
    algo = config.build_algo()
    try:
        results = [algo.train() for _ in range(ITERATIONS)]
    finally:
        algo.stop()
    return [
        (each["learners"]["default_policy"]["vf_explained_var"], each["env_runners"].get("leader_value", math.nan))
        for each in results
    ]


def line(name: str, critic: str, seeds: range) -> dict[str, str]:
    """Means over seeds."""
    curves = [trained(PROBLEMS[name], critic, seed) for seed in seeds]
    shares = {part: [share for curve in curves for share, _ in curve[where]] for part, where in PARTS.items()}
    returns = [curve[-1][1] for curve in curves]
    return (
        {"problem": name, "critic": critic}
        | {part: f"{statistics.mean(values):+.3f}" for part, values in shares.items()}
        | {"mean return in the end": number(statistics.mean(returns), 4)}
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for the table")
    begun, arguments = Begun(), parser.parse_args()
    with ray_session():
        lines = [line(name, critic, range(arguments.seeds)) for name in PROBLEMS for critic in ("central", "local")]
    Terminal(width=120).print(lines_table(lines, "Explained variance of the critic"))
    if arguments.out:
        command = f"python tuned_examples/ppo/critics_ppo.py --seeds {arguments.seeds}"
        write_table(arguments.out / "critics_ppo.md", lines, command, begun)


if __name__ == "__main__":
    main()
