"""Commands and options of games with a population, before anything is started."""

import numpy as np
import pytest
from typer.testing import CliRunner

from rllib_stackelberg import make_population
from rllib_stackelberg.cli import app
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.play import PopulationPlays
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.streams import Purpose, Streams
from tests.populations_for_tests import Levy


def refused(*arguments):
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 2
    return done.stderr.replace("\n", " ")


def test_options_of_the_other_kind_of_game_are_refused_by_name(tmp_path, monkeypatch):
    assert "followers: is for games of finite types" in refused("train", "taxation", "--followers", "mw")
    assert "stop_at_optimum" in refused("train", "taxation", "--stop-at-optimum")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")  # of the machine, not an option that somebody gave
    assert "max_iterations" in refused("train", "taxation", "--max-iterations", "0")
    monkeypatch.delenv("RAY_ADDRESS")
    assert "setting: is for games with a population" in refused("train", "escape", "--setting", "gamma=.9")
    assert "exploitability" in refused("train", "escape", "--exploitability", "3")
    assert "algo" in refused("train", "taxation", "--algo", "DQN")
    assert "algo" in refused("train", "escape", "--algo", "SMFRL")
    assert "gamma" in refused("train", "taxation", "--setting", "gamma=2")
    assert "member_low" in refused("train", "taxation", "--setting", "member_low=[0.5]")
    assert "device" in refused("train", "taxation", "--device", "tpu")
    assert "members-algo" in refused("train", "taxation", "--members-algo", "DQN")
    (tmp_path / "file").touch()
    assert "out" in refused("train", "taxation", "--out", str(tmp_path))


def test_the_paper_lets_households_save_half():
    options = PopulationOptions.checked(game="taxation")
    assert options.resolved_settings.member_low == (0.5, 0.001)
    assert options.max_seconds == 180
    with pytest.raises(InvalidFieldError, match="has no population"):
        PopulationOptions.checked(game="escape")


def test_plays_have_numbers_of_their_own():
    game = make_population("taxation", households=3, years=4)
    together = PopulationPlays(game, Streams(3), range(4))
    alone = PopulationPlays(game, Streams(3), [2])
    leader, members = np.full((4, 5), 0.01), np.full((4, 3, 2), 0.6)
    together.step(leader, members)
    alone.step(leader[:1], members[:1])
    assert np.array_equal(together.state.wealth[2:3], alone.state.wealth)
    before = together.state.ability.copy()
    together.restart(np.array([1]))
    assert together.state.period.tolist() == [1, 0, 1, 1]
    assert np.array_equal(np.delete(together.state.ability, 1, axis=0), np.delete(before, 1, axis=0))
    first = PopulationPlays(game, Streams(3), range(4))
    assert not np.array_equal(first.state.wealth[1], together.state.wealth[1])


class Fixed:
    """Plays one levy and one amount of work."""

    def play(self, game, state):
        return np.full((len(state), 1), 0.5), np.full((len(state), game.members, 1), 0.4)


def test_values_are_sums_over_plays_until_they_end():
    game = Levy(fails_at=4)
    found = evaluate_population(game, Fixed(), plays=10)
    assert found.periods.tolist() == [4] * 10
    assert set(found.endings) == {"failed"}
    made = found.average["made"].mean() * 0.4
    assert found.leader.mean() == pytest.approx(4 * 0.5 * made, rel=0.1)
    assert found.members.mean() == pytest.approx(4 * (0.5 * made - 0.08), rel=0.2)
    data = found.data()
    assert data["lasted"] == 4
    assert data["endings"] == {"failed": 1.0}
    again = evaluate_population(game, Fixed(), plays=10)
    other = evaluate_population(game, Fixed(), purpose=Purpose.SELECTION, plays=10)
    assert np.array_equal(again.leader, found.leader)
    assert not np.array_equal(other.leader, found.leader)


def test_groups_of_members_are_valued_apart():
    game, among = Levy(fails_at=4), np.arange(20) < 5
    groups = {"five": among, "rest": ~among, "all": np.full(20, True)}
    found = evaluate_population(game, Fixed(), plays=10, groups=groups)
    np.testing.assert_allclose(found.groups["all"], found.members)
    np.testing.assert_allclose(0.25 * found.groups["five"] + 0.75 * found.groups["rest"], found.members)
    assert not np.allclose(found.groups["five"], found.groups["rest"])
    assert evaluate_population(game, Fixed(), plays=10).groups == {}
    for wrong in (~groups["all"], among[:5], among.astype(float)):
        with pytest.raises(InvalidFieldError, match="group 'some'"):
            evaluate_population(game, Fixed(), plays=10, groups={"some": wrong})
