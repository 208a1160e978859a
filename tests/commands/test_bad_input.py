"""Bad input on the command line: exit 2, the field named, no traceback, under 3 seconds, nothing started or written.

Cases are drawn from a seed: a few in the fast suite, a thousand in the `learning` one. Each is a command that works,
but for one thing that cannot.
"""

import json
import random
import string
import time

import pytest
from typer.testing import CliRunner

from rllib_stackelberg.cli import app
from rllib_stackelberg.commands import runs

RUNNER = CliRunner()
DIGITS = "1" * 400
FAST, ALL = 60, 1_000


class StartedError(Exception):
    """A run would have been started."""


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch, tmp_path):
    class Folder:
        @staticmethod
        def create(path):
            raise StartedError(str(path))

    monkeypatch.setattr(runs, "RunFolder", Folder)
    monkeypatch.chdir(tmp_path)


def junk(rng):
    """Text that is a value of nothing: no number, no word, no JSON."""
    letters = "".join(rng.choices(string.ascii_letters + "é☃\x1b\x07[]{}/\\%$' ", k=rng.randint(1, 30)))
    return "?" + letters


def tree(rng, depth=0):
    """Random JSON."""
    leaves = [None, True, -1, 0, 0.5, 1e308, 10**25, "", "mw", junk(rng)]
    kind = rng.randrange(4)
    if depth > 3 or kind == 0:
        return rng.choice(leaves)
    if kind == 1:
        return {rng.choice(["name", "weight", "followers", "question", "action", junk(rng)]): tree(rng, depth + 1)}
    return [tree(rng, depth + 1) for _ in range(rng.randint(0, 3))]


NUMBERS = ["nan", "inf", "-1", "-1e400", f"-{DIGITS}", "1e400", "", "ten", "1,5", "[1]", "{}", "0x10", "--1"]

OPTIONS = {
    "seed": ["-1", "1.5", DIGITS, "x"],
    "max-seconds": ["nan", "inf", "-1", "0", "x"],
    "max-iterations": ["0", "-3", "1.5", "x"],
    "response-updates": ["0", "-1", "100000000", "1e3", DIGITS],
    "response-transitions": ["2", "-.1", "nan", "0.5"],
    "restart-after": ["0", "-1", "x"],
    "num-env-runners": ["-1", "100000", "x"],
    "max-failures": ["-1", "x"],
    "game-timeout": ["0", "-1", "nan", "inf", "1e10"],
    "algo": ["?", "Adam", "ppo:", "SMFRL"],
    "reward-play": ["best", ""],
    "leader-queries": ["twice"],
    "ray-address": ["http://a:1", "ray://b", "?", "a b"],
    "critic": ["none"],
    "followers": ["?", "mw:epsilon=-1", "mw:epsilon=nan", "mw:epsilon=1e400", f"mw:epsilon=-{DIGITS}", "mw:x=1", ":"],
}  # fmt: skip

PARAMETERS = {
    "simple-allocation": ["types", "messages"],
    "message-spm": ["types", "messages", "buyers", "noise", "price_grid", "values", "prior"],
    "bayesian": ["followers", "types", "actions", "tables", "seed", "prior"],
    "random-bimatrix": ["actions", "seed"],
    "iterated-bimatrix": ["rounds"],
    "newsvendor": ["theta0", "theta1", "sigma"],
    "taxation": ["households"],
}

MATRICES = [
    "[[1e400]]",
    f"[[{DIGITS}]]",
    "[[1e308,-1e308]]",
    "[[NaN]]",
    "[1,2]",
    "[]",
    "[[1],[1,2]]",
    '[["a"]]',
    "[[1}",
]


def option(rng, folder):
    name = rng.choice(list(OPTIONS))
    return ["train", "escape", f"--{name}", rng.choice(OPTIONS[name])], name


def parameter(rng, folder):
    game = rng.choice(list(PARAMETERS))
    name = rng.choice(PARAMETERS[game])
    bad = rng.choice([*NUMBERS, junk(rng)])
    return [rng.choice(["solve", "train", "play"]), game, f"{name}={bad}"], name


def unknown_parameter(rng, folder):
    name = rng.choice(["game", "cls", "self", "parameters", "values", "id", "_x", junk(rng).replace("=", "")])
    return [rng.choice(["solve", "train"]), "escape", f"{name}=1"], "parameter"


def setting(rng, folder):
    name, bad = rng.choice(
        [("cls", "1"), ("self", "1"), ("hidden", "[1000000,1000000]"), ("hidden", "[]"), ("plays", "1000000"),
         ("gamma", "nan"), ("rate", "-1"), ("learning", "[]"), ("batch", "0"), ("values", "1"), ("noise", "x")]
    )  # fmt: skip
    return ["train", "taxation", "--setting", f"{name}={bad}"], name


