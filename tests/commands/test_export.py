"""Games written to files that other programs read: `games GAME --export FILE`."""

import io
import json

import pygambit
import pytest
from typer.testing import CliRunner

from rllib_stackelberg import make_game
from rllib_stackelberg.cli import app
from rllib_stackelberg.solvers import exact_solve
from tests.conftest import GAMES, game_called

READERS = {".nfg": pygambit.read_nfg, ".efg": pygambit.read_efg}


def call(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, done.output


def test_what_is_written_is_the_same_game(tmp_path):
    file = tmp_path / "game.nfg"
    code, output = call("games", "random-bimatrix", "actions=4", "seed=2", "--export", file, "--json")
    assert code == 0
    told = json.loads(output.splitlines()[-1])
    assert told["params"] == {"actions": 4, "seed": 2}
    assert told["bytes"] == file.stat().st_size
    first, again = (
        make_game("random-bimatrix", actions=4, seed=2, mixed=True),
        make_game("bimatrix", file=file, mixed=True),
    )
    assert (first.leader_matrix == again.leader_matrix).all()
    assert (first.follower_matrix == again.follower_matrix).all()
    assert exact_solve(first).leader_value == pytest.approx(exact_solve(again).leader_value, abs=1e-12)


def test_gambit_reads_every_game_that_is_written():
    written = set()
    for name in GAMES:
        game = game_called(name)
        for ending, text in game.exports().items():
            written.add(type(game).__name__)
            theirs = READERS[ending](io.StringIO(text()))
            assert len(theirs.players) == len(game.agents), name
            low, high = game.payoff_range[0]
            assert float(theirs.min_payoff) >= min(low, game.payoff_range[:, 0].min()) - 1e-12
            assert float(theirs.max_payoff) <= max(high, game.payoff_range[:, 1].max()) + 1e-12
    assert {"Bimatrix", "NamedBimatrix", "RandomBimatrix", "NormalFormGame", "RandomNormalForm", "NamedTree"} <= written


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["escape", "--export", "game.efg"],
            "export: stackelberg/escape-v0 is not written as .efg; allowed: a name that",
        ),
        (["message-spm", "--export", "game.nfg"], "allowed: a game in normal or in extensive form"),
        (["escape", "--export", "there.nfg"], "export: there.nfg is there already; allowed: a new file"),
        (["escape", "--export", "nowhere/game.nfg"], "export: cannot write nowhere/game.nfg (No such file"),
        (["--export", "game.nfg"], "export: no game given"),
        (["random-bimatrix", "seed=2"], "params: mean nothing to a page; allowed: only with --export"),
    ],
)
def test_what_is_refused(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.nfg").write_text("mine")
    code, output = call("games", *arguments)
    assert code == 2
    assert said in " ".join(output.split())
    assert [file.name for file in tmp_path.iterdir()] == ["there.nfg"]
    assert (tmp_path / "there.nfg").read_text() == "mine"
