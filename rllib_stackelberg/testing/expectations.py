"""Whether expected payoffs that a game knows a short way to (rules/interim.py) are what plays come to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.plays.interim_worth import Rules, interim_worth
from rllib_stackelberg.plays.plays import Plays
from rllib_stackelberg.plays.sample_plays import draw_nature, random_actions
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.interim import InterimRules
from rllib_stackelberg.testing.inspection import Finding

PLAYS = 4096

ERRORS = 6.0
"""Standard errors that a mean may be off by: once in 10^9 times."""


def interim_findings(game: StackelbergGame, seed: int) -> tuple[Finding, ...]:
    """What is wrong with `interim()`: all followers play at random, against a random answer of the leader."""
    rules = game.interim()
    if rules is None:
        return ()
    if not game.one_shot or not game.moves_apart or game.leader_turn.keys != 1:
        remedy = "None, unless all followers move once, unseen by others, and the leader is asked one question"
        return (Finding("interim()", "is offered by a game of another kind", remedy),)
    rng = np.random.default_rng(seed)
    action = random_actions(game, np.array([game.leader_index]), rng)[0, : game.leader_turn.width]
    expected = _expected(game, rules, action)
    plays = _played(game, action, rng)
    return *_payoffs_apart(game, expected, plays), *_rows_apart(game, rules, plays)


def _payoffs_apart(game: StackelbergGame, expected: Numbers, plays: Plays) -> Iterator[Finding]:
    """Agents whose mean is further from what is expected than chance explains, a few plays that none met included."""
    widths = np.ptp(np.asarray(game.payoff_range, dtype=float), axis=1)
    off = np.abs(plays.payoffs.mean(axis=0) - expected)
    for agent in np.flatnonzero(off > ERRORS * (standard_error(plays.payoffs) + widths / PLAYS)):
        mean = plays.payoffs[:, agent].mean()
        problem = f"expects {expected[agent]:.6g} of {game.agents[agent]}; {PLAYS:,} plays came to {mean:.6g}"
        yield Finding("interim()", problem, "what plays are worth on average")


def _rows_apart(game: StackelbergGame, rules: InterimRules, plays: Plays) -> Iterator[Finding]:
    """Followers of whom a row was met more or less often than it says."""
    for m, turn in enumerate(game.learned_turns):
        reach, met = rules.reach[m], np.bincount(plays.information[:, m], minlength=turn.keys) / PLAYS
        off = np.abs(met - reach) > ERRORS * (np.sqrt(reach * np.maximum(1 - reach, 0) / PLAYS) + 1 / PLAYS)
        if off.any():
            row, name = int(off.argmax()), game.agents[turn.agent]
            yield Finding(
                "interim()", f"reach of {name} at row {row} is {reach[row]:.6g}", f"{met[row]:.6g}, as in plays"
            )


def _expected(game: StackelbergGame, rules: InterimRules, action: Numbers) -> Numbers:
    """Payoffs of all agents, where every action is as likely as every other."""
    turns = game.learned_turns
    rows = np.array([turn.keys for turn in turns])
    first, leads = np.cumsum(rows) - rows, np.arange(len(turns))
    policy = np.zeros((int(rows.sum()), max(turn.choices for turn in turns)))
    for start, turn in zip(first, turns, strict=True):
        policy[start : start + turn.keys, : turn.choices] = 1 / turn.choices
    payoffs, known = np.zeros((1, len(game.agents))), Rules(rules.facts, np.concatenate(rules.reach), leads, first)
    interim_worth(rules.expect, known, action[None], policy[None], np.zeros((1, *policy.shape)), payoffs)
    return payoffs[0]


def _played(game: StackelbergGame, action: Numbers, rng: np.random.Generator) -> Plays:
    """The same in plays."""

    def choose(slots: Index, turn: int, information: Index) -> Index:
        """Any action."""
        return rng.integers(game.learned_turns[turn].choices, size=len(slots))

    plays, slots = Plays(game, PLAYS), np.arange(PLAYS)
    plays.begin(slots, draw_nature(game, PLAYS, rng), choose)
    plays.answer(slots, np.tile(action, (PLAYS, 1)), choose)
    return plays
