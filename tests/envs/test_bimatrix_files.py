"""Bimatrix games from Gambit's files and pygambit's catalogue."""

import time

import pytest
from typer.testing import CliRunner

from rllib_stackelberg import make_game
from rllib_stackelberg.cli import app
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.solvers import exact_solve

BATTLE = """NFG 1 R "Battle of the sexes" { "Her" "Him" }
{ { "opera" "fight" } { "Opera" "Fight" } }
3 2 0 0 0 0 2 3
"""


def written(folder, content: str):
    (folder / "game.nfg").write_text(content)
    return folder / "game.nfg"


def test_either_player_leads(tmp_path):
    file = written(tmp_path, BATTLE.replace("3 2", "4 2"))
    for leads, value, follower, row in (
        (1, 4.0, 2.0, "row opera"),
        ("Him", 3.0, 2.0, "row Fight"),
        ("2", 3.0, 2.0, ""),
    ):
        game = make_game("bimatrix", file=file, leads=leads)
        found = exact_solve(game)
        assert (found.leader_value, found.follower_values) == (value, (follower,))
        action = dict(found.leader_strategy)[0]
        assert game.describe_action(game.leader_turn, 0, [action]).endswith(row)


def test_fractions_are_not_rounded(tmp_path):
    """The follower takes the third column at the mixture (1/3, 2/3) alone, where all three pay 1/3."""
    payoffs = "0 1  0 0   0 0  0 1/2   1 1/3  1 1/3"
    file = written(tmp_path, f'NFG 1 R "" {{ "A" "B" }} {{ 2 3 }} {payoffs}')
    found = exact_solve(make_game("bimatrix", file=file, mixed=True))
    assert found.leader_value == 1
    assert found.follower_values == (pytest.approx(1 / 3, abs=1e-15),)
    assert dict(found.leader_strategy)[0] == pytest.approx((1 / 3, 2 / 3), abs=1e-15)


def test_a_game_of_the_catalogue():
    """Bagwell's: the first mover is hardly seen; commitment to S is worth 5, one to C 4 (OUTSIDE.md)."""
    game = make_game("bimatrix", catalogue="journals/geb/bagwell1995")
    assert exact_solve(game).leader_value == pytest.approx(5)
    assert exact_solve(make_game("bimatrix", catalogue="journals/geb/bagwell1995", mixed=True)).leader_value > 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"leads": 2}, "leads: needs a game with players"),
        ({"catalogue": "nau2004/sec3"}, "catalogue: pygambit's catalogue has no game 'nau2004/sec3'; allowed: .*sec3"),
        ({"catalogue": "journals/ijgt/nau2004/sec4"}, "catalogue: has a game of 3 players; allowed: two players"),
        ({"catalogue": "journals/ijgt/nau2004/sec3", "leads": 3}, "leads: there is no player '3'"),
        ({"catalogue": "journals/ijgt/nau2004/sec3", "file": "x.json"}, "catalogue: is given beside file"),
        ({"file": "none.nfg"}, "file: cannot read none.nfg"),
    ],
)
def test_what_is_refused(given, said):
    with pytest.raises(InvalidFieldError, match=said):
        make_game("bimatrix", **given)


def test_the_command_refuses_by_name_and_line(tmp_path):
    """A file of 4 MB whose last payoff is missing, in less than two seconds of computing, imports aside."""
    file = tmp_path / "large.nfg"
    file.write_text(
        'NFG 1 R "" { "A" "B" }\n{ 362 362 }\n' + "1.25 -1234567890.12345678901\n" * (362 * 362 - 1) + "1\n"
    )
    started = time.process_time()
    with pytest.raises(InvalidFieldError, match=r"large\.nfg, line 131046: the file ends after 262,087 of 262,088"):
        make_game("bimatrix", file=file)
    assert time.process_time() - started < 2
    done = CliRunner().invoke(app, ["solve", "bimatrix", f"file={file}"])
    assert done.exit_code == 2
    assert "line 131046" in " ".join(done.output.split())
    assert "Traceback" not in done.output
