"""RLlib's algorithms by name: which can train which leader, checked before anything is loaded or started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame


@dataclass(frozen=True)
class AlgorithmTraits:
    """What an algorithm can do.

    Attributes:
        name: RLlib's.
        continuous: whether it trains leaders with continuous actions (all train discrete ones).
        masks: whether it trains leaders some of whose choices are closed, or go with numbers.
        critic: whether it has one, apart from what it acts by.
        replay: whether it learns from a buffer of old answers. It must then be asked once: at every turn, what a
            leader does is its choice only the first time.
    """

    name: str
    continuous: bool = True
    masks: bool = True
    critic: bool = True
    replay: bool = False


ALGORITHMS = {
    traits.name: traits
    for traits in (
        AlgorithmTraits("PPO"),
        AlgorithmTraits("APPO"),
        AlgorithmTraits("IMPALA"),
        AlgorithmTraits("SAC", masks=False, replay=True),
        AlgorithmTraits("DQN", continuous=False, masks=False, critic=False, replay=True),
    )
}


def find_algorithm(name: str, field: str = "algorithm") -> AlgorithmTraits:
    """Traits by name, in whatever case.

    Raises:
        InvalidFieldError: no such algorithm trains leaders.
    """
    if name.upper() not in ALGORITHMS:
        raise InvalidFieldError(field, f"got {name!r}", _those(lambda traits: True))
    return ALGORITHMS[name.upper()]


def check_algorithm(
    name: str, game: StackelbergGame, settings: LeaderSettings, critic: str | None, field: str = "algorithm"
) -> None:
    """Refuse what an algorithm cannot train.

    Args:
        name, game, settings, critic: as `leader_config` takes them; field: what the caller calls `name`.

    Raises:
        InvalidFieldError: naming the field and what to use instead.
    """
    traits = find_algorithm(name, field)
    name = traits.name
    turn = game.leader_turn
    if not traits.masks and (turn.masked or (turn.chooses and turn.numbers)):
        what = "choices are not always open" if turn.masked else "actions are a choice and numbers"
        problem = f"{name} does not train a leader whose {what}"
        raise InvalidFieldError(field, problem, _those(lambda other: other.masks))
    if not traits.continuous and not game.leader_turn.discrete:
        allowed = f"{_those(lambda other: other.continuous)}, or a game whose leader has a list of choices"
        raise InvalidFieldError(field, f"{name} chooses from a list, and this leader's actions are continuous", allowed)
    if traits.replay and settings.leader_queries == "every_turn":
        allowed = f"{_those(lambda other: not other.replay)}, or leader_queries=once"
        raise InvalidFieldError(field, f"{name} learns from old answers, and at every turn repeats them", allowed)
    if settings.response_transitions < 1 and name != "PPO":
        raise InvalidFieldError("response_transitions", "is the work of this project's PPO learner", '1, or "PPO"')
    if critic == "central" and not traits.critic:
        allowed = f"local, or {_those(lambda other: other.critic)}"
        raise InvalidFieldError("critic", f"{name} has no critic: it acts on its own values of answers", allowed)


def _those(fit: Callable[[AlgorithmTraits], bool]) -> str:
    return ", ".join(name for name, traits in ALGORITHMS.items() if fit(traits))
