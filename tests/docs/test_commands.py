"""Commands that the README and the pages show: each is one, of games that take its parameters, and files are there."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from docs.generators.commands import help_of
from rllib_stackelberg.cli import app
from rllib_stackelberg.commands.application import parsed
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.experiments.paper import TABLES
from rllib_stackelberg.rules.registry import games, make_rules
from tests.docs.written import README, ROOT, WRITTEN, blocks, text_of

COMMANDS = typer.main.get_command(app).commands
TEXTS = {"README.md": README} | {f"docs/{page}": text_of(page) for page in WRITTEN}
NAMES = {spec.name for spec in games()}
FILES = {"file", "catalogue", "survey"}
"""Parameters whose value is a file that a reader has, or needs another library."""


def code_of(text):
    """Inline code, on one line, and the lines of blocks of commands."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    yield from (" ".join(code.split()) for code in re.findall(r"`([^`]+)`", outside))
    for language, block in re.findall(r"^```([^\n]*)\n(.*?)^```", text, re.S | re.M):
        if language in ("", "sh", "console", "bash"):
            yield from (line.removeprefix("$ ") for line in block.splitlines())


def words_of(code):
    """What stands after the program's name, which `solve` and `train` in a sentence do without."""
    named = re.match(r"(?:.*(?:rllib-stackelberg|-m rllib_stackelberg) |(?=(?:solve|train) [a-z]))([a-z].*)", code)
    return shlex.split(named[1]) if named and "..." not in code else []


def shown(text):
    return [words for code in code_of(text) if (words := words_of(code))]


@pytest.mark.parametrize("file", [file for file, text in TEXTS.items() if shown(text)])
def test_commands_are_commands(file):
    for name, *arguments in shown(TEXTS[file]):
        assert name in COMMANDS, f"{file}: {name}"
        if not arguments:  # a name in a sentence
            continue
        context = COMMANDS[name].make_context(name, list(arguments), resilient_parsing=False)
        game, params = context.params.get("game"), parsed(context.params.get("params"))
        if game in NAMES and not FILES & params.keys():
            make_rules(game, **params)


def test_what_is_no_command_is_seen():
    """That the test above can fail."""
    assert shown("`rllib-stackelberg solve escape`, `solve x`") == [["solve", "escape"], ["solve", "x"]]
    with pytest.raises(Exception, match="No such option"):
        COMMANDS["solve"].make_context("solve", ["escape", "--metod", "x"])
    with pytest.raises(InvalidFieldError):
        make_rules("simple-allocation", **parsed(["kinds=3"]))


def test_examples_of_the_help_are_commands():
    examples = re.findall(r"^ +rllib-stackelberg ([a-z].*)$", "\n".join(map(help_of, COMMANDS)), re.M)
    assert {line.split()[0] for line in examples} == COMMANDS.keys()
    for name, *arguments in map(shlex.split, examples):
        context = COMMANDS[name].make_context(name, list(arguments))
        if context.params.get("game") in NAMES:
            make_rules(context.params["game"], **parsed(context.params.get("params")))
        assert context.params.get("table") in {None, *(table.name for table in TABLES)}


def test_every_command_is_shown():
    assert {words[0] for text in TEXTS.values() for words in shown(text)} == COMMANDS.keys()


def test_scripts_are_there_and_take_what_they_are_given():
    """Options are looked for in the script's own text: most scripts import ray, which takes seconds."""
    found = 0
    for file, text in TEXTS.items():
        for code in code_of(text):
            for script, options in re.findall(r"\bpython (?:-m pytest )?([\w/]+\.py)([^`]*)", code):
                source = (ROOT / script).read_text(encoding="utf-8")
                own = source + "".join(each.read_text("utf-8") for each in helpers(ROOT / script, source))
                for option in re.findall(r"--[\w-]+", options):
                    assert f'"{option}"' in own, f"{file}: {code}"
                found += 1
    assert found > 20


def helpers(script: Path, source: str):
    """Modules beside a script that it imports, and the platform's that parse for it."""
    beside = re.findall(r"^from (\w+) import", source, re.M)
    yield from (script.parent / f"{name}.py" for name in beside if (script.parent / f"{name}.py").exists())
    platform = re.findall(r"^from (rllib_stackelberg[\w.]+) import", source, re.M)
    yield from (path for name in platform if (path := ROOT / f"{name.replace('.', '/')}.py").exists())


def test_blocks_that_are_not_run_hold_commands_alone():
    for page in WRITTEN:
        for each in blocks(text_of(page)):
            if each.language == "sh":
                programs = {line.split()[0] for line in each.code.splitlines()}
                assert programs <= {"rllib-stackelberg", "python", "ray"}, page
