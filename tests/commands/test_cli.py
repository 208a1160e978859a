"""The command line: answers, and refusals that name the field, exit with 2 and start no Ray."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rllib_stackelberg.cli import app
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import FiniteRun
from tests.reports.runs import run_folder

RUNNER = CliRunner()


def call(*arguments):
    result = RUNNER.invoke(app, list(arguments))
    return result.exit_code, result.output


def last_json(output):
    return json.loads(output.strip().splitlines()[-1])


def test_games_lists_every_game():
    code, output = call("games", "--json")
    found = last_json(output)["games"]
    assert code == 0
    assert {"stackelberg/escape-v0", "stackelberg/matrix-design-v0"} <= {game["id"] for game in found}
    assert all({"id", "summary", "messages", "exact", "source"} <= game.keys() for game in found)
    assert [game["name"] for game in found if game["population"]] == [
        "carbon", "labour-supply", "output-tax", "public-investment", "taxation"
    ]  # fmt: skip


@pytest.mark.parametrize("game", ["maintain", "stackelberg/maintain", "maintain-v0", "stackelberg/maintain-v0"])
def test_solve(game):
    code, output = call("solve", game, "mixed=true", "--json")
    found = last_json(output)
    assert code == 0
    assert found["leader_value"] == pytest.approx(11 / 12)
    assert {"game", "params", "method", "tie_break", "leader_strategy"} <= found.keys()
    assert found["params"] == {"mixed": True}


def test_solve_says_what_is_known_where_there_is_no_optimum():
    code, output = call("solve", "message-spm", "buyers=5")
    assert code == 2
    assert "no strategy is worth more than 0 (first best" in output
    assert "without messages: -0.0308642" in output
    code, output = call("solve", "message-spm", "buyers=16", "types=5", "messages=1", "objective=revenue", "--json")
    found = last_json(output)
    assert code == 0
    assert 0.97 < found["leader_value"] < found["bound"] < 1


def test_solve_knows_optima_of_populations():
    code, output = call("solve", "labour-supply", "variance=1.1212", "--json")
    found = last_json(output)
    assert code == 0
    assert found["leader_action"] == pytest.approx([0.58350], abs=1e-5)
    assert found["leader_value"] == pytest.approx(-1.51871, abs=1e-5)
    code, output = call("solve", "output-tax", "--followers", "mw")
    assert code == 2
    assert "followers" in output


def test_solve_against_learning_followers():
    arguments = ("solve", "message-spm", "types=2", "messages=2", "price_grid=3", "--against-response")
    code, output = call(*arguments, "--followers", "mw:epsilon=0.2", "--response-updates", "20", "--json")
    found = last_json(output)
    assert code == 0
    assert found["leader_value"] == 0
    assert {"game", "params", "method", "tie_break", "leader_strategy"} <= found.keys()
    assert found["details"]["settings"]["followers"] == [{"name": "mw", "epsilon": 0.2}]
    assert found["details"]["settings"]["update_mode"] == "expected"
    assert found["details"]["settings"]["response_updates"] == 20
    assert found["details"]["kinds"] == 13**4


def test_solve_reads_matrices_from_a_file_and_from_the_line(tmp_path):
    file = tmp_path / "game.json"
    file.write_text(json.dumps({"leader": [[2, 4], [1, 3]], "follower": [[1, 0], [0, 1]]}))
    for arguments in ([f"file={file}"], ["leader=[[2,4],[1,3]]", "follower=[[1,0],[0,1]]"]):
        code, output = call("solve", "bimatrix", *arguments, "mixed=true", "--json")
        assert code == 0
        assert last_json(output)["leader_value"] == pytest.approx(3.5)


def test_respond_takes_what_solve_gives(tmp_path):
    _, output = call("solve", "matrix-design", "--json")
    file = tmp_path / "leader.json"
    file.write_text(json.dumps(last_json(output)))
    code, output = call("respond", "matrix-design", "--leader", str(file), "--updates", "100", "--json")
    found = last_json(output)
    assert code == 0
    assert found["leader_value"] == pytest.approx(10 / 6)
    assert {"follower_values", "weights", "certificate"} <= found.keys()
    wanted = {
        "bcce_gap", "deviation_gain", "regret", "regret_bound", "updates", "response_samples", "exact_expectation"
    }  # fmt: skip
    assert wanted <= found["certificate"].keys()


def test_play_prints_a_transcript():
    code, output = call("play", "simple-allocation", "types=4", "--seed", "2")
    assert code == 0
    assert "leader_0 allocate" in output


def test_play_prints_the_years_of_an_economy():
    code, output = call("play", "taxation", "households=5", "years=3")
    assert code == 0
    assert "population_0 sees" in output
    assert "GDP per head [$]" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["solve", "taxation"],
        ["solve", "taxation", "--against-response"],
        ["respond", "taxation", "--leader", "{}.json"],
        ["online", "taxation", "--leader", "EXP3", "--follower", "UCB"],
    ],
    ids=" ".join,
)
def test_population_games_are_refused_by_commands_that_cannot_use_them(arguments):
    code, output = call(*arguments)
    assert code == 2
    assert "is a population game" in output.replace("\n", " ")


def population_run(folder, **changes):
    given = {"game": "public-investment", "params": {"households": 3, "periods": 2}, "max_iterations": 2}
    options = PopulationOptions.checked(**given | changes, out=folder)
    RunFolder.create(folder).write("config", options.resolved())


def test_a_finished_run_of_a_population_game_has_nothing_left_to_do(tmp_path):
    population_run(tmp_path)
    summary = {"mean": 1.0, "standard_error": 0.1}
    result = {
        "game": "stackelberg/public-investment-v0", "leader_value": 1.0, "standard_error": 0.1, "members_value": 2.0,
        "members_standard_error": 0.1, "lasted": 2.0, "endings": {"horizon": 1.0}, "plays": 4, "iterations": 2,
        "seconds": 3.0, "units": {"growth": "%"}, "average": {"growth": summary}, "final": {"growth": summary},
        "exploitability": None, "run_dir": str(tmp_path),
    }  # fmt: skip
    RunFolder(tmp_path).write("result", result)
    content = (tmp_path / "result.json").read_bytes()
    code, output = call("resume", str(tmp_path), "--json")
    assert code == 0
    assert "nothing left to do" in output
    assert last_json(output) == result
    assert (tmp_path / "result.json").read_bytes() == content


PRIOR_GAME = """
from rllib_stackelberg import Prior
from tests.games_for_tests import BayesianGame
class Skewed(BayesianGame):
    def __init__(self, prior: list[list[float]] = [[.5, 0], [0, .5]]):
        super().__init__(prior=prior)
