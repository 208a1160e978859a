"""Figures draw what they are given, and their files follow light and dark."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from rllib_stackelberg.reports import (
    arms_figure,
    bands_figure,
    gap_curves_figure,
    gap_figure,
    learning_figure,
    save_svg,
)
from rllib_stackelberg.reports.svg import COLOURS, SVG, inline_svg
from tests.reports.runs import PROGRESS

ARMS = {"PPO & <friends>": [0.9, 1.0, 0.8], "random search": [0.25], "local critic": [0.5, 0.5]}


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].get_lines()}


def test_learning_curves_and_the_exact_value():
    drawn = lines(learning_figure(PROGRESS, exact=0.75))
    assert drawn["greedy value"].get_ydata().tolist() == [0.4, 0.7, 0.6]
    assert drawn["greedy value"].get_xdata().tolist() == [128, 256, 384]
    assert drawn["mean return"].get_ydata() == pytest.approx([0.3, 0.6, 0.5])
    assert set(drawn["exact optimum"].get_ydata()) == {0.75}
    assert drawn["exact optimum"].is_dashed()
    assert "exact optimum" not in lines(learning_figure(PROGRESS, exact=None))
    assert set(lines(learning_figure(PROGRESS, exact=None, bound=0.9))["bound"].get_ydata()) == {0.9}
    assert "bound" not in lines(learning_figure(PROGRESS, exact=0.75, bound=0.9))


def test_values_that_are_not_there_leave_a_hole():
    progress = [PROGRESS[0] | {"mean_return": None}, PROGRESS[1] | {"mean_return": float("nan")}, PROGRESS[2]]
    found = lines(learning_figure(progress, None))["mean return"].get_ydata()
    assert np.isnan(found).tolist() == [True, True, False]


@pytest.mark.parametrize("gaps", [[(1, 0.3), (10, 0.1), (250, 0.02)], [(1, 0.0)], [(1, 0.0), (7, 0.0)]])
def test_gaps_start_from_zero(gaps):
    figure = gap_figure(gaps)
    axes = figure.axes[0]
    assert list(zip(*axes.get_lines()[0].get_data(), strict=True)) == gaps
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > max(gap for _, gap in gaps)
    assert axes.get_xticks()[-1] == gaps[-1][0]


def test_arms_show_seeds_mean_and_standard_error():
    figure = arms_figure(ARMS, "leader value", exact=1.0)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts[::2]] == list(ARMS)
    assert [text.get_text() for text in axes.texts[1::2]] == ["0.90 ± 0.06", "0.25", "0.5"]
    bars = [(c.lines[0].get_xdata()[0], c.lines[2][0].get_segments()[0]) for c in axes.containers]
    for (mean, bar), values in zip(bars, ARMS.values(), strict=True):
        error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
        assert mean == pytest.approx(np.mean(values))
        assert bar[:, 0] == pytest.approx([mean - error, mean + error])
    assert set(lines(figure)["exact optimum"].get_xdata()) == {1.0}
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first arm is on top
    assert "exact optimum" not in lines(arms_figure(ARMS, "leader value"))


def test_an_axis_of_nearly_equal_values_says_how_large_they_are():
    for values in ([1.0, 1.0], [0.999, 1.0], [0.0, 0.0], [-6.0, -6.0]):
        low, high = arms_figure({"arm": values}, "leader value").axes[0].get_xlim()
        assert low < min(*values, 0) <= max(*values, 0) < high
    low, high = arms_figure({"arm": [0.5, 1.0]}, "leader value").axes[0].get_xlim()
    assert 0.4 < low < 0.5 < 1.0 < high < 1.1


def test_curves_have_colours_of_their_own():
    curves = {f"learner {k}": [(1, 0.5), (10, 0.1)] for k in range(8)}
    drawn = gap_curves_figure({"a game": curves}).axes[0].get_lines()
    assert len({line.get_color() for line in drawn}) == len(curves)
    assert len({light for light, _ in COLOURS.values()}) == len(COLOURS)  # files tell them apart by these


def test_what_is_learned_early_is_drawn_on_a_logarithmic_axis():
    early = [
        PROGRESS[0] | {"episodes": k, "value": min(k / 1_000, 1), "mean_return": None} for k in range(500, 60_000, 500)
    ]
    late = [line | {"value": line["episodes"] / 60_000} for line in early]
    axes = learning_figure(early, 1.0).axes[0]
    assert (axes.get_xscale(), axes.get_xticks().tolist()) == ("log", [500, 1_000, 10_000, 59_500])
    assert learning_figure(late, 1.0).axes[0].get_xscale() == "linear"
    assert learning_figure(early[:1], 1.0).axes[0].get_xscale() == "linear"


def test_a_file_stands_alone_and_follows_the_colour_scheme(tmp_path):
    first, again = tmp_path / "first.svg", tmp_path / "again.svg"
    save_svg(arms_figure(ARMS, "leader value", exact=1.0), first)
    save_svg(arms_figure(ARMS, "leader value", exact=1.0), again)
    assert first.read_bytes() == again.read_bytes()
    text = first.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "PPO & <friends>" in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "prefers-color-scheme: dark" in text
    assert root[1].get("fill") == "var(--paper)"
    fixed = re.findall(r"#[0-9a-f]{6}\b", text[text.index("</style>") :])
    assert not fixed  # every colour is a variable
    assert set(re.findall(r"var\(--(\w+)\)", text)) <= COLOURS.keys()
    assert {path.name for path in tmp_path.iterdir()} == {"first.svg", "again.svg"}


@pytest.mark.parametrize("width", [340, 720])
def test_text_is_text_of_the_page_and_stays_inside(width):
    root = ElementTree.fromstring(inline_svg(learning_figure(PROGRESS, 0.75, width=width), "learning", "a label"))
    texts = list(root.iter("text"))
    assert {"greedy value", "mean return", "exact optimum", "leader episodes"} <= {text.text for text in texts}
    assert all("font-family" not in text.get("style") for text in texts)
    assert {re.search(r"font-size: (\d+)px", text.get("style")).group(1) for text in texts} == {"12"}
    assert root.get("viewBox").split()[2] == str(width)
    for text in texts:
        if text.get("x"):
            assert 0 <= float(text.get("x")) <= width


@pytest.mark.parametrize("draw", [arms_figure, gap_curves_figure, bands_figure], ids=lambda draw: draw.__name__)
def test_names_are_no_mathematics_and_no_control_characters(draw, tmp_path):
    name = r"a$\frac{$b" + "\x1b[2J \u202ec"
    shown = r"a$\frac{$b\x1b[2J \u202ec"
    curve = {"rounds": [1, 2], "mean": [0.1, 0.2], "low": [0.0, 0.1], "high": [0.2, 0.3]}
    figure = {
        arms_figure: lambda: arms_figure({name: [0.5, 0.7]}, name, exact=1.0, exact_label=name),
        gap_curves_figure: lambda: gap_curves_figure({name: {name: [(1, 0.5), (1000, 0.01)]}}),
        bands_figure: lambda: bands_figure({name: curve}, name, {name: 0.5}),
    }[draw]()
    save_svg(figure, tmp_path / "drawn.svg")
    texts = [element.text for element in ElementTree.parse(tmp_path / "drawn.svg").iter(f"{{{SVG}}}text")]
    assert shown in texts
    assert not any("mathdefault" in (text or "") for text in texts)
