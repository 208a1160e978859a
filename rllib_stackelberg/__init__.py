"""Leader-follower (Stackelberg) games and automated mechanism design on Ray RLlib and PettingZoo.

Importing the package registers the games by name with PettingZoo; it loads neither ray nor torch nor
the code of any game. `leader_config`, `train` and `certify` load them when they are called.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

# In a checkout the games stand beside this package, in a wheel inside it (pyproject.toml maps the folder).
if not (Path(__file__).parent / "envs").is_dir():
    __path__.append(str(Path(__file__).parent.parent))

from rllib_stackelberg import envs as envs
from rllib_stackelberg.plot_backend import forget_missing_backend

if TYPE_CHECKING:
    from rllib_stackelberg.aec.game import AECGame
    from rllib_stackelberg.aec.information import Information
    from rllib_stackelberg.aec.roles import Roles
    from rllib_stackelberg.evaluation.baselines import RandomSearch, random_search
    from rllib_stackelberg.evaluation.strategies import evaluate_strategy, pure_equilibria, respond
    from rllib_stackelberg.followers import (
        BestResponse,
        Exp3,
        Exp3IX,
        FictitiousPlay,
        FollowTheRegularisedLeader,
        Hedge,
        LogitResponse,
        MultiplicativeWeights,
        OptimisticHedge,
        QLearning,
        RegretMatching,
        RegretMatchingPlus,
    )
    from rllib_stackelberg.leader.env import LeaderEnv, StackelbergPOMDP
    from rllib_stackelberg.learning import PopulationTrainingResult, TrainingResult, certify, leader_config, train
    from rllib_stackelberg.plays.strategy import LeaderStrategy
    from rllib_stackelberg.reports.notebook import learning_picture, mechanism_picture, policy_picture, show_progress
    from rllib_stackelberg.response.models import FollowerModel
    from rllib_stackelberg.response.settings import LeaderSettings
    from rllib_stackelberg.rules.game import StackelbergGame, State, Turn
    from rllib_stackelberg.rules.population import PopulationGame, PopulationState
    from rllib_stackelberg.rules.priors import NO_CHANCE, Prior
    from rllib_stackelberg.rules.registry import games, make_game, make_population, register_game
    from rllib_stackelberg.rules.solution import Bound
    from rllib_stackelberg.rules.turns import Seats
    from rllib_stackelberg.runs.evaluate import evaluate, evaluate_against, load_policy
    from rllib_stackelberg.solvers import StackelbergSolution, solve

_PLACES = {
    "aec.game": ("AECGame",),
    "aec.information": ("Information",),
    "aec.roles": ("Roles",),
    "evaluation.baselines": ("RandomSearch", "random_search"),
    "evaluation.strategies": ("evaluate_strategy", "pure_equilibria", "respond"),
    "followers": (
        "BestResponse",
        "Exp3",
        "Exp3IX",
        "FictitiousPlay",
        "FollowTheRegularisedLeader",
        "Hedge",
        "LogitResponse",
        "MultiplicativeWeights",
        "OptimisticHedge",
        "QLearning",
        "RegretMatching",
        "RegretMatchingPlus",
    ),
    "leader.env": ("LeaderEnv", "StackelbergPOMDP"),
    "learning": ("PopulationTrainingResult", "TrainingResult", "certify", "leader_config", "train"),
    "plays.strategy": ("LeaderStrategy",),
    "reports.notebook": ("learning_picture", "mechanism_picture", "policy_picture", "show_progress"),
    "response.models": ("FollowerModel",),
    "response.settings": ("LeaderSettings",),
    "rules.game": ("StackelbergGame", "State", "Turn"),
    "rules.population": ("PopulationGame", "PopulationState"),
    "rules.priors": ("NO_CHANCE", "Prior"),
    "rules.registry": ("games", "make_game", "make_population", "register_game"),
    "rules.solution": ("Bound",),
    "rules.turns": ("Seats",),
    "runs.evaluate": ("evaluate", "evaluate_against", "load_policy"),
    "solvers": ("StackelbergSolution", "solve"),
}
"""What is imported from here, by the module that it is in: loaded when it is first asked for."""

_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__version__ = "0.1.0"

forget_missing_backend()

__all__ = [
    "NO_CHANCE",
    "AECGame",
    "BestResponse",
    "Bound",
    "Exp3",
    "Exp3IX",
    "FictitiousPlay",
    "FollowTheRegularisedLeader",
    "FollowerModel",
    "Hedge",
    "Information",
    "LeaderEnv",
    "LeaderSettings",
    "LeaderStrategy",
    "LogitResponse",
    "MultiplicativeWeights",
    "OptimisticHedge",
    "PopulationGame",
    "PopulationState",
    "PopulationTrainingResult",
    "Prior",
    "QLearning",
    "RandomSearch",
    "RegretMatching",
    "RegretMatchingPlus",
    "Roles",
    "Seats",
    "StackelbergGame",
    "StackelbergPOMDP",
    "StackelbergSolution",
    "State",
    "TrainingResult",
    "Turn",
    "certify",
    "evaluate",
    "evaluate_against",
    "evaluate_strategy",
    "games",
    "leader_config",
    "learning_picture",
    "load_policy",
    "make_game",
    "make_population",
    "mechanism_picture",
    "policy_picture",
    "pure_equilibria",
    "random_search",
    "register_game",
    "respond",
    "show_progress",
    "solve",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
