"""A run folder stands alone: moved, or with its game's files gone, it is the run it was."""

import json
import shutil

import pytest

from rllib_stackelberg import evaluate, load_policy
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.reports import write_report
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import FiniteRun, PopulationRun
from tests.reports.runs import run_folder

MATRICES = {"leader": [[1, 0], [0, 2]], "follower": [[1, 0], [0, 1]]}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A run of a game from a file that is named relative to where the person stands."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    (home / "matrices.json").write_text(json.dumps(MATRICES))
    folder = run_folder(home / "run", "bimatrix", {"file": "matrices.json"}, response_updates=5)
    return folder.path


def test_a_run_of_a_game_from_a_file_works_wherever_it_is_moved(made, tmp_path, monkeypatch):
    value, page = evaluate(made), write_report(made).read_bytes()
    assert value["params"] == {"file": "matrices.json"}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere" / "moved"
    shutil.move(made, moved)
    shutil.rmtree(tmp_path / "home")
    assert evaluate("moved") == value | {"run_dir": "moved"}
    assert write_report("moved").read_bytes() == page
    assert load_policy("moved")([0, 1]) in (0, 1)
    assert FiniteRun.open(moved).options().rules.leader_matrix.tolist() == MATRICES["leader"]


def test_a_file_that_was_edited_is_told_and_the_runs_own_copy_counts(made):
    value = evaluate(made)
    file = made.parent / "matrices.json"
    file.write_text(json.dumps(MATRICES | {"leader": [[100, 0], [0, 200]]}))
    with pytest.warns(RuntimeWarning, match=r"file: .*matrices\.json has changed since the run; the run's own copy"):
        assert evaluate(made) == value


def test_a_copy_that_was_edited_is_refused_by_name(made):
    (made / "inputs" / "file.json").write_text(json.dumps(MATRICES | {"leader": [[100, 0], [0, 200]]}))
    with pytest.raises(InvalidFieldError, match=r"file: .*inputs/file\.json does not have the SHA-256 sum"):
        evaluate(made)


@pytest.mark.parametrize("damage", ["gone", "link", "unknown", "outside"])
def test_a_game_is_made_from_nothing_outside_the_folder(made, damage):
    config = json.loads((made / "config.json").read_text())
    copy = made / "inputs" / "file.json"
    if damage == "gone":
        copy.unlink()
    elif damage == "link":
        copy.rename(made.parent / "copy.json")
        copy.symlink_to(made.parent / "copy.json")
    elif damage == "unknown":
        config["inputs"] = {}
    else:
        config["inputs"]["file"]["copy"] = "../../matrices.json"
    (made / "config.json").write_text(json.dumps(config))
    with pytest.raises(InvalidFieldError):
        evaluate(made)


def test_models_from_a_file_stand_in_the_folder(tmp_path):
    """--models hands the content over, all of which is written down."""
    models = [{"name": "slow", "followers": "mw", "response_updates": 7}, {"name": "fast", "response_updates": 3}]
    options = TrainOptions.checked(game="escape", settings={"models": models}, out=tmp_path / "run")
    folder = RunFolder.create(tmp_path / "run")
    folder.begin(options.resolved())
    assert [part.settings.response_updates for part in FiniteRun.open(tmp_path / "run").settings.parts] == [7, 3]


def test_a_survey_stands_in_the_folder(tmp_path):
    survey = tmp_path / "survey.csv"
    survey.write_text("NETWORTH,WAGEINC,WGT\n1000,50000,1\n2000,60000,1\n")
    params = {"survey": str(survey), "households": 4, "years": 2}
    options = PopulationOptions.checked(game="taxation", params=params, out=tmp_path / "run", max_iterations=1)
    folder = RunFolder.create(tmp_path / "run")
    folder.begin(options.resolved())
    survey.unlink()
    assert PopulationRun.open(folder.path).options().rules.survey.wealth.tolist() == [1000, 2000]


OWN = """
from tests.games_for_tests import BayesianGame
class Mine(BayesianGame):
    pass
"""


def test_own_code_that_has_changed_is_refused_by_name(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    named = f"{tmp_path}/mine.py:Mine"
    options = TrainOptions.checked(game=named, out=tmp_path / "run", max_iterations=1)
    folder = RunFolder.create(tmp_path / "run", named)
    folder.begin(options.resolved())
    assert FiniteRun.open(folder.path, named).game.agents == options.rules.agents
    (tmp_path / "moved").mkdir()
    shutil.copy(tmp_path / "mine.py", tmp_path / "moved")
    shutil.move(folder.path, tmp_path / "moved" / "run")
    moved = f"{tmp_path}/moved/mine.py:Mine"
    assert FiniteRun.open(tmp_path / "moved" / "run", moved).game.agents == options.rules.agents
    (tmp_path / "edited").mkdir()
    (tmp_path / "edited" / "mine.py").write_text(OWN + "# another line\n")
    with pytest.raises(InvalidFieldError, match="is not that of the run"):
        FiniteRun.open(tmp_path / "moved" / "run", f"{tmp_path}/edited/mine.py:Mine")
    # What this process has imported is still what the run was made from: a run may end while its file is edited.
    (tmp_path / "moved" / "mine.py").write_text(OWN + "# edited while it runs\n")
    assert FiniteRun.open(tmp_path / "moved" / "run", moved).game.agents == options.rules.agents
