"""What a saved run is worth: its policy read back, and everything recomputed from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.evaluation.strategies import Evaluation, evaluate_policy
from rllib_stackelberg.evaluation.verdict import population_verdict, with_verdicts
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.ties import Ties, check_ties
from rllib_stackelberg.runs.folder import RunFolder


def leader_of(folder: RunFolder) -> LeaderNetwork:
    """The trained leader of a run, which fits its game.

    Raises:
        InvalidFieldError: the folder holds no policy, or one of another game.
    """
    network = LeaderNetwork.load(folder.path)
    network.check(folder.game())
    return network


def parameters_of(folder: RunFolder, rules: Rules) -> dict[str, Any]:
    """A game's parameters as it took them; a file by the name that the person gave, not by that of the run's copy."""
    return dict(rules.parameters) | {name: folder.config.params[name] for name in folder.config.inputs}


def policies_of(folder: RunFolder) -> PopulationPolicy:
    """The policies of a run on a population, which fit its game.

    Raises:
        InvalidFieldError: the folder holds none, or those of another game.
    """
    policy = PopulationPolicy.load(folder.path)
    policy.check(folder.population(), "run")
    return policy


def evaluate(run: str | Path, game: str | None = None, ties: Ties | None = None) -> dict[str, Any]:
    """Recompute value and certificate of a run, of either kind of game, from its saved policy and configuration.

    What the folder says of values is not believed; what only training knows (how long it took) stands beside them.

    Args:
        run: its folder; game: the game's class, where it is not a registered one: code that you trust.
        ties: how followers break ties, if not as in the run.

    Raises:
        InvalidFieldError: no such run, a file of it that is damaged, a policy that is not of its game, a game that is
            to be named, or ties where there are none to break.
    """
    folder = RunFolder(Path(run), game)
    if isinstance(folder.rules(), PopulationGame):
        if ties is not None:
            raise InvalidFieldError("ties", "is not for games with a population", "none")
        return evaluate_population_run(folder)
    rules, settings, training = folder.game(), folder.settings(), folder.training()
    if ties is not None:
        settings = LeaderSettings.checked(**settings.model_dump() | {"ties": check_ties(ties)})
    network, seed = leader_of(folder), folder.seed()
    strategy, found = evaluate_policy(rules, network.acting_in(rules), settings, seed)
    result = result_data(rules, strategy, found, settings, seed) | {"params": parameters_of(folder, rules)}
    return with_verdicts(training | result)


def evaluate_against(run: str | Path, settings: LeaderSettings, game: str | None = None) -> Evaluation:
    """What the leader of a run is worth against other followers, or another response, than it was trained with.

    Args:
        run: its folder; settings: the response it is judged by.
        game: the game's class, where it is not a registered one: code that you trust.

    Raises:
        InvalidFieldError: no such run, or settings that its game is too large for.
    """
    folder = RunFolder(Path(run), game)
    rules = folder.game()
    policy = leader_of(folder).acting_in(rules)
    return evaluate_policy(rules, policy, settings.fitted(rules), folder.seed())[1]


def load_policy(run: str | Path, game: str | None = None) -> Callable[[Any], Any]:
    """The trained leader of a run folder as a function observation -> action, in the game's units.

    The observation is the leader's own (`observe("leader_0")` in the AEC view), shape `[d]`; the
    action is an int or an array, as the AEC view takes it. Needs neither ray nor torch.

    Args:
        run: its folder; game: the game's class, where it is not a registered one: code that you trust.

    Raises:
        InvalidFieldError: no such run, no policy of its game, or a game that is to be named.
    """
    folder = RunFolder(Path(run), game)
    network = leader_of(folder)
    act = network.acting_in(folder.game())

    def policy(observation: Any) -> Any:
        action = act(np.asarray(observation, dtype=np.float32)[None])[0]
        return int(action[0]) if network.discrete else action

    return policy


def evaluate_population_run(folder: RunFolder) -> dict[str, Any]:
    """The reported values of a run, recomputed from its saved policies and configuration alone."""
    game, training = folder.population(), folder.training()
    exploited = folder.read("exploitability") if folder.has("exploitability") else None
    head = {"game": game.id, "params": parameters_of(folder, game), "algo": folder.algo(), "units": dict(game.units)}
    found = evaluate_population(game, policies_of(folder), folder.seed(), plays=folder.plays())
    result = training | head | found.data() | {"exploitability": exploited}
    return result | {"verdict": population_verdict(result).data()}
