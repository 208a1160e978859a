"""Online play from the command line: its table, its folder, its page."""

import json

import pytest
from typer.testing import CliRunner

from rllib_stackelberg.cli import app
from rllib_stackelberg.reports import bands_figure
from rllib_stackelberg.reports.online import write_online_report
from rllib_stackelberg.runs.folder import RunFolder

PARAMETERS = ("leader=[[0.7,0.1],[0.5,0.2]]", "follower=[[0.3,0.2],[0.9,0.1]]")
ARGUMENTS = ("online", "bimatrix", *PARAMETERS, "--leader", "ucbe", "--follower", "fbm:", "--rounds", "200", "--json")


def call(*arguments):
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("online") / "run"
    code, output = call(*ARGUMENTS, "--seeds", "3", "--out", str(path))
    assert code == 0, output
    return path, output


def test_the_command_answers_in_a_table_and_in_json(folder):
    path, output = folder
    found = json.loads(output.strip().splitlines()[-1])
    assert {"leader_average", "follower_average", "regret", "last_frequencies"} <= found.keys()
    assert (found["leader"], found["follower"], found["rounds"], found["seeds"]) == ("UCBE:bonus=50", "FBM", 200, 3)
    assert "best manipulation by the follower" in output
    assert found["report"] == str(path / "report.html")
    assert json.loads((path / "result.json").read_text()) == {k: v for k, v in found.items() if k != "report"}


def test_the_folder_holds_everything_on_the_page(folder):
    path, _ = folder
    assert {file.name for file in path.iterdir()} == {"config.json", "curves.json", "report.html", "result.json"}
    page = (path / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4  # payoffs and regret, each at two widths
    assert "Best manipulation" not in page
    assert "best manipulation by the follower" in page
    assert "UCBE:bonus=50 leads, FBM follows" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert write_online_report(RunFolder(path)).read_text(encoding="utf-8") == page


def test_a_folder_in_use_and_bad_learners_are_refused_before_work(folder):
    path, _ = folder
    for changed, field in (
        ((*ARGUMENTS, "--out", str(path)), "out"),
        ((*ARGUMENTS, "--rounds", "-3"), "rounds"),
        ((*ARGUMENTS, "--leader", "nobody"), "leader"),
        (("online", "matrix-design", "--leader", "EXP3", "--follower", "UCB"), "game"),
    ):
        code, output = call(*changed)
        assert code == 2
        assert output.startswith(f"error {field}:")
        assert "allowed" in output


def test_bands_have_a_line_a_band_and_a_reference():
    curves = {
        "leader": {"rounds": [1, 2, 3], "mean": [0.1, 0.2, 0.3], "low": [0.0, 0.1, 0.2], "high": [0.2, 0.3, 0.4]},
        "follower": {"rounds": [1, 2, 3], "mean": [1.0, 1.0, 1.0], "low": [None] * 3, "high": [None] * 3},
    }
    axes = bands_figure(curves, "payoff", {"leader": 0.5, "follower": None}).axes[0]
    drawn = {line.get_label(): line for line in axes.get_lines()}
    assert list(drawn) == ["leader", "leader, equilibrium", "follower"]
    assert drawn["leader"].get_ydata().tolist() == [0.1, 0.2, 0.3]
    assert set(drawn["leader, equilibrium"].get_ydata()) == {0.5}
    assert axes.get_ylim() == pytest.approx((-0.05, 1.05))
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.0, 0.4)
