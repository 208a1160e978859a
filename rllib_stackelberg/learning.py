"""Training from Python: what the commands do, and RLlib's own objects.

    result = train("simple-allocation", max_seconds=30)
    result.value, result.certificate, result.folder

    algorithm = leader_config("PPO", game="simple-allocation").build_algo()
    algorithm.train()
    certify(algorithm).certificate

Importing this loads neither ray nor torch; calling does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel

from rllib_stackelberg import reports
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.certificates import Certificate
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import estimate, number
from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.rules.display import facts_table
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.held import rules_in
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import finite, make_rules
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run_options import RunOptions

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a training run came to.

    Attributes:
        value: of the best greedy leader, in the game's payoffs; error: standard error of it, 0 where it is exact.
        exact: the optimum where an exact solver knows it; gap: what is missing to it; None where it is unknown.
        bound: what no strategy's value exceeds, where that is known.
        certificate: what the value may be trusted for.
        strategy: the leader's answers.
        folder: the run folder: `evaluate`, `load_policy` and `rllib-stackelberg report` take it.
        data: all of result.json.
    """

    value: float
    error: float
    exact: float | None
    gap: float | None
    bound: float | None
    certificate: Certificate
    strategy: LeaderStrategy
    folder: Path
    data: Mapping[str, Any]

    def _repr_html_(self) -> str:
        """For notebooks: what was found, and the mechanism as a picture."""
        facts = {
            "learned value": str(estimate(self.value, self.error)),
            "exact optimum": number(self.exact),
            "gap": "" if self.gap is None else number(self.gap),
            "verdict": self.data["verdict"]["short"],
            "leader episodes": f"{self.data['episodes']:,}",
            "seconds": f"{self.data['seconds']:.1f}",
            "folder": str(self.folder),
        }
        return facts_table("Training", facts) + self._picture()

    def _picture(self) -> str:
        """The mechanism, where all answers are known that plays ask for."""
        if len(self.strategy.answers) < self.data["questions"]:
            return ""
        return reports.mechanism_picture(self.strategy.game, self.strategy, self.data["weights"])._repr_html_()

    @classmethod
    def of(cls, folder: Path, game: StackelbergGame, data: Mapping[str, Any]) -> Self:
        """From the content of result.json."""
        known = {field.name for field in fields(Certificate)}
        certified = {name: value for name, value in data["certificate"].items() if name in known}
        return cls(
            value=data["leader_value"],
            error=data["standard_error"],
            exact=data["exact_value"],
            gap=data["gap"],
            bound=data["bound"],
            certificate=Certificate(**certified),
            strategy=LeaderStrategy.of(game, data["leader_strategy"]),
            folder=folder,
            data=data,
        )


@dataclass(frozen=True, eq=False)
class PopulationTrainingResult:
    """What training on a game with a population came to.

    Attributes:
        value: of a play to the greedy leader; error: standard error of it.
        members_value: of a play to a member, the mean over members; members_error: standard error of it.
        policy: what both sides do.
        folder: the run folder: `evaluate` and `rllib-stackelberg report` take it.
        data: all of result.json.
    """

    value: float
    error: float
    members_value: float
    members_error: float
    policy: PopulationPolicy
    folder: Path
    data: Mapping[str, Any]

    def _repr_html_(self) -> str:
        """For notebooks: what both sides get."""
        facts = {
            "leader's payoff": str(estimate(self.value, self.error)),
            "members' payoff": str(estimate(self.members_value, self.members_error)),
            "periods": number(self.data["lasted"]),
            "verdict": self.data["verdict"]["short"],
            "epochs": f"{self.data['iterations']:,}",
            "seconds": f"{self.data['seconds']:.1f}",
            "folder": str(self.folder),
        }
        return facts_table("Training", facts)

    @classmethod
    def of(cls, folder: Path, data: Mapping[str, Any]) -> Self:
        """From the content of result.json, and the policies beside it."""
        return cls(
            value=data["leader_value"],
            error=data["standard_error"],
            members_value=data["members_value"],
            members_error=data["members_standard_error"],
            policy=PopulationPolicy.load(folder),
            folder=folder,
            data=data,
        )


def train(
    game: str,
    params: Mapping[str, Any] | None = None,
    *,
    report: Callable[[Any], None] | None = None,
    configure: Callable[[Any], Any] | None = None,
    **options: Any,
) -> TrainingResult | PopulationTrainingResult:
    """Train as `rllib-stackelberg train` does, with the same defaults.

    Args:
        game: id, "package.module:ClassName" or "path/to/file.py:ClassName".
        params: its constructor parameters.
        report: called with the progress after every iteration; configure: called with RLlib's configuration, which it
            may change.
        options: in a game of finite types fields of `TrainOptions` (max_seconds, max_iterations, algo, seed, out, ...)
            and of `LeaderSettings` (followers, response_updates, models, ...); in a game with a population those of
            `PopulationOptions` (exploitability, ...) and of `PopulationSettings` (rate, noise, ...). Settings may
            also be given together, as `settings={...}`.

    Returns:
        A `TrainingResult`; in a game with a population a `PopulationTrainingResult`.

    Raises:
        InvalidFieldError: what cannot work, by name, before anything starts.
        RunStoppedError: the run cannot go on, and why.
    """
    given = dict(params or {})
    checked = _options(make_rules(game, **given), {"game": game, "params": given} | options)
    from rllib_stackelberg.training.runs import train as run_training

    return _result(checked, run_training(checked, report, configure))


