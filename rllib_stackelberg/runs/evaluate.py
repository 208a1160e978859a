"""What a saved run is worth: its policy read back, and everything recomputed from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rllib_stackelberg.aec.spaces import MASK, SHOWN
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.ties import Ties
from rllib_stackelberg.runs.run import FiniteRun, open_run


def evaluate(run: str | Path, game: str | None = None, ties: Ties | None = None) -> dict[str, Any]:
    """Recompute value and certificate of a run, of either kind of game, from its saved policy and configuration.

    What the folder says of values is not believed; what only training knows (how long it took) stands beside them.

    Args:
        run: its folder.
        game: the game's class, where it is not a registered one: code that you trust.
        ties: how followers break ties, if not as in the run.

    Raises:
        InvalidFieldError: no such run, a file of it that is damaged, a policy that is not of its game, a game that is
            to be named, or ties where there are none to break.
    """
    return open_run(run, game).evaluate(ties)


def evaluate_against(run: str | Path, settings: LeaderSettings, game: str | None = None) -> Evaluation:
    """What the leader of a run is worth against other followers, or another response, than it was trained with.

    Args:
        run: its folder.
        settings: the response it is judged by.
        game: the game's class, where it is not a registered one: code that you trust.

    Raises:
        InvalidFieldError: no such run, or settings that its game is too large for.
    """
    return FiniteRun.open(run, game).evaluate_against(settings)


def load_policy(run: str | Path, game: str | None = None) -> Callable[[Any], Any]:
    """The trained leader of a run folder as a function observation -> action, in the game's units.

    The observation is the leader's own (`observe("leader_0")` in the AEC view), shape `[d]`, with a mask where
    some choices are closed; the action is an int, an array or both, as the AEC view takes it. Needs
    neither ray nor torch.

    Args:
        run: its folder.
        game: the game's class, where it is not a registered one: code that you trust.

    Raises:
        InvalidFieldError: no such run, no policy of its game, or a game that is to be named.
    """
    opened = FiniteRun.open(run, game)
    network = opened.leader()
    act = network.acting_in(opened.game)

    turn = opened.game.leader_turn

    def policy(observation: Any) -> Any:
        """The leader's action for one observation."""
        seen = [observation[SHOWN], observation[MASK]] if isinstance(observation, Mapping) else [observation]
        shown, *masks = (np.asarray(part)[None] for part in seen)
        action = act(shown.astype(np.float32), *masks)[0]
        if not turn.chooses:
            return action
        return (int(action[0]), action[1:]) if turn.numbers else int(action[0])

    return policy
