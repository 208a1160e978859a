"""The page of learners, from the registry that the command line reads."""

import inspect
import sys
from dataclasses import fields

import rllib_stackelberg.followers  # noqa: F401  (registers the learners)
from rllib_stackelberg.followers.learner import Learner

from .markdown import code, contents, table

FEEDBACK = {"full": "what every action would have paid", "bandit": "what its own action paid"}
HEAD = """# Learners

Followers learn how to respond. A *learner* is the rule by which one of them changes its strategy. It is named on the
command line by the name in the first column, with parameters after a colon: `--followers mw:epsilon=0.05`.

"No regret" says whether the average regret goes to zero: how much better the best single action would have been than
what the learner did, a play, whatever the others do. Play without regret comes to a Bayesian coarse correlated
equilibrium ([glossary](../../glossary.md)).

"""


def row_of(name: str, cls: type[Learner]) -> tuple[str, ...]:
    """A learner as it declares itself."""
    traits = cls.traits
    parameters = ", ".join(f"{field.name}={field.default}" for field in fields(cls))  # type: ignore[arg-type]
    hears = "leader and followers' payoffs, and commits" if traits.commits else FEEDBACK[traits.feedback]
    return f"[`{name}`]({page_of(name)}.md)", code(parameters), hears, "yes" if traits.no_regret else "no"


def page_of(name: str) -> str:
    """The path of a learner's page, without its ending."""
    return name.replace("_", "-")


def pages() -> dict[str, str]:
    """One page on all, and one for each, from the docstring of its file."""
    known = sorted((name, cls) for name, cls in Learner.registry.items() if cls.__module__.startswith("rllib_stack"))
    rows = table(("name", "parameters", "is told", "no regret"), (row_of(name, cls) for name, cls in known))
    made = {"learners/index.md": HEAD + rows + "\n" + contents(page_of(name) for name, _ in known)}
    for name, cls in known:
        module = cls.__module__
        made[f"learners/{page_of(name)}.md"] = (
            f"# {name}\n\n{inspect.getdoc(sys.modules[module])}\n\n```{{eval-rst}}\n"
            f".. autoclass:: {module}.{cls.__name__}\n   :no-members:\n   :no-index:\n```\n"
        )
    return made