@singledispatch
def _options(rules: Rules, given: dict[str, Any]) -> RunOptions:
    """Options of a run on a game that is made, checked; settings may stand among them."""
    raise NotImplementedError(type(rules).__name__)


@_options.register
def _(rules: StackelbergGame, given: dict[str, Any]) -> TrainOptions:
    return TrainOptions.checked(rules, **_sorted(given, TrainOptions, LeaderSettings))


@_options.register
def _(rules: PopulationGame, given: dict[str, Any]) -> PopulationOptions:
    return PopulationOptions.checked(rules, **_sorted(given, PopulationOptions, PopulationSettings))


def _sorted(given: dict[str, Any], options: type[BaseModel], settings: type[BaseModel]) -> dict[str, Any]:
    """Options, with what is a setting by its name, and no option, in place."""
    chosen = {name for name in given if name in settings.model_fields and name not in options.model_fields}
    rest = {name: value for name, value in given.items() if name not in chosen}
    return rest | {"settings": dict(given.get("settings", {})) | {name: given[name] for name in chosen}}


@singledispatch
def _result(options: RunOptions, data: dict[str, Any]) -> TrainingResult | PopulationTrainingResult:
    """What a run came to, by its kind."""
    raise NotImplementedError(type(options).__name__)


@_result.register
def _(options: TrainOptions, data: dict[str, Any]) -> TrainingResult:
    return TrainingResult.of(Path(data["run_dir"]), options.rules, data)


@_result.register
def _(options: PopulationOptions, data: dict[str, Any]) -> PopulationTrainingResult:
    return PopulationTrainingResult.of(Path(data["run_dir"]), data)


def certify(algorithm: Algorithm, *, judge: LeaderSettings | None = None) -> Evaluation:
    """What the greedy leader of an RLlib algorithm is worth, with its certificate, as a run's result says it.

    Args:
        algorithm: built from a `leader_config`; judge: the followers it is valued against, by default its own.

    Raises:
        InvalidFieldError: it trains no leader of a game of finite types.
    """
    from rllib_stackelberg.training.leaders.environments import LEADER_ENV

    config = algorithm.config
    if config is None or config.env != LEADER_ENV:
        raise InvalidFieldError("algorithm", "trains no leader of a game of finite types", "one of a leader_config")
    given = config.env_config
    game = finite(rules_in(given))
    settings = (judge or LeaderSettings.checked(**given["settings"])).fitted(game)
    policy = algorithm.get_module().export().acting_in(game)
    return evaluate_policy(game, policy, settings, given["seed"])[1]


def leader_config(
    algorithm: str | AlgorithmConfig = "PPO",
    *,
    game: str | type[StackelbergGame] | type[PopulationGame],
    game_config: Mapping[str, Any] | None = None,
    members: str | Path | PopulationPolicy | None = None,
    followers: Learner | tuple[Learner, ...] | str | None = None,
    critic: Literal["central", "local"] | None = None,
    seed: int = 0,
    **settings: Any,
) -> AlgorithmConfig:
    """An RLlib configuration that trains the leader of a game.

    What comes back is an ordinary `AlgorithmConfig`: change anything, `build_algo()`, hand it to Ray Tune. Callbacks,
    networks, learners and env runners are yours (training/leaders/configs.py): what leaders need beside them is kept,
    and what cannot lead is refused when it is set.

    Args:
        algorithm: name (PPO, APPO, IMPALA, SAC, DQN) or a configuration of one to start from, which is copied and whose
            numbers stay, but for `gamma`: the leader's payoff is not discounted.
        game: id, "package.module:ClassName", or a game class (which then need not be importable on workers).
        game_config: the game's constructor parameters.
        members: of a game with a population: folder with the policy by which they answer
            (training/populations/side_configs.py).
        followers: learner(s) or their command-line form; multiplicative weights by default.
        critic: "central" sees the hidden state, "local" what the actor sees; by default central, where there is one.
        seed: of the run: followers' streams, types, chance, and RLlib's own.
        settings: further fields of `LeaderSettings` (response_updates, leader_queries, response_transitions, ...);
            `models` names several models of followers, one of which every leader episode draws.

    Raises:
        InvalidFieldError: anything that cannot work, by name, before a process is started.
    """
    from rllib_stackelberg.training.config import leader_config as configured

    return configured(
        algorithm, game=game, game_config=game_config, members=members, followers=followers, critic=critic, seed=seed,
        **settings,
    )  # fmt: skip
