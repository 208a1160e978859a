"""Pictures of mechanisms show what happens in plays, inside their width."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from rllib_stackelberg import games, make_game, respond, solve
from rllib_stackelberg.cli import app
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.convergence import Rung
from rllib_stackelberg.evaluation.observed_plays import answered_by, beliefs, flows, matrices, observed
from rllib_stackelberg.plays.sample_plays import opened_at
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports.canvas import SIZE
from rllib_stackelberg.reports.follower_learning import learning_drawing, panels_left_out
from rllib_stackelberg.reports.mechanism import mechanism_drawing, pictures_of
from rllib_stackelberg.reports.svg import SVG
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.pictures import Bars, Tree
from rllib_stackelberg.rules.registry import make_rules
from tests.reports.runs import run_folder


def finite():
    """Games that their defaults make."""
    for spec in games():
        try:
            rules = make_rules(spec.name)
        except InvalidFieldError:
            continue
        if isinstance(rules, StackelbergGame):
            yield pytest.param(rules, id=spec.name)


def centre(game):
    """A leader that says what lies in the middle, and the first open choice."""
    turn = game.leader_turn

    def answer(state):
        actions = np.zeros((len(state), turn.width))
        if turn.chooses:
            open_choices = opened_at(game, state, np.full(len(state), game.leader_index))
            actions[:, 0] = 0 if open_choices is None else open_choices.argmax(axis=1)
        if turn.numbers:
            actions[:, int(turn.chooses) :] = (turn.box.low + turn.box.high) / 2
        return actions

    return answer


def uniform(game):
    """Followers that play anything."""
    return {
        game.agents[turn.agent]: np.full((turn.keys, turn.choices), 1 / turn.choices).tolist()
        for turn in game.learned_turns
    }


@pytest.mark.parametrize("game", list(finite()))
def test_every_game_has_pictures_that_stay_inside(game):
    answers = {0: np.zeros(game.leader_turn.width)} if game.leader_turn.rows == 1 else {}
    pictures = game.pictured(answers) + flows(game, observed(game, centre(game), uniform(game), 50))
    pictures += matrices(game, uniform(game))
    assert pictures
    for width in (340, 720):
        root = mechanism_drawing(pictures, width).root("a mechanism")
        height = float(root.get("viewBox").split()[3])
        for text in root.iter("text"):
            assert 0 <= float(text.get("x")) <= width
            assert 0 < float(text.get("y")) <= height
        for box in root.iter("rect"):
            assert float(box.get("x")) + float(box.get("width")) <= width + 0.1
            assert float(box.get("y")) + float(box.get("height")) <= height


def test_a_flow_is_what_leads_to_what():
    game = make_game("simple-allocation", types=3, messages=2)
    answers = LeaderStrategy.from_pairs(game, [(0, 2), (1, 0)])
    weights = {"follower_0": [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]}
    (flow,) = flows(game, observed(game, answered_by(answers), weights, plays=6_000))
    assert [(stage.title, stage.owner) for stage in flow.stages] == [
        ("knows", -1), ("message", 1), ("leader: allocate", 0),
    ]  # fmt: skip
    types, messages, items = (stage.shares for stage in flow.stages)
    assert types == pytest.approx({f"type {k}": 1 / 3 for k in range(3)})
    assert messages == pytest.approx({"message 0": 0.5, "message 1": 0.5}, abs=0.03)
    assert items == pytest.approx({"item 2": messages["message 0"], "item 0": messages["message 1"]})
    assert flow.links[0]["type 0", "message 1"] == pytest.approx(1 / 3)
    assert ("type 0", "message 0") not in flow.links[0]
    pairs = {("message 0", "item 2"): items["item 2"], ("message 1", "item 0"): items["item 0"]}
    assert flow.links[1] == pytest.approx(pairs)


def test_a_buyer_responds_to_its_own_offer():
    game = make_game("posted-prices", buyers=2, items=1)

    def answer(state):
        return np.where(game.information(state)[:, None] == first, 0.25, 0.75)

    first = int(game.information(game.begin(np.zeros((1, game.nature.width), dtype=np.int64)))[0])
    one, two = flows(game, observed(game, answer, {}, plays=400))
    assert [stage.owner for stage in one.stages] == [0, 1]
    assert list(one.stages[0].shares) == ["prices 0.25"]
    assert list(two.stages[0].shares) == ["prices 0.75"]


def test_beliefs_follow_from_what_types_play():
    game = make_game("simple-allocation", types=3, messages=2)
    answers = LeaderStrategy.from_pairs(game, [(0, 2), (1, 0)])
    pure = {"follower_0": [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]}
    (flow,) = flows(game, observed(game, answered_by(answers), pure))
    believed = beliefs(flow)
    assert believed["message 0"] == pytest.approx({"type 2": 1.0})
    assert believed["message 1"] == pytest.approx({"type 0": 0.5, "type 1": 0.5})


def test_many_actions_of_many_types_are_a_matrix():
    game = make_game("auction", bidders=2, values=20)
    weights = uniform(game)
    weights["follower_0"] = np.eye(20, 21, 1).tolist()  # bids its value
    first, second = matrices(game, weights)
    assert (first.rows[0], first.columns[0], first.columns[-1]) == ("value 0.025", "stays out", "bids 0.975")
    drawn = mechanism_drawing([first, second]).root("bids")
    shades = [box for box in drawn.iter("rect") if "--second" in box.get("style")]
    sure = [box for box in shades if "opacity: 1" in box.get("style")]
    assert (len(shades), len(sure)) == (20 + 20 * 21, 20)
    places = [float(box.get("x")) for box in sure]
    assert np.diff(places) == pytest.approx(np.full(19, float(sure[0].get("width"))), abs=0.2)  # a diagonal
    assert matrices(make_game("simple-allocation"), {}) == ()


def test_a_missing_answer_is_refused_by_name():
    game = make_game("simple-allocation")
    some = LeaderStrategy.from_pairs(game, [(0, 0)])
    with pytest.raises(InvalidFieldError, match="leader: has no answer to question"):
        observed(game, answered_by(some), uniform(game))


def test_a_tree_has_probabilities_of_everybody():
    game = make_game("kuhn-poker", mixed=True)
    strategy = LeaderStrategy.of(game, solve(game).leader_strategy)
    weights = uniform(game)
    (tree,) = pictures_of(game, strategy, answered_by(strategy), weights)
    assert isinstance(tree, Tree)
    assert sum(branch.owner is None for branch in tree.branches) == 30
    sums = dict.fromkeys((branch.parent for branch in tree.branches[1:]), 0.0)
    known = [branch for branch in tree.branches[1:] if branch.probability is not None]
    for branch in known:
        sums[branch.parent] += branch.probability
    met = {branch.parent for branch in known}  # the leader's plan is silent where it never comes
    assert met >= {place for place, branch in enumerate(tree.branches) if branch.owner not in (0, None)}
    assert [sums[place] for place in met] == pytest.approx([1.0] * len(met))
    drawn = mechanism_drawing([tree]).root("a tree")
    assert len(list(drawn.iter("polyline"))) == len(tree.branches) - 1
    said = [text.text for text in drawn.iter("text")]
    assert said.count("-2, 2") + said.count("2, -2") == 12
    boxes = sorted(tuple(float(text.get(side)) for side in ("y", "x")) for text in drawn.iter("text"))
    for k, (y, x) in enumerate(boxes):  # no name is written over another
        assert all(to_y - y > 1.25 * SIZE or abs(to_x - x) > SIZE for to_y, to_x in boxes[k + 1 :])


@pytest.mark.parametrize(
    ("name", "title"),
    [("contract", "What follower_0 is paid for each outcome"), ("security", "How likely each target is guarded")],
)
def test_bars_are_what_the_leader_promises(name, title):
    game = make_game(name)
    strategy = LeaderStrategy.of(game, solve(game).leader_strategy)
    (bars,) = game.pictured(strategy.answers)
    assert isinstance(bars, Bars)
    assert bars.title == title
    promised = game.coverage(strategy.answers[0]) if name == "security" else strategy.answers[0]
    assert list(bars.amounts.values()) == pytest.approx(promised.tolist())


def test_followers_curves_end_where_they_do():
    game = make_game("simple-allocation", types=12, messages=2)
    rungs = [Rung(1, 0.5, uniform(game)), Rung(10, 0.1, {"follower_0": [[0.75, 0.25]] * 12})]
    root = learning_drawing(game, rungs, 340).root("followers")
    curves = [line for line in root.iter("polyline") if "stroke-width: 2;" in line.get("style")]
    assert len(curves) == 18  # nine panels of two actions
    ends = [float(point.split(",")[1]) for line in curves[:2] for point in line.get("points").split()]
    assert ends[0] == ends[2]  # from the same place
    assert ends[1] == pytest.approx(ends[0] - 22.5, abs=0.2)  # a quarter of 90 pixels up
    assert ends[3] == pytest.approx(ends[0] + 22.5, abs=0.2)
    assert panels_left_out(game) == 3
    assert "message 0" in [text.text for text in root.iter("text")]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("runs") / "run", "simple-allocation", response_updates=40)


def test_figures_of_a_run_are_files(run, tmp_path):
    files = [tmp_path / f"{name}.svg" for name in ("mechanism", "followers", "learning", "gap")]
    chosen = [part for file in files for part in ("--figure", str(file))]
    done = CliRunner().invoke(app, ["report", str(run.path), *chosen, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output.strip().splitlines()[-1]) == {"figures": [str(file) for file in files]}
    words = {file.stem: {text.text for text in ElementTree.parse(file).iter(f"{{{SVG}}}text")} for file in files}
    assert words["mechanism"] >= {"follower_0", "knows", "message"}
    assert words["followers"] >= {"type 0", "40 updates"}
    assert words["learning"] >= {"leader episodes", "greedy value"}
    assert words["gap"] >= {"BCCE gap"}
    refused = CliRunner().invoke(app, ["report", str(run.path), "--figure", str(tmp_path / "nothing.svg")])
    assert refused.exit_code == 2
    assert "mechanism.svg, followers.svg" in " ".join(refused.output.split())
    assert {path.name for path in tmp_path.iterdir()} == {file.name for file in files}


def test_a_response_is_what_its_pictures_are_drawn_from():
    game = make_game("simple-allocation")
    strategy = LeaderStrategy.of(game, solve(game).leader_strategy)
    (flow,) = pictures_of(game, strategy, answered_by(strategy), respond(game, strategy).weights)
    assert len(flow.links[1]) == 3  # each message gets an item of its own
    assert sum(flow.links[1].values()) == pytest.approx(1)
