"""Pictures and progress in notebooks."""

import re
import sys
from base64 import b64decode
from xml.etree import ElementTree

import pytest

from rllib_stackelberg import (
    LeaderSettings,
    LeaderStrategy,
    TrainingResult,
    learning_picture,
    make_game,
    mechanism_picture,
    respond,
    show_progress,
    solve,
)
from rllib_stackelberg.evaluation.verdict import with_verdicts
from rllib_stackelberg.reports.svg import SVG
from rllib_stackelberg.runs.progress import PopulationProgress, Progress
from tests.reports.runs import run_folder


def words(shown: str) -> set[str]:
    """Of the image that is shown."""
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', shown)
    return {text.text for text in ElementTree.fromstring(b64decode(data)).iter(f"{{{SVG}}}text")}


def test_pictures_are_images_of_their_own_and_files(tmp_path):
    game = make_game("simple-allocation")
    best = solve(game).leader_strategy
    mechanism = mechanism_picture(game, best, respond(game, best))
    learned = learning_picture(game, best, LeaderSettings.checked(response_updates=40))
    assert words(mechanism._repr_html_()) >= {"follower_0", "knows", "message"}
    assert words(learned._repr_html_()) >= {"type 0", "40 updates"}
    learned.save(tmp_path / "learned.svg")
    texts = ElementTree.parse(tmp_path / "learned.svg").iter(f"{{{SVG}}}text")
    assert {text.text for text in texts} == words(learned._repr_html_())


def test_a_training_result_shows_what_was_found_and_the_mechanism(tmp_path):
    folder = run_folder(tmp_path / "run", "simple-allocation", response_updates=20)
    game, data = make_game("simple-allocation"), with_verdicts(folder.read("result"))
    found = TrainingResult.of(folder.path, game, data)
    shown = found._repr_html_()
    assert f'<th scope="row">verdict</th><td>{data["verdict"]["short"]}</td>' in shown
    assert "follower_0" in words(shown)
    few = LeaderStrategy.from_pairs(game, list(solve(game).leader_strategy)[:1])
    cut = TrainingResult(found.value, 0.0, None, None, None, found.certificate, few, folder.path, data)
    assert "<img" not in cut._repr_html_()  # not all answers are known that plays ask for


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (
            Progress(2, 1_280, 1.26, 0.51, 0.75, 0.75, 1.0, 0.0),
            "1 s: iteration 2, episodes 1,280, mean return 0.51, greedy value 0.75, best 0.75",
        ),
        (
            PopulationProgress(1, 10, 3, 2.0, 0.5, 1.5, 1.0, 2.5, 1.0, 9.0, float("nan")),
            "2 s: iteration 1, plays 3, mean return 1.5, greedy value 2.5, best -",
        ),
    ],
)
def test_progress_is_a_line(now, line, capsys, monkeypatch):
    show_progress(now)
    assert capsys.readouterr().out == f"{line}\n"
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    show_progress(now)
    assert capsys.readouterr().out == f"\r{line:<100}"  # the next one replaces it
