"""This example lets pricing algorithms learn in the market of Calvano et al. 2020, and a platform act against them.

Two sellers learn by Q-learning, session after session, until no best price has changed for 100,000 periods. The first
table shows what they come to, at three costs of the second seller, beside the published averages of 1,000 sessions.
The second one shows what is left of it under each policy of a platform. The figure shows what follows if a seller that
has learned is made to undercut once: a price war, and peace again.

How to run: `python tuned_examples/figures/pricing_algorithms.py --sessions 200` (a minute for each row of 200 sessions;
`--out DIR` writes tables, data and figure).

Results to expect: mean profit gains within .02 of the published ones over 1,000 sessions.
"""

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rllib_stackelberg.envs.pricing_v0 import Pricing

from rllib_stackelberg import LeaderSettings
from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.evaluation.limit_cycles import LimitCycle, LimitPlay
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports import Begun, bands_figure, markdown_table, write_drawing, write_table
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.response.rounds import RoundsResponse
from rllib_stackelberg.response.rounds_engine import rounds_of
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.registry import find_spec
from rllib_stackelberg.streams import Streams

PUBLISHED = {1.0: 0.849, 0.875: 0.841, 0.75: 0.812}
"""Mean profit gain by cost of the second seller: Calvano et al. 2020."""

POLICIES = (
    ("leave", 0.0),
    ("hide", 0.0),
    ("hide", 0.25),
    ("hide", 0.5),
    ("steer", 0.25),
    ("steer", 0.5),
    ("steer", 1.0),
    ("tax", 0.1),
    ("tax", 0.3),
    ("withhold", 0.0),
)
AFTER = 15
"""Periods of a price war that are shown; three before it."""

BEFORE = 3
SHOWN = {
    "published gain": "published gain",
    "standard deviation over sessions": "deviation",
    "sessions in which prices stay as they are": "cycle of 1",
    "in a cycle of two": "of 2",
    "in a longer one": "longer",
    "in which no seller gains by one other price, once": "nobody deviates",
    "in which both play best responses": "Nash",
}
"""What the table of markets shows beside profit gains, by its headings."""
COMMAND = "python tuned_examples/figures/pricing_algorithms.py"


class Sessions(NamedTuple):
    """What S sessions of n sellers came to.

    gain `[S]`: of profits; surplus `[S]`: of consumers; lengths `[S]`: of cycles; best `[S, n]`: who plays a best
    response on the cycle; kept `[S, n]`: who gains by no single deviation from it; periods `[S]`; prices
    `[S, BEFORE + AFTER, n]`: around one undercutting by the first seller; seconds: spent.
    """

    gain: Numbers
    surplus: Numbers
    lengths: Numbers
    best: Numbers
    kept: Numbers
    periods: Numbers
    prices: Numbers
    seconds: float


def played(game: Pricing, policy: str, much: float, sessions: int, seed: int) -> Sessions:
    """Sessions against a policy of the platform."""
    begun = time.perf_counter()
    settings = LeaderSettings.checked(**find_spec("pricing").defaults.settings).fitted(game)
    answer = (float(game.policies.index(policy)), much)
    table = RoundsResponse.tabulate(game, LeaderStrategy.from_pairs(game, [(0, answer)]))
    response, every = RoundsResponse.begin(settings, game, sessions), np.arange(sessions)
    response.respond(table, Phase(every, settings, Streams(seed), [(int(session), 0) for session in every]))
    rounds, discount = rounds_of(game, table, 0), response.learners[0].patience
    plays = [LimitPlay(response, rounds, session) for session in every]
    cycles = [play.cycle() for play in plays]
    both = list(zip(plays, cycles, strict=True))
    paid = np.array([play.payoffs(*cycle).mean(axis=0) for play, cycle in both])
    best = [play.best_responses(discount)[:, cycle.states] for play, cycle in both]
    kept = [play.kept(discount)[:, cycle.states] for play, cycle in both]
    return Sessions(
        gain=game.market.profit_gain(paid[:, 1:]),
        surplus=paid[:, 0],
        lengths=np.array([cycle.length for cycle in cycles]),
        best=np.array([own.all(axis=1) for own in best]),
        kept=np.array([own.all(axis=1) for own in kept]),
        periods=response.played.copy(),
        prices=np.array([undercut(game, play, cycle) for play, cycle in both]),
        seconds=time.perf_counter() - begun,
    )