"""

BAD = [
    (["solve", "message-spm", "--against-response"], "game"),
    (["solve", "escape", "--response-updates", "9"], "response_updates"),
    (["solve", "escape", "--against-response", "--followers", "nobody"], "followers"),
    (["train", "nothing"], "game"),
    (["train", "no.such.module:Game"], "game"),
    (["train", "json:JSONDecoder"], "game"),
    (["train", "escape", "speed=3"], "speed"),
    (["train", "escape", "mixed=perhaps"], "mixed"),
    (["train", "escape", "leader=[[1]]"], "leader"),
    (["train", "simple-allocation", "messages=0"], "messages"),
    (["train", "simple-allocation", "types=0"], "types"),
    (["train", "simple-allocation", "types=three"], "types"),
    (["train", "escape", "mixed"], "mixed"),
    (["train", "bimatrix"], "leader"),
    (["train", "bimatrix", "leader=[[1,NaN]]", "follower=[[1,2]]"], "leader"),
    (["train", "bimatrix", "leader=[[1,Infinity]]", "follower=[[1,2]]"], "leader"),
    (["train", "bimatrix", "leader=[[1,2],[3]]", "follower=[[1,2],[3,4]]"], "leader"),
    (["train", "bimatrix", "leader=[[1,2]]", "follower=[[1]]"], "follower"),
    (["train", "bimatrix", "leader=[[1,2"], "leader"),
    (["train", "bimatrix", "file=/no/such/file.json"], "file"),
    (["train", "escape", "mixed=true", "sees_leader=true"], "sees_leader"),
    (["train", "escape", "--out", "/proc/run"], "out"),
    (["train", "escape", "--num-env-runners", "1000"], "num_env_runners"),
    (["train", "escape", "--num-env-runners", "-1"], "num_env_runners"),
    (["train", "escape", "--max-seconds", "0"], "max_seconds"),
    (["train", "escape", "--max-seconds", "nan"], "max_seconds"),
    (["train", "escape", "--max-iterations", "0"], "max_iterations"),
    (["train", "escape", "--response-updates", "0"], "response_updates"),
    (["train", "escape", "--response-transitions", "0.5"], "response_transitions"),
    (["train", "escape", "--leader-queries", "every_turn", "--response-transitions", "2"], "response_transitions"),
    (["train", "escape", "--followers", "mw:epsilon=-1"], "followers"),
    (["train", "escape", "--followers", "rm++"], "followers"),
    (["train", "escape", "--algo", "Nope"], "algo"),
    (["train", "message-spm", "--algo", "DQN"], "algo"),
    (["train", "escape", "--algo", "DQN", "--critic", "central"], "critic"),
    (["train", "escape", "--seed", "-1"], "seed"),
    (["respond", "escape", "--leader", "/no/file.json"], "leader"),
    (["evaluate", "/no/run"], "run"),
    (["resume", "/no/run"], "run"),
    (["train", "escape", "--max-failures", "-1"], "max_failures"),
    (["train", "escape", "--game-timeout", "0"], "game_timeout"),
    (["solve", "simple-allocation", "messages=-2"], "messages"),
    (["play", "taxation", "households=0"], "households"),
    (["play", "taxation", "task=fame"], "task"),
    (["play", "taxation", "constants=mine"], "constants"),
    (["play", "taxation", "years=0"], "years"),
    (["play", "taxation", "shock=flood"], "shock"),
    (["play", "taxation", "taxes=low"], "taxes"),
    (["play", "labour-supply", "cap=1"], "cap"),
    (["play", "output-tax", "public=0"], "public"),
    (["play", "taxation", "shock_year=0"], "shock_year"),
    (["play", "taxation", "survey=/no/file.csv"], "survey"),
]


@pytest.mark.parametrize(("arguments", "field"), BAD, ids=lambda value: value if isinstance(value, str) else None)
def test_bad_input_is_refused_by_name(arguments, field):
    code, output = call(*arguments)
    assert code == 2
    assert field in output
    assert "allowed" in output


def test_a_prior_that_does_not_sum_to_one_is_refused(tmp_path, monkeypatch):
    (tmp_path / "skewed.py").write_text(PRIOR_GAME)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    code, output = call("train", "skewed:Skewed", "prior=[[.5,.2],[.1,.1]]")
    assert code == 2
    assert "prior" in output


REFUSED = {
    "messages": "simple-allocation messages=0",
    "out": "escape --out /proc/run",
    "num_env_runners": "escape --num-env-runners 999",
    "algo": "message-spm --algo DQN",
}

REFUSALS = """
import sys
import time
from rllib_stackelberg.cli import main
for arguments in sys.argv[1:]:
    sys.argv = ["rllib-stackelberg", "train", *arguments.split()]
    try:
        main()
    except SystemExit as end:
        print(end.code, "ray" in sys.modules, "torch" in sys.modules, file=sys.stderr)
