"""This example learns how much to cover which targets with PPO, against attackers who learn where it pays to attack.

The best coverage leaves the attacker indifferent between most targets, and lets it have the one where it does least
harm. One step further it attacks elsewhere, so a leader that explores keeps its distance from many edges at once; fresh
starts at random coverage find others than the first one.

How to run: `python tuned_examples/ppo/security_ppo.py --seeds 3`; `--as-test` makes it a regression test.

Results to expect: 99 % of what the exact optimum gains over the same coverage everywhere, against one type of attacker,
and 95 % against two types on eight targets (one run of each reached 99.5 % and 97 %).
"""

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.training.examples import Example, Rows, main


def example(share: float, max_seconds: float, **params: object) -> Example:
    """An instance of which that share of the gain over even coverage is learned in every seed."""
    game = make_game("security", **params)
    solution, even = solve(game), game.baselines()["the same coverage everywhere"]
    assert solution is not None
    gain = solution.leader_value - even

    def close(rows: Rows) -> bool:
        """Whether all values win enough of what there is to gain over equal coverage."""
        return all(row["value"] >= even + share * gain for row in rows)

    words = f"{share:.0%} of the gain over even coverage in every seed"
    return Example("security", (words, close), params=params, max_seconds=max_seconds)


EXAMPLES = [
    example(0.99, 120),
    example(0.99, 120, named="two-types"),
    example(0.95, 240, targets=8, resources=3, types=2, seed=1),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
