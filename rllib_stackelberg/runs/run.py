"""A run, opened once: its game, settings and policies are made when they are first asked for, and kept.

A run is of one of two kinds of game. `open_run` finds out which; what the kinds do differently, their classes say.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.evaluation.verdict import population_verdict, verdict, with_verdicts
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import estimate, number
from rllib_stackelberg.rules.base import Rules, name_of
from rllib_stackelberg.rules.display import facts_table, shown_parameters
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import finite, populated
from rllib_stackelberg.rules.ties import Ties, check_ties
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.game_of_run import made_rules, parameters
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.records import PopulationResult, Result
from rllib_stackelberg.runs.run_options import OF_A_PERSON, SERVICES, RunOptions

NOT_OPTIONS = ("versions", "inputs", "source", *OF_A_PERSON)
"""Parts of config.json that no options are made from."""

NOWHERE: Mapping[str, str | None] = MappingProxyType({})


class Run(ABC):
    """A run of either kind.

    Attributes:
        folder: what is written down.
        game: the rules.
    """

    game: StackelbergGame | PopulationGame

    def __init__(self, folder: RunFolder, rules: Rules | None = None):
        """Open a run.

        Args:
            folder: of the run.
            rules: its game, if it has been made.

        Raises:
            InvalidFieldError: no run folder, a game of the other kind, or one that is not registered and not named by
                the person.
        """
        self.folder = folder
        self.game = self._of_this_kind(made_rules(folder) if rules is None else rules)

    @classmethod
    def open(cls, path: str | Path, game: str | None = None) -> Self:
        """The run in a folder, of this kind.

        Args:
            path: the folder.
            game: the game's class, where it is not a registered one: code that you trust.

        Raises:
            InvalidFieldError: as for the constructor.
        """
        return cls(RunFolder(Path(path), game))

    @staticmethod
    @abstractmethod
    def _of_this_kind(rules: Rules) -> StackelbergGame | PopulationGame:
        """The game, refused if it is of the other kind."""

    @abstractmethod
    def evaluate(self, ties: Ties | None = None) -> dict[str, Any]:
        """Recompute the run's values from its saved policy and configuration.

        What the folder says of values is not believed; what only training knows stands beside them.

        Args:
            ties: how followers break ties, if not as in the run.
        """

    @abstractmethod
    def options(self, reach: Mapping[str, str | None] = NOWHERE, **limits: Any) -> RunOptions:
        """The run's training options; limits that are given replace those it has.

        Args:
            reach: options of `OF_A_PERSON`, which are not taken from the folder.
            limits: `max_seconds` and `max_iterations`.

        Raises:
            InvalidFieldError: options that cannot work.
        """

    @abstractmethod
    def finished(self, options: Any) -> dict[str, Any] | None:
        """The result, if there is one and nothing is left to do under these options of the run's kind, else None."""

    @abstractmethod
    def _found(self) -> dict[str, str]:
        """What the run's result says, for people: names and values."""

    def _repr_html_(self) -> str:
        """For notebooks: what was trained, and what it came to."""
        named = {"folder": str(self.folder.path), "game": name_of(self.game)}
        given = named | {"parameters": shown_parameters(self.parameters), "seed": str(self.seed)}
        found = self._found() if self.folder.has("result") else {"result": "none yet: the run is not over"}
        return facts_table("Run", given | found)

    @cached_property
    def seed(self) -> int:
        """Of the run."""
        return int(self._required("seed"))

    @property
    def parameters(self) -> dict[str, Any]:
        """The game's parameters as it took them; a file by the name that the person gave, not by the copy's."""
        config = self.folder.config
        return dict(self.game.parameters) | {name: config.params[name] for name in config.inputs}

    def training(self) -> dict[str, Any]:
        """What training left to report beside the evaluation."""
        return self.folder.read("training") | {"run_dir": str(self.folder.path)}

    def _given(self, limits: Mapping[str, Any], reach: Mapping[str, str | None]) -> dict[str, Any]:
        """Fields of the run's options; limits that are given replace all those it has.

        Files of the game are the folder's own copies. What reaches out is not the folder's word: a person names it.
        """
        self._tell_of_services(reach)
        files = self.folder.folder
        files.below("tensorboard").refuse_links()  # which what writes there would follow
        files.below("wandb").names()  # in which W&B has links of its own, but which is none
        files.below("checkpoints").names()
        config = {name: value for name, value in self.folder.read("config").items() if name not in NOT_OPTIONS}
        own = {"out": self.folder.path, "game": self.folder.game_name(), "params": parameters(self.folder)}
        return config | self.folder.limits(limits) | own | dict(reach)

    def _tell_of_services(self, reach: Mapping[str, str | None]) -> None:
        """Say which services the run was logged to, and is not from now on."""
        extra = self.folder.config.model_extra or {}
        for name in SERVICES:
            if extra.get(name) and not reach.get(name):
                problem = f"the run was logged to {name} {extra[name]!r}; to go on with that, name it again: --{name}"
                warnings.warn(problem, RuntimeWarning, stacklevel=4)

    def _required(self, name: str) -> Any:
        value = getattr(self.folder.config, name)
        if value is None:
            problem = f"{self.folder.path / 'config.json'}: {name}: Field required"
            raise InvalidFieldError("run", problem, "a run folder")
        return value