"""


def test_refusals_come_before_ray_is_loaded():
    done = subprocess.run(
        [sys.executable, "-c", REFUSALS, *REFUSED.values()], capture_output=True, text=True, check=True
    )
    said = done.stderr.split("2 False False\n")
    assert len(said) == len(REFUSED) + 1
    assert all(field in problem for field, problem in zip(REFUSED, said, strict=False))


def test_models_of_followers_by_option_and_from_a_file(tmp_path):
    leader, models = tmp_path / "leader.json", tmp_path / "models.json"
    leader.write_text(json.dumps([{"question": 0, "action": 2}]))
    models.write_text(json.dumps([{"followers": "mw:epsilon=0.2", "weight": 3}, {"followers": "mw:epsilon=0.1"}]))
    named = ("--model", "mw:epsilon=0.2", "--model", "mw:epsilon=0.1")
    for arguments, weights in ((named, [0.5, 0.5]), (("--models", str(models)), [0.75, 0.25])):
        code, output = call("respond", "escape", "--leader", str(leader), "--updates", "20", *arguments, "--json")
        found = last_json(output)
        assert code == 0
        assert [(m["name"], m["weight"]) for m in found["by_model"]] == [
            ("mw:epsilon=0.2", weights[0]), ("mw:epsilon=0.1", weights[1]),
        ]  # fmt: skip
        assert "Under each model of followers" in output
    code, output = call("solve", "escape", "--against-response", "--response-updates", "20", *named, "--json")
    assert code == 0
    assert [model["name"] for model in last_json(output)["details"]["settings"]["models"]] == [None, None]
    for refused, field in (
        (("respond", "escape", "--leader", str(leader), *named, "--models", str(models)), "model:"),
        (("train", "escape", "--models", str(tmp_path / "none.json")), "models:"),
        (("train", "escape", "--model", "nobody"), "models.0.followers:"),
        (("train", "escape", "--model", "mw", "--model", "mw"), "models:"),
        (("solve", "escape", *named), "models:"),
    ):
        code, output = call(*refused)
        assert code == 2
        assert output.startswith(f"error {field}")


def test_check_says_what_a_game_shows_and_finds_no_fault():
    code, output = call("check", "message-spm", "types=2", "--json")
    found = last_json(output)
    assert code == 0
    assert found["findings"] == []
    assert found["plays"] == 64
    assert found["keys"] == [2, 2, 12, 0, 0]
    assert call("check", "labour-supply", "households=3", "--plays", "2")[0] == 0


def test_check_of_a_faulty_game_says_all_of_it_and_exits_with_1():
    code, output = call("check", "tests.testing.test_conformance:Overpays", "--json")
    assert code == 1
    assert [found["about"] for found in last_json(output)["findings"]] == ["payoff_range"] * 3
    assert "a play pays leader_0 4, above its [0, 2]" in output


@pytest.mark.parametrize("command", [("solve",), ("train",), ("respond", "--leader", "none.json")])
def test_a_faulty_game_of_ones_own_is_refused_by_name_before_it_is_used(command):
    began = time.monotonic()
    code, output = call(*command, "tests.testing.test_conformance:TypesOnly")
    assert code == 2
    assert "information: key" in output
    assert "follower_0" in output
    assert time.monotonic() - began < 3


def test_equilibria_are_told_in_the_games_words(tmp_path):
    leader = tmp_path / "leader.json"
    leader.write_text(json.dumps([{"question": 0, "action": 2}]))
    code, output = call("respond", "escape", "--leader", str(leader), "--updates", "20", "--equilibria", "--json")
    assert code == 0
    assert [found["shown"] for found in last_json(output)["equilibria"]] == ["follower_0: column 2"]
    assert "follower_0: column 2" in output.partition("Leader strategy")[0]


RESUMED = """
import sys
from rllib_stackelberg.cli import main
sys.argv = ["rllib-stackelberg", "resume", *sys.argv[1:]]
try:
    main()
