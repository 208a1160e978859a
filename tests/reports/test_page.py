"""What a report says, that it needs nothing else, and that nothing in a run can break it."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from rllib_stackelberg import make_game
from rllib_stackelberg.cli import app
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation import estimates
from rllib_stackelberg.reports import page, rendering, run_figures, write_report
from rllib_stackelberg.reports.glossary import explained
from rllib_stackelberg.reports.result_tables import certificate_words, learned_value
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.parameters import introduction
from rllib_stackelberg.rules.registry import load_class
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.run import FiniteRun
from rllib_stackelberg.terminal import visible
from tests.games_for_tests import BayesianGame
from tests.reports.runs import run_folder

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; elements must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self._open = [], [], []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, text):
        if not self._open or self._open[-1] != "style":
            self.words.append(text)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, attribute):
        return [found[attribute] for _, found in self.elements if attribute in found]


class Quoting(BayesianGame):
    """A game whose parameters and descriptions hold markup."""

    def __init__(self, title: str = ""):
        super().__init__(tables=2)
        self.title = title

    def describe(self, turn, key):
        return f"{self.title} {key}"

    def describe_action(self, turn, key, action):
        return f"</td>{self.title}"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("runs") / "run", "simple-allocation", {"types": 4}, response_updates=40)


@pytest.fixture(scope="module")
def text(run):
    return write_report(run.path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def found(text):
    return Page(text)


def read(folder):
    return Page(write_report(folder.path, folder.named).read_text(encoding="utf-8"))


def test_a_report_says_what_the_run_found(run, found):
    result = run.read("result")
    assert "simple-allocation" in found.text
    assert "types=4" in found.text
    assert f"Learned value {number(result['leader_value'])} after 12,345 leader episodes in 1.5 s" in found.text
    assert result["exact_value"] == 0.75
    assert "the exact optimum is 0.75" in found.text
    assert certificate_words(result)[1:] in found.text
    assert len(result["leader_strategy"]) == 3
    for answer in result["leader_strategy"]:
        assert f"{answer['label']} {answer['shown']}" in found.text
    assert f"reward play {result['play']}" in found.text
    assert "mw epsilon=" in found.text
    for package, version in run.read("config")["versions"].items():
        assert f"{package} {version}" in found.text


def test_follower_strategies_are_those_of_the_result(run, found):
    game = FiniteRun(run).game
    (turn,) = game.learned_turns
    weights = run.read("result")["weights"]["follower_0"]
    assert len(weights) == 4
    for key, row in enumerate(weights):
        label = re.escape(game.describe(turn, key))
        shown = re.search(rf"{label}((?: [\d.]+%){{{len(row)}}})", found.text)
        assert [float(p) / 100 for p in shown[1].replace("%", "").split()] == pytest.approx(row, abs=0.0051)


def test_figures_are_drawn_at_both_widths_and_named(found):
    drawn = [attributes for tag, attributes in found.elements if tag == "svg"]
    assert [figure["aria-label"] for figure in drawn] == [
        label for label in run_figures.LABELS.values() for _ in rendering.WIDTHS
    ]  # fmt: skip
    assert [figure["viewbox"].split()[2] for figure in drawn] == 4 * ["720", "340"]
    assert found.text.count("exact optimum") >= 3  # a tile, and the legend at two widths


def test_a_report_needs_no_server_no_network_and_no_script(text, found):
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "video"}
    assert not found.all("src")
    assert not found.all("srcset")
    assert not [name for _, given in found.elements for name in given if name.startswith("on") or name == "xlink:href"]
    references = [*found.all("href"), *re.findall(r"url\(([^)]*)\)", text)]
    assert references
    assert all(reference.startswith("#") for reference in references)
    assert "http" not in text
    assert "@import" not in text


def test_identifiers_are_unique_and_references_lead_somewhere(text, found):
    names = found.all("id")
    assert len(names) == len(set(names))
    assert {*found.all("href"), *re.findall(r"url\(([^)]*)\)", text)} <= {f"#{name}" for name in names}


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(run, text, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(run.path, moved)
    assert write_report(moved).read_text(encoding="utf-8") == text
    assert str(run.path) not in text


@pytest.mark.usefixtures("drawn_once")
def test_names_and_parameters_cannot_inject_markup(tmp_path):
    title = '"><img src=x onerror=alert(1)><script>alert(2)</script>\x1b[2J\u202e'
    folder = run_folder(tmp_path / "run", "tests.reports.test_page:Quoting", {"title": title}, response_updates=5)
    found, title = read(folder), visible(title)
    assert not {"img", "script"} & {tag for tag, _ in found.elements}
    assert f"title={title}" in found.text
    assert f"{title} 0 </td>{title}" in found.text  # the leader's table
    assert f"{title} 1" in found.text  # a follower's row


@pytest.mark.usefixtures("drawn_once")
def test_long_mechanisms_are_cut_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "ANSWERS_OPEN", 2)
    monkeypatch.setattr(page, "ANSWERS_SHOWN", 5)
    folder = run_folder(tmp_path / "run", "message-spm", {"types": 2}, response_updates=5)
    found, result = read(folder), folder.read("result")
    labels = [answer["label"] for answer in result["leader_strategy"]]
    assert result["questions"] == len(labels) == 7
    assert "3 more answers" in found.text
    assert "2 of 7 answers are left out here" in found.text
    rows = found.text[: found.text.index("left out here")]
    assert [f"{label} buyer" in rows for label in labels] == [True] * 5 + [False] * 2


@pytest.mark.usefixtures("drawn_once")
def test_a_run_beside_a_bound(tmp_path):
    folder = run_folder(tmp_path / "run", "message-spm", {"types": 3, "buyers": 3}, response_updates=5)
    result, found = folder.read("result"), read(folder)
    assert result["exact_value"] is result["gap"] is None
    assert (result["bound"], result["bound_gap"]) == (0, -result["leader_value"])
    missing = learned_value(result | {"leader_value": result["bound_gap"]}).value
    assert f"bound 0 bound gap {missing} deviation gain" in found.text
    assert "no strategy is worth more than 0 (first best: the largest values win)" in found.text
    assert f"Without messages: {number(result['baselines']['without messages'])}." in found.text
    assert "optimum" not in found.text[: found.text.index("Certificate")].replace(
        f"No exact optimum: {result['exact_reason']}", ""
    )


@pytest.mark.usefixtures("drawn_once")
def test_a_folder_of_before_there_were_bounds_is_shown(tmp_path):
    folder = run_folder(tmp_path / "run", "message-spm", {"types": 3, "buyers": 3}, response_updates=5)
    older = {name: value for name, value in folder.read("result").items() if "bound" not in name}
    del older["baselines"]
    folder.write("result", older)
    assert "exact optimum unknown gap unknown" in read(folder).text


@pytest.mark.usefixtures("drawn_once")
def test_a_run_without_an_exact_value(tmp_path, monkeypatch):
    monkeypatch.setattr(type(make_game("message-spm")), "bound", StackelbergGame.bound)
    folder = run_folder(tmp_path / "run", "message-spm", {"types": 2, "noise": 0.1}, response_updates=5)
    result = folder.read("result")
    assert result["exact_value"] is None
    found = read(folder)
    assert "no exact value is known" in found.text
    assert "the exact optimum is" not in found.text
    assert f"No exact optimum: {result['exact_reason']}" in found.text
    assert "gap:" not in found.text.replace("BCCE gap:", "")  # nothing to explain
    assert "exact optimum unknown gap unknown" in found.text


@pytest.mark.usefixtures("drawn_once")
def test_a_game_too_large_to_tabulate(tmp_path, monkeypatch):
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 10)
    monkeypatch.setattr(estimates, "DEVIATION_PLAYS", 16)
    folder = run_folder(tmp_path / "run", "message-spm", {"buyers": 9, "types": 3}, response_updates=2)
    found, result = read(folder), folder.read("result")
    assert not result["certificate"]["exact_expectation"]
    assert "estimated from plays" in found.text
    assert "Drawn only where all outcomes of a game fit in a table" in found.text
    assert f"After 2 updates the gap is {result['certificate']['bcce_gap']:.4g}" in found.text
    assert "1 more follower in result.json" in found.text
    assert f"of {result['questions']:,} answers are left out here" in found.text


def test_a_run_without_its_files_is_refused_by_name(run, tmp_path):
    for name in ("result.json", "config.json", "progress.jsonl", "policy.json"):
        copy = tmp_path / name
        shutil.copytree(run.path, copy, ignore=shutil.ignore_patterns(name, "report.html"))
        with pytest.raises(InvalidFieldError, match="run: .*" + name.partition(".")[0]):
            write_report(copy)
        assert not (copy / page.REPORT).exists()
    (tmp_path / "result.json" / "result.json").write_text("{")
    with pytest.raises(InvalidFieldError, match=r"result\.json"):
        write_report(tmp_path / "result.json")


@pytest.mark.usefixtures("drawn_once")
def test_the_command_writes_it_and_says_where(run, tmp_path):
    done = CliRunner().invoke(app, ["report", str(run.path), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output.strip().splitlines()[-1]) == {"report": str(run.path / "report.html")}
    refused = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert refused.exit_code == 2
    assert "config.json" in refused.output


@pytest.mark.usefixtures("drawn_once")
def test_followers_that_learn_from_experience_have_no_gap_to_show(tmp_path):
    folder = run_folder(tmp_path / "run", "iterated-bimatrix", {"follower_sees": "round"}, response_updates=300)
    page = read(folder)
    assert "there is no regret and no BCCE gap" in page.text
    assert "BCCE gap over updates" not in page.text
    assert "another action at one of its information sets" in page.text
    assert "after CC" in page.text


@pytest.mark.usefixtures("drawn_once")
def test_several_models_of_followers_stand_beside_each_other(tmp_path):
    models = [
        {"name": "quick <1>", "followers": "mw:epsilon=0.5", "weight": 3},
        {"followers": "mw:epsilon=0.1", "reward_play": "last"},
    ]
    folder = run_folder(tmp_path / "run", "simple-allocation", response_updates=20, models=models)
    result, text = folder.read("result"), Page(page.run_html(FiniteRun(folder))).text
    for model in result["by_model"]:
        row = f"{model['name']} {number(model['weight'])} {learned_value(model)} {model['play']}"
        assert f"{row} {model['verdict']['short']} {number(model['certificate']['bcce_gap'])}" in text
    assert f"the worst is {number(result['worst_value'])}" in text
    certified = next(m["name"] for m in result["by_model"] if m["certificate"] == result["certificate"])
    assert f"gain most by leaving their play: {certified}." in text
    assert "BCCE gap over updates" in text


@pytest.mark.usefixtures("drawn_once")
def test_a_result_of_an_earlier_version_has_a_page_and_no_claim_of_stability_is_believed(run, tmp_path):
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(run.path, folder.path)
    result = folder.read("result")
    for name in ("exact_by_ties", "exact_best_by_ties", "reachable_value", "unvisited", "verdict"):
        del result[name]
    added = ("ties", "helping", "harming", "indifferent", "indifferent_probability", "leader_value")
    certificate = {name: value for name, value in result["certificate"].items() if name not in added}
    folder.write("result", result | {"certificate": certificate | {"deviation_gain": 0.5, "equilibrium": True}})
    assert "A follower gains 0.5" in read(folder).text


@pytest.mark.parametrize("field", ["exact_by_ties", "unvisited", "episodes", "reachable_value"])
def test_a_result_with_a_wrong_entry_is_refused_by_name(run, tmp_path, field):
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(run.path, folder.path)
    folder.write("result", folder.read("result") | {field: [["x"]]})
    with pytest.raises(InvalidFieldError, match=rf"result\.json: {field}"):
        write_report(folder.path)


def test_the_verdict_leads_the_page_in_words_and_colour(run, found):
    result = run.read("result")
    told = result["verdict"]
    assert ("section", {"class": f"verdict {told['level']}", "aria-label": "Verdict"}) in found.elements
    assert f"{told['short'][0].upper()}{told['short'][1:]} {told['words']}" in found.text
    together = "".join(found.text.split())  # options stand in elements of their own
    assert all("".join(what.split()) in together for what in told["advice"])
    assert found.text.index(told["words"]) < found.text.index("Certificate")
    assert all(
        meaning in found.text for meaning in explained(("gap", "argmax", "last", "average", "BCCE gap")).values()
    )


@pytest.mark.usefixtures("drawn_once")
def test_a_row_that_never_came_up_is_marked(tmp_path):
    params = {"leader": [[1, 2], [3, 4]], "follower": [[1, 2], [3, 4]], "sees_leader": True}
    folder = run_folder(tmp_path / "run", "bimatrix", params, response_updates=5)
    (rows,) = folder.read("result")["unvisited"].values()
    assert len(rows) == 1  # the row that the leader does not play
    found = read(folder)
    assert found.text.count("(never came up)") == 1
    assert "column 0 column 1" in found.text
    assert introduction(load_class("rllib_stackelberg.envs.bimatrix_v0:Bimatrix")) in found.text