def undercut(game: Pricing, play: LimitPlay, cycle: LimitCycle) -> Numbers:
    """Prices `[BEFORE + AFTER, n]` around the best price of one period, from everywhere on the cycle, on average."""
    found = []
    for place, state in enumerate(cycle.states.tolist()):
        rivals = play.joints[state] - play.actions[0, state] * play.rounds.strides[0]
        joints = rivals + np.arange(game.levels) * play.rounds.strides[0]
        once = int(play.payoffs(np.full(len(joints), state), joints)[:, 1].argmax())
        before = cycle.joints[(place - BEFORE + np.arange(BEFORE)) % cycle.length]
        after = play.deviation(state, 0, once, AFTER)[1]
        levels = np.concatenate([before, after])[:, None] // play.rounds.strides % game.levels
        found.append(game.grid[np.arange(game.sellers), levels])
    return np.mean(found, axis=0)


def row(name: str, found: Sessions) -> dict[str, Any]:
    """What a table shows of sessions."""
    return {
        "market": name,
        "profit gain": float(found.gain.mean()),
        "±": float(1.96 * standard_error(found.gain)),
        "deviation": float(found.gain.std(ddof=1)),
        "consumer surplus": float(found.surplus.mean()),
        "cycle of 1": float((found.lengths == 1).mean()),
        "of 2": float((found.lengths == 2).mean()),
        "longer": float((found.lengths > 2).mean()),
        "nobody deviates": float(found.kept.all(axis=1).mean()),
        "Nash": float(found.best.all(axis=1).mean()),
        "million periods": float(found.periods.mean() / 1e6),
        "seconds": found.seconds,
    }


def cells(found: dict[str, Any], head: str, columns: dict[str, str]) -> dict[str, str]:
    """What a table shows of a row: the profit gain, and some more of it under other headings."""
    shown = {head: found["market"], "profit gain": f"{found['profit gain']:.3f} ± {found['±']:.3f}"}
    return shown | {heading: number(found[name], 3) for heading, name in columns.items()}


def price_war(found: Sessions) -> dict[str, dict[str, Any]]:
    """Mean prices of both sellers by period, in 95 % intervals over sessions."""
    curves = {}
    for seller, name in enumerate(("seller that undercuts", "the other one")):
        prices = found.prices[:, :, seller]
        mean, half = prices.mean(axis=0), 1.96 * standard_error(prices)
        periods = (np.arange(BEFORE + AFTER) - BEFORE).tolist()
        bands = {"mean": mean.tolist(), "low": (mean - half).tolist(), "high": (mean + half).tolist()}
        curves[name] = {"rounds": periods, **bands}
    return curves


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--costs", type=float, nargs="*", default=list(PUBLISHED), help="of the second seller")
    parser.add_argument("--policies", type=int, default=50, help="sessions for each policy; 0: none")
    parser.add_argument("--out", type=Path, help="folder for tables, data and figure")
    begun, arguments = Begun(), parser.parse_args()
    markets = []
    for cost in arguments.costs:
        game = Pricing(costs=[1.0, cost])
        found = played(game, "leave", 0.0, arguments.sessions, arguments.seed)
        markets.append(row(f"{cost:g}", found) | {"published gain": PUBLISHED.get(cost, float("nan"))})
        print(f"cost {cost:g}: {found.seconds:.0f} s", flush=True)
        if cost == arguments.costs[0]:
            war = price_war(found)
    tables = {"markets": [cells(found, "second seller's cost", SHOWN) for found in markets]}
    policies = []
    if arguments.policies:
        game = Pricing()
        for policy, much in POLICIES:
            found = played(game, policy, much, arguments.policies, arguments.seed)
            name = game.describe_action(game.leader_turn, 0, np.array([game.policies.index(policy), much]))
            policies.append(row(name, found))
        surplus = {"consumer surplus": "consumer surplus"}
        tables["policies"] = [cells(found, "policy", surplus) for found in policies]
    for rows in tables.values():
        print(markdown_table(rows), end="\n\n")
    if arguments.out:
        costs = " ".join(f"{cost:g}" for cost in arguments.costs)
        command = f"{COMMAND} --sessions {arguments.sessions} --policies {arguments.policies} --costs {costs}"
        command += f" --seed {arguments.seed}" * (arguments.seed != 0)
        for name, rows in tables.items():
            write_table(arguments.out / f"pricing_algorithms_{name}.md", rows, command, begun)
        data = {"markets": markets, "policies": policies, "price war": war}
        write_atomically(arguments.out / "pricing_algorithms.json", to_json(data).encode())
        drawing = arguments.out / "pricing_algorithms"
        time_axis = "periods since one of them was made to undercut"
        write_drawing(drawing, bands_figure, curves=war, label="price", references={}, time=time_axis)


if __name__ == "__main__":
    main()