def matrix(rng, folder):
    field = rng.choice(["leader", "follower"])
    other = {"leader": "follower", "follower": "leader"}[field]
    return [rng.choice(["solve", "train"]), "bimatrix", f"{field}={rng.choice(MATRICES)}", f"{other}=[[0]]"], field


def game(rng, folder):
    named = rng.choice(
        [junk(rng), "", ":", "a:b", "os:getcwd", "rllib_stackelberg.rules.game:StackelbergGame", "..:x", "x:"]
    )
    return [rng.choice(["solve", "train", "play"]), named], "game"


def file(rng, folder, content):
    path = folder / f"{rng.getrandbits(64)}.json"
    path.write_text(content, encoding="utf-8")
    return str(path)


def broken(rng):
    """What is no document, whatever it is read for."""
    depth = rng.randint(65, 3000)
    return rng.choice(
        [
            "",
            "{",
            "[1,]",
            "[NaN]",
            f"[{DIGITS}]",
            "[1e999]",
            '{"a":1,"a":2}',
            "\x00",
            "[" * depth + "]" * depth,
            junk(rng),
        ]
    )


def models(rng, folder):
    learners = ['"?"', "[]", "5", '{"name": "?"}', '{"epsilon": 1}', f'{{"name": "mw", "epsilon": -{DIGITS[:300]}}}']
    bad = rng.choice(
        ["{}", "[]", "null", "5", '"mw"', "[null]", "[5]", "[[]]", '[{"weight": 1e308}]', '[{"weight": 0}]',
         '[{"name": ["a"]}]', '[{"name": 5}]', '[{"name": ""}]', '[{"x": 1}]', '["mw", "mw"]', broken(rng),
         f'[{{"followers": {rng.choice(learners)}}}]', '[{"response_updates": 1e9}]', json.dumps([[tree(rng)], "?"])]
    )  # fmt: skip
    command = rng.choice([["train", "escape"], ["solve", "escape", "--against-response"]])
    return [*command, "--models", file(rng, folder, bad)], "models"


def leader(rng, folder):
    entries = ['{"question": true, "action": 0}', '{"question": 0, "action": 1.5}', '{"question": -1, "action": 0}',
               '{"question": 0, "action": [[0]]}', '{"question": 0, "action": true}', '{"question": 0, "action": null}',
               '{"question": 0}', f'{{"question": 0, "action": {DIGITS[:300]}}}', '{"question": "0", "action": 0}',
               '{"question": 0, "action": 0}, {"question": 0, "action": 1}']  # fmt: skip
    bad = rng.choice([f"[{rng.choice(entries)}]", json.dumps(tree(rng)), broken(rng), '{"leader_strategy": 5}'])
    return ["respond", "escape", "--leader", file(rng, folder, bad)], ""


def online(rng, folder):
    field, text = rng.choice(
        [("prices", "UCB-grid:prices=1e9"), ("prices", "UCB-grid:prices=nan"), ("leader", "?"), ("leader", ""),
         ("exploration", "UCB-grid:exploration=-1"), ("x", "UCB-grid:x=1"), ("prices", f"UCB-grid:prices=-{DIGITS}")]
    )  # fmt: skip
    return ["online", "newsvendor", "--leader", text, "--follower", "best-response", "--rounds", "5"], field


KINDS = [option, parameter, unknown_parameter, setting, matrix, game, models, leader, online]


def check(seed, folder):
    rng = random.Random(seed)
    arguments, field = KINDS[seed % len(KINDS)](rng, folder)
    before, begun = sorted(folder.iterdir()), (time.process_time(), time.perf_counter())
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2, (arguments, result.output, result.exception)
    assert isinstance(result.exception, SystemExit), (arguments, result.exception)
    # Of computing: other processes may keep it waiting, though not for ten times as long.
    assert time.process_time() - begun[0] < 3, arguments
    assert time.perf_counter() - begun[1] < 30, arguments
    assert field in result.output.replace("\n", " ") or field.replace("-", "_") in result.output, (
        arguments,
        result.output,
    )
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output
    assert sorted(folder.iterdir()) == before


def test_a_few_bad_inputs_are_refused(tmp_path):
    for seed in range(FAST):
        check(seed, tmp_path)


@pytest.mark.learning
def test_a_thousand_bad_inputs_are_refused(tmp_path):
    for seed in range(FAST, FAST + ALL):
        check(seed, tmp_path)
