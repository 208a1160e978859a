"""Run folders as training leaves them, without training: an untrained network, valued like any other."""

import numpy as np

from rllib_stackelberg import evaluate
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.options import TrainOptions

PROGRESS = [
    {"iteration": k, "episodes": 128 * k, "mean_return": value - 0.1, "value": value, "best": value}
    for k, value in enumerate((0.4, 0.7, 0.6), start=1)
]


def network(game, seed=0):
    turn, rng = game.leader_turn, np.random.default_rng(seed)
    seen, out = game.observation_spaces[0].shape[0], turn.choices * (1 + turn.numbers) if turn.chooses else turn.width
    layer = (rng.normal(size=(out, seen)).astype(np.float32), rng.random(out).astype(np.float32))
    return LeaderNetwork((layer,), turn.discrete, turn.choices if turn.chooses and turn.numbers else 0)


def run_folder(path, game, params=None, **settings):
    """A folder of an untrained leader."""
    options = TrainOptions.checked(game=game, params=params or {}, settings=settings, max_iterations=3, out=path)
    folder = RunFolder.create(path, game)
    folder.begin(options.resolved())
    for line in PROGRESS:
        folder.append_progress(line)
    network(options.rules).save(path)
    folder.write("training", {"episodes": 12_345, "iterations": 3, "seconds": 1.5, "mean_return": 0.5})
    folder.write("result", evaluate(path, game))
    return folder
