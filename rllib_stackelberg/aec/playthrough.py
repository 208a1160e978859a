"""A playthrough: one play of a game with random actions, every observation and payoff written down.

The golden transcripts under tests/playthroughs are made of these; a change of rules is read as their diff.
"""

from __future__ import annotations

import numpy as np

from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.aec.spaces import mask_of, seen
from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.streams import check_seed

ROWS_SHOWN = 3
"""Of a population, to which one line of a transcript belongs."""


def playthrough(game: Rules, seed: int = 0) -> str:
    """Play once with uniformly random actions.

    Args:
        game: the game; seed: of types, chance and actions.
    """
    env = make_aec(game, render_mode="ansi")
    env.reset(seed=check_seed(seed))
    for k, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(seed + k)
    parameters = " ".join(f"{name}={value}" for name, value in game.parameters.items())
    lines = [f"game {game.id} {parameters}".rstrip(), f"seed {seed}"]
    totals = dict.fromkeys(env.possible_agents, 0.0)
    for agent in env.agent_iter():
        observation, reward, terminated, truncated, _ = env.last()
        totals[agent] += float(reward)
        if terminated or truncated:
            env.step(None)
            continue
        space = env.observation_space(agent)
        action = env.action_space(agent).sample(mask_of(space, observation))
        lines.append(f"{agent} sees {_numbers(seen(space, observation))}, plays {_numbers(action)}")
        env.step(action)
    lines += [f"{agent} gets {total:.6g}" for agent, total in totals.items()]
    return "\n".join([*lines, "", env.render()]) + "\n"


def _numbers(values: object) -> str:
    """A choice with its numbers (a tuple), or an array."""
    array = np.asarray(np.hstack(values) if isinstance(values, tuple) else values, dtype=float)
    if array.ndim < 2:
        return " ".join(f"{value:.4g}" for value in array.reshape(-1))
    rows = [_numbers(row) for row in array[:ROWS_SHOWN]]
    more = len(array) - len(rows)
    return " | ".join([*rows, f"and {more} more"] if more else rows)
