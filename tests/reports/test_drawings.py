"""Figures of recorded results are what their data give today."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.experiments.tables import experiment_tables
from rllib_stackelberg.reports import bands_figure, draw_again, write_drawing
from rllib_stackelberg.reports.drawings import SUFFIX
from rllib_stackelberg.reports.experiments import draw_table_again

EXAMPLES = Path(__file__).parents[2] / "tuned_examples"
FIGURES, RESULTS = EXAMPLES / "figures", EXAMPLES / "results"
TABLES = {name: table for name, table in experiment_tables().items() if (RESULTS / f"{name}.json").exists()}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def words(file: Path) -> list[str]:
    """Texts of a drawing."""
    return [each.text for each in ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}text")]


def places(file: Path) -> list[float]:
    """Every number of a drawing, its identifiers left out: where lines, dots and words are."""
    drawn = file.read_text(encoding="utf-8").partition("</style>")[2]
    return [float(each) for each in NUMBER.findall(re.sub(r"figure-\w+", "", drawn))]


def same(drawn: Path, recorded: Path) -> None:
    """To half a pixel: another version of matplotlib may lay out a little differently."""
    again = "python tuned_examples/figures/draw_again.py"
    assert words(drawn) == words(recorded), f"{recorded.name} is stale: {again}"
    assert places(drawn) == pytest.approx(places(recorded), abs=0.5), f"{recorded.name} is stale: {again}"


@pytest.mark.parametrize("file", sorted(FIGURES.glob(f"*{SUFFIX}")), ids=lambda file: file.name)
def test_a_figure_is_what_its_data_give(file, tmp_path):
    shutil.copy(file, tmp_path)
    drawn = draw_again(tmp_path / file.name)
    same(drawn, FIGURES / drawn.name)


@pytest.mark.parametrize("name", TABLES)
def test_a_tables_text_and_figures_are_what_its_data_give(name, tmp_path):
    shutil.copy(RESULTS / f"{name}.json", tmp_path)
    drawn = draw_table_again(TABLES[name], tmp_path)
    assert {file.name for file in drawn} == {file.name for file in RESULTS.glob(f"{name}-*.svg")}
    for file in drawn:
        same(file, RESULTS / file.name)
    assert (tmp_path / f"{name}.md").read_text() == (RESULTS / f"{name}.md").read_text()


def test_every_figure_of_the_examples_has_its_data():
    assert {file.stem for file in FIGURES.glob("*.svg")} == {
        file.name.removesuffix(SUFFIX) for file in FIGURES.glob(f"*{SUFFIX}")
    }


def test_a_drawing_is_of_the_numbers_in_its_file_and_of_a_known_kind(tmp_path):
    curve = {"rounds": [1, 2], "mean": [0.123456789, 0.2], "low": [0.0, None], "high": [0.2, 0.3]}
    write_drawing(tmp_path / "a.b", bands_figure, curves={"a": curve}, label="gap", references={"a": 1 / 3})
    file = tmp_path / f"a.b{SUFFIX}"
    first = (tmp_path / "a.b.svg").read_bytes()
    assert json.loads(file.read_text())["data"]["references"] == {"a": 0.333333}
    assert draw_again(file).read_bytes() == first
    file.write_text(json.dumps({"draw": "save_svg", "data": {}}))
    with pytest.raises(InvalidFieldError, match="draw: got 'save_svg'"):
        draw_again(file)