finally:
    print("ray" in sys.modules, "torch" in sys.modules)
"""


def test_a_finished_run_has_nothing_left_to_do_and_starts_no_ray(tmp_path):
    folder = run_folder(tmp_path / "run", "escape", response_updates=20)  # 3 iterations, as many as it may have
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    done = subprocess.run(
        [sys.executable, "-c", RESUMED, str(folder.path), "--json"], capture_output=True, text=True, check=True
    )
    *shown, result, loaded = done.stdout.splitlines()
    assert loaded == "False False"
    assert shown[0].startswith("nothing left to do")
    assert json.loads(result) == json.loads((folder.path / "result.json").read_text())
    assert {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("training", "limits", "over"),
    [
        ({"iterations": 3}, {}, True),
        ({"iterations": 2}, {}, False),
        ({"iterations": 3}, {"max_iterations": 4}, False),
        ({"iterations": 3}, {"max_seconds": 1.0}, True),  # it had 1.5 s
        ({"iterations": 2, "stopped": "all strategies were tried"}, {}, True),
    ],
    ids=str,
)
def test_a_run_is_over_when_its_limits_are_or_nothing_is_left_to_learn(tmp_path, training, limits, over):
    folder = run_folder(tmp_path / "run", "escape", response_updates=2)
    folder.write("training", folder.read("training") | training)
    given = {"max_seconds": None, "max_iterations": None} | limits
    run = FiniteRun(folder)
    assert (run.finished(run.options({}, **given)) is not None) == over
    (folder.path / "result.json").unlink()
    assert run.finished(run.options({})) is None