class FiniteRun(Run):
    """A run of a game of finite types."""

    game: StackelbergGame

    @staticmethod
    def _of_this_kind(rules: Rules) -> StackelbergGame:
        return finite(rules)

    @cached_property
    def settings(self) -> LeaderSettings:
        """How followers respond."""
        return LeaderSettings.checked(**self._required("settings"))

    def leader(self) -> LeaderNetwork:
        """The trained leader, which fits the game.

        Raises:
            InvalidFieldError: the folder holds no policy, or one of another game.
        """
        network = LeaderNetwork.load(self.folder.path)
        network.check(self.game)
        return network

    def options(self, reach: Mapping[str, str | None] = NOWHERE, **limits: Any) -> TrainOptions:
        """As the base says."""
        return TrainOptions.checked(self.game, **self._given(limits, reach))

    def finished(self, options: TrainOptions) -> dict[str, Any] | None:
        """As the base says."""
        if not self.folder.has("result"):
            return None
        training = self.folder.read("training")
        stopped = options.stop_at_optimum and bool(training.get("stopped"))
        over = stopped or options.finished(training["iterations"], training["seconds"])
        return self.evaluate() if over else None

    def evaluate(self, ties: Ties | None = None) -> dict[str, Any]:
        """As the base says: value and certificate."""
        settings, training = self.settings, self.training()
        if ties is not None:
            settings = LeaderSettings.checked(**settings.model_dump() | {"ties": check_ties(ties)})
        self.game.forget()
        leader = self.leader().acting_in(self.game)
        strategy, found = evaluate_policy(self.game, leader, settings, self.seed)
        result = result_data(self.game, strategy, found, settings, self.seed)
        return with_verdicts(training | result | {"params": self.parameters})

    def _found(self) -> dict[str, str]:
        """As the base says."""
        result = self.folder.read("result", Result)
        return {
            "leader value": str(estimate(result["leader_value"], result["standard_error"])),
            "exact optimum": number(result["exact_value"]),
            "verdict": verdict(result).short,
            "leader episodes": f"{result['episodes']:,}",
            "seconds": f"{result['seconds']:.1f}",
        }

    def evaluate_against(self, settings: LeaderSettings) -> Evaluation:
        """What the leader is worth against other followers, or another response, than it was trained with."""
        leader = self.leader().acting_in(self.game)
        return evaluate_policy(self.game, leader, settings.fitted(self.game), self.seed)[1]


class PopulationRun(Run):
    """A run of a game with a population."""

    game: PopulationGame

    @staticmethod
    def _of_this_kind(rules: Rules) -> PopulationGame:
        return populated(rules)

    def policies(self) -> PopulationPolicy:
        """The policies of both sides, which fit the game.

        Raises:
            InvalidFieldError: the folder holds none, or those of another game.
        """
        policy = PopulationPolicy.load(self.folder.path)
        policy.check(self.game, "run")
        return policy

    def options(self, reach: Mapping[str, str | None] = NOWHERE, **limits: Any) -> PopulationOptions:
        """As the base says."""
        return PopulationOptions.checked(self.game, **self._given(limits, reach))

    def _found(self) -> dict[str, str]:
        """As the base says."""
        result = self.folder.read("result", PopulationResult)
        return {
            "leader's payoff": str(estimate(result["leader_value"], result["standard_error"])),
            "members' payoff": str(estimate(result["members_value"], result["members_standard_error"])),
            "verdict": population_verdict(result).short,
            "epochs": f"{result['iterations']:,}",
            "seconds": f"{result['seconds']:.1f}",
        }

    def finished(self, options: PopulationOptions) -> dict[str, Any] | None:
        """As the base says."""
        if not self.folder.has("result"):
            return None
        result = self.folder.read("result", PopulationResult)
        return result if options.done(result["iterations"], result["seconds"]) >= 1 else None

    def evaluate(self, ties: Ties | None = None) -> dict[str, Any]:
        """As the base says: what both sides get.

        Raises:
            InvalidFieldError: ties, which there are none of to break.
        """
        if ties is not None:
            raise InvalidFieldError("ties", "is not for games with a population", "none")
        training, folder = self.training(), self.folder
        exploited = folder.read("exploitability") if folder.has("exploitability") else None
        head = {"game": self.game.id, "params": self.parameters, "algo": str(self._required("algo"))}
        plays = int(self._required("plays"))
        found = evaluate_population(self.game, self.policies(), self.seed, plays=plays)
        told = {"units": dict(self.game.units)} | found.data() | {"exploitability": exploited}
        result = training | head | told
        return result | {"verdict": population_verdict(result).data()}


def open_run(path: str | Path, game: str | None = None) -> FiniteRun | PopulationRun:
    """The run in a folder, of whichever kind it is.

    Args:
        path: the folder.
        game: the game's class, where it is not a registered one: code that you trust.

    Raises:
        InvalidFieldError: no run folder, or a game that is not registered and not named by the person.
    """
    folder = RunFolder(Path(path), game)
    rules = made_rules(folder)
    return PopulationRun(folder, rules) if isinstance(rules, PopulationGame) else FiniteRun(folder, rules)
