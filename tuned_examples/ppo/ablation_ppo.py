"""This example repeats the paper's ablation: do response-phase transitions, and does a central critic, help the leader?

Four arms ask the leader at every turn: {p = 1: the Stackelberg POMDP, p = 0: the Basic POMDP, whose learner sees the
reward phase alone} x {MAPPO: the critic sees followers' weights and the phase, PPO: what the actor sees}. The fifth
asks once per observation: the same problem, another gradient estimator (an answer counts once, not once per visit).
Brero et al., arXiv 2210.03852.

Ten sampled updates a response (multiplicative weights, epsilon .1). Every arm plays the same number of leader episodes,
16 in parallel and whole in each batch, and takes as many gradient steps: 8 a batch, each over all of its rows.

How to run: `python tuned_examples/ppo/ablation_ppo.py --seeds 5`; `--only "matrix-design: p=0"` runs one group of arms,
`--max-seconds 20` ends each run there instead, if it is earlier, `--as-test` makes it a regression test.

Results to expect: see tuned_examples/results/ablation.md.
"""

import statistics
from collections.abc import Callable

from rllib_stackelberg.training.examples import Example, Rows, main, means, reaches

UPDATES, PARALLEL, ITERATIONS = 10, 16, 60
EVERY_TURN = {
    f"p={share} {name}": (critic, {"leader_queries": "every_turn", "response_transitions": share})
    for share in (1, 0)
    for critic, name in (("central", "MAPPO"), ("local", "PPO"))
}
ARMS: dict = EVERY_TURN | {"asked once": ("central", {"leader_queries": "once"})}


def falls_short(optimum: float) -> tuple[str, Callable[[Rows], bool]]:
    """Bar of the Basic POMDP, which does not learn what followers do not come to in the end: below the optimum."""
    text = f"return over all of training, mean over seeds < {0.93 * optimum:.4g}"
    return text, lambda rows: statistics.fmean(row["whole_return"] for row in rows) < 0.93 * optimum


GAMES = [("simple-allocation", {"messages": 3}, 1.0), ("matrix-design", {}, 5 / 3)]

EXAMPLES = [
    Example(
        game,
        params=params,
        arm=arm,
        critic=critic,
        settings=settings | {"response_updates": UPDATES},
        parallel=PARALLEL,
        max_iterations=ITERATIONS,
        bar=falls_short(optimum) if arm.startswith("p=0") else reaches(0.95 * optimum),
    )
    for game, params, optimum in GAMES
    for arm, (critic, settings) in ARMS.items()
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__, means("mean_return", "whole_return", "last_snapshot", "value", "episodes", "seconds"))
