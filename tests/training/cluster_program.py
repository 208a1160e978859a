"""One program for any number of env runners and hosts: trains a leader, prints its learning curves and who sampled.

`python tests/training/cluster_program.py RUNNERS ITERATIONS SEED...`; RAY_ADDRESS says which Ray.
"""

import json
import sys
from typing import Any

import ray

from rllib_stackelberg import leader_config
from rllib_stackelberg.training.running.ray_sessions import ray_session, torch_threads


def place(runner: Any) -> dict[str, Any]:
    """Where an env runner is, and what it carries."""
    env = runner.env.unwrapped
    return {
        "address": ray.util.get_node_ip_address(),
        "worker": env.worker,
        "updates": env.settings.response_updates,
        "episodes": env.episodes,
    }


def curve(seed: int, runners: int, iterations: int) -> tuple[list[float], list[dict[str, Any]]]:
    """Mean leader value after every iteration, and where the env runners were."""
    config = leader_config(
        "PPO", game="simple-allocation", game_config={"messages": 2}, seed=seed, response_updates=100
    )
    config.env_runners(num_env_runners=runners)
    algo = config.build_algo()
    try:
        values = []
        for iteration in range(iterations):
            # An iteration whose runners are lost or too slow has nothing to report.
            values.append(algo.train().get("env_runners", {}).get("leader_value", float("nan")))
            print(f"iteration {iteration}", file=sys.stderr, flush=True)
        return values, algo.env_runner_group.foreach_env_runner(place, local_env_runner=not runners)
    finally:
        algo.stop()


def main(runners: int, iterations: int, *seeds: int) -> None:
    """Train once a seed."""
    with ray_session(runners), torch_threads():
        found = {seed: curve(seed, runners, iterations) for seed in seeds}
    curves, places = ({seed: entry[k] for seed, entry in found.items()} for k in (0, 1))
    print(json.dumps({"curves": curves, "places": places}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
