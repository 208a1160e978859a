"""A run makes its game once in a process, whoever asks for it: options, RLlib, valuations, the result and the page."""

from functools import partial

import pytest
from pettingzoo.classic import rps_v2
from typer.testing import CliRunner

from rllib_stackelberg.aec.game import AECGame
from rllib_stackelberg.aec.roles import Roles
from rllib_stackelberg.cli import app
from tests.games_for_tests import NoisyAllocation
from tests.populations_for_tests import Levy

MADE = []


class CountedGame(NoisyAllocation):
    """A game of one's own that counts how often it is made."""

    def __init__(self):
        super().__init__(0.1)
        MADE.append(type(self).__name__)


class CountedSimulator(AECGame):
    """Somebody else's environment."""

    def __init__(self):
        MADE.append(type(self).__name__)
        roles = Roles(leader="player_0", learners=("player_1",), policies={})
        once = partial(rps_v2.env, max_cycles=1)
        super().__init__(once, roles, dict.fromkeys(("player_0", "player_1"), (-1.0, 1.0)))


class CountedLevy(Levy):
    """A game with a population."""

    def __init__(self):
        super().__init__(members=4, periods=4)
        MADE.append(type(self).__name__)


@pytest.mark.ray
@pytest.mark.page
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CountedGame", []),
        pytest.param("CountedSimulator", ["--response-updates", "4"], marks=pytest.mark.remote),
        pytest.param("CountedLevy", ["--setting", "updates=1"], marks=pytest.mark.remote),
    ],
)
def test_a_run_makes_its_game_once(tmp_path, monkeypatch, name, options):
    """A simulator is slow: few episodes side by side, and few plays that estimate its value."""
    for limit in ("PARALLEL_EPISODES", "LONG_EPISODES"):
        monkeypatch.setattr(f"rllib_stackelberg.training.leaders.algorithms.{limit}", 8)
    for limit in ("REWARD_PLAYS", "DEVIATION_PLAYS"):
        monkeypatch.setattr(f"rllib_stackelberg.evaluation.estimates.{limit}", 16)
    MADE.clear()
    command = ["train", f"tests.training.test_one_game:{name}", "--max-iterations", "2", "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*command, *options])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "report.html").exists()
    assert [name] == MADE
