"""Whether a game keeps the rules contract: plays some of it, and says what is wrong, where, and why it matters.

`inspect` looks closely at many plays and finds all faults that it meets. `refuse_faulty` does the same with a few
plays, in a few milliseconds: what trains, solves or answers a person's own game calls it first, since a fault found
here has a name, and the same fault in the middle of a response has none.
"""

from __future__ import annotations

from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.declarations import check_game
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import find_spec, make_rules
from rllib_stackelberg.testing.inspection import FaultyError, Inspection, Inspector
from rllib_stackelberg.testing.populations import first_findings

PLAYS, SINGLE_PLAYS = 64, 64
FEW_PLAYS, FEW_SINGLE_PLAYS = 12, 2


def inspect(game: StackelbergGame, plays: int = PLAYS, singles: int = SINGLE_PLAYS, seed: int = 0) -> Inspection:
    """Play a game and look for faults.

    Args:
        game: the game; seed: of types, chance and actions.
        plays: how many side by side; singles: how many of them again on their own.
    """
    inspector = Inspector(game, plays, min(singles, plays), seed)
    try:
        check_game(game)
        inspector.play()
    except InvalidFieldError as error:
        inspector.find(error.field, error.problem, error.allowed)
    except FaultyError:
        pass  # it has been noted, and nothing can be played on
    return inspector.inspection()


def sound_rules(game: str, /, **parameters: Any) -> StackelbergGame | PopulationGame:
    """As `registry.make_rules`, for use: a game that is not registered is tried first.

    Raises:
        InvalidFieldError: as for `make_rules` and `refuse_faulty`.
    """
    made = make_rules(game, **parameters)
    if not find_spec(game).registered:
        refuse_faulty(made)
    return made


def refuse_faulty(game: StackelbergGame | PopulationGame) -> None:
    """Refuse a game whose first few plays show a fault.

    Raises:
        InvalidFieldError: naming what of the contract it breaks.
    """
    if isinstance(game, PopulationGame):
        findings = first_findings(game)
    else:
        findings = inspect(game, FEW_PLAYS, FEW_SINGLE_PLAYS).findings
    for found in findings[:1]:
        raise InvalidFieldError(found.about, found.problem, found.remedy)
