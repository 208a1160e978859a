"""The gallery: a page for every registered game, from the registry, docstrings and exact solvers."""

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.strategies import evaluate_strategy, tabulated
from rllib_stackelberg.plays.paths import courses
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports.axes import FILE_WIDTH
from rllib_stackelberg.reports.game_tables import game_page
from rllib_stackelberg.reports.notebook import mechanism_picture, policy_picture
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.parameters import Parameter
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import GameSpec, find_spec, make_rules
from rllib_stackelberg.rules.registry import games as all_games
from rllib_stackelberg.rules.solution import PopulationSolution, StackelbergSolution
from rllib_stackelberg.solvers import solution_or_reason

from .markdown import Texts, code, contents, deeper, table

HEAD = """# Games

Each of these games has a page: its rules, its parameters, and its exact optimum where one is known. A parameter is
given on the command line as `KEY=VALUE`, in Python as a keyword. The number in the last column is the most that a
leader gets with the parameters' defaults, if followers who are indifferent help it.

"""

OPTIMUM_SHOWN = """## The optimum as a picture

The leader is blue, followers are orange. Grey is what is drawn before a play.
"""

RESPONSE_SHOWN = """Followers do what they do after one response phase
of learning, by the game's default settings.
"""

DRAWN = 5_000
"""Most outcomes of a game whose response is drawn."""


@cache
def made_by_default(name: str) -> StackelbergGame | PopulationGame | None:
    """The game by its defaults; None where it needs to be told something first, such as a file."""
    try:
        return make_rules(name)
    except InvalidFieldError:
        return None


@cache
def solved(name: str) -> tuple[StackelbergSolution | PopulationSolution | None, str]:
    """The exact optimum of a game by its defaults, or why there is none."""
    game = made_by_default(name)
    if game is None:
        return None, "depends on what the game is given"
    if isinstance(game, PopulationGame):
        return game.optimum(), "not known: train a leader"
    found, reason = solution_or_reason(game)
    return (found if found and found.exists else None), f"none: {reason}"


def optimum(name: str) -> tuple[str, str]:
    """The exact optimum, and how it was found or why there is none; as text."""
    found, reason = solved(name)
    return (number(found.leader_value), found.method) if found else ("", reason)


def picture(name: str) -> str:
    """The optimum as a picture, with what followers do who have learned to respond to it; nothing of large games."""
    game, (found, _) = made_by_default(name), solved(name)
    if isinstance(game, PopulationGame) and isinstance(found, PopulationSolution):
        return OPTIMUM_SHOWN + policy_picture(game, found.leader_action, FILE_WIDTH)._repr_html_() + "\n"
    if not isinstance(game, StackelbergGame) or not isinstance(found, StackelbergSolution) or not drawn(game):
        return ""
    strategy = LeaderStrategy.of(game, found.leader_strategy)
    settings = LeaderSettings.checked(**find_spec(name).defaults.settings).fitted(game)
    response = evaluate_strategy(strategy, settings, samples=1, every_play=False)
    shown = mechanism_picture(game, strategy, response, FILE_WIDTH)._repr_html_()
    return f"{OPTIMUM_SHOWN}{RESPONSE_SHOWN}\n{shown}\n"


def drawn(game: StackelbergGame) -> bool:
    """Whether a response takes no time to speak of."""
    return tabulated(game) and courses(game) <= DRAWN


def known_beside(game: StackelbergGame | PopulationGame | None) -> Iterator[str]:
    """Bound and simpler ways, a line each."""
    if isinstance(game, StackelbergGame):
        if bound := game.bound():
            yield f"- No leader strategy is worth more than {number(bound.value)} ({bound.method})."
        for name, value in game.baselines().items():
            yield f"- Worth {number(value)}: {name}."


def turns(game: StackelbergGame | PopulationGame | None) -> str:
    """Who moves, in the order of the rules."""
    if not isinstance(game, StackelbergGame):
        return ""
    kinds = {"leader": "asked of the leader", "learned": "learned", "reply": "the best reply, given by the rules"}
    rows = [
        (turn.name, game.agents[turn.agent], code(str(turn.actions)), kinds[turn.kind], sets(turn.rows))
        for turn in game.turns
    ]
    head = ("turn", "agent", "actions", "who decides", "information sets")
    return f"## Turns\n\nWith the parameters' defaults.\n\n{table(head, rows)}\n"


def sets(rows: int | None) -> str:
    """How many information sets a turn has."""
    return "" if rows is None else f"{rows:,}"


def parameters(page: dict[str, Any]) -> str:
    """What can be set."""
    if not page["details"]:
        return "This game has no parameters.\n"
    rows = [
        (code(each.name), "required" if each.required else code(shown(each.default)), f"*{each.kind}*: {each.meaning}")
        for each in (Parameter(**entry) for entry in page["details"])
    ]
    return table(("name", "default", "what it may be: what it means"), rows)


def shown(value: Any) -> str:
    """A default; long lists are cut."""
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def page(spec: GameSpec) -> str:
    """The page of one game."""
    facts, game = game_page(spec), made_by_default(spec.name)
    value, how = optimum(spec.name)
    lines = [f"# {spec.name}\n", f"{sentence(spec.summary)}\n"]
    lines += [f"{facts['about']}\n"] if facts["about"] else []
    lines += [f"Source: {facts['source']}.\n"] if facts["source"] else []
    lines += ["## Exact value\n", f"{f'{value}: {how}' if value else sentence(how)}.\n".replace("..", ".")]
    lines += [*known_beside(game), ""]
    lines += [picture(spec.name)]
    lines += ["## Parameters\n", parameters(facts), turns(game)]
    lines += ["## Try it\n", commands(spec, game, bool(value)), "## Rules in full\n", rules(facts["rules"]), ""]
    return "\n".join(lines)


def rules(docstring: str) -> str:
    """What a game's file says of itself; its first block of Python stands alone."""
    imports = "import pettingzoo\nimport rllib_stackelberg\n\n"
    alone = docstring if "import " in docstring else docstring.replace("```python\n", f"```python\n{imports}", 1)
    return deeper(alone, 2)


def sentence(text: str) -> str:
    """With a capital at its beginning and a full stop at its end."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def commands(spec: GameSpec, game: Any, solved: bool) -> str:
    """What can be typed. Training takes longer than a test may: it stands in the text, not in a block."""
    if game is None:
        return f"`rllib-stackelberg games {spec.name}` says what it has to be given.\n"
    lines = [f"rllib-stackelberg solve {spec.name}"] if solved else []
    lines.append(f"rllib-stackelberg play {spec.name}")
    trains = f"`rllib-stackelberg train {spec.name}` trains a leader.\n"
    return "```console\n" + "\n".join(f"$ {line}" for line in lines) + f"\n```\n\n{trains}"


def index() -> str:
    """The list of games."""
    rows = [
        (f"[`{spec.name}`]({spec.name}.md)", spec.summary, "yes" if spec.messages else "", optimum(spec.name)[0])
        for spec in all_games()
    ]
    head = ("game", "who leads, who follows", "messages", "exact optimum")
    return HEAD + table(head, rows) + "\n" + contents([spec.name for spec in all_games()])


def pages() -> Texts:
    """The list, and a page for each; games are solved when the page of one is read."""
    return Texts({"games/index.md": index} | {f"games/{spec.name}.md": partial(page, spec) for spec in all_games()})
