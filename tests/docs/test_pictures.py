"""Pictures of the documentation are what their scripts draw."""

import re
import xml.etree.ElementTree as ElementTree
from base64 import b64decode

import pytest

from docs.generators import games, guide_picture, response_picture
from rllib_stackelberg.reports.svg import SVG


def test_the_picture_of_the_response_is_what_its_script_draws_and_stays_inside():
    text = response_picture.drawn()
    assert response_picture.FILE.read_text(encoding="utf-8") == text
    root = ElementTree.fromstring(text)
    assert "prefers-color-scheme: dark" in text
    for each in root.iter(f"{{{SVG}}}text"):
        # Letters are 12 px high or more, and about 0.6 of it wide.
        assert float(each.get("x")) + 0.6 * 12 * len(each.text) <= response_picture.WIDTH
    shares = response_picture.learning()
    assert (shares[0] == 1 / 3).all()
    assert shares[-1].argsort()[::-1].tolist() == [0, 1, 2]  # it comes to prefer what costs it least


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("simple-allocation", {"follower_0", "type 0 · 33\u00a0%", "message 0 · 33\u00a0%", "item 0 · 33\u00a0%"}),
        ("entry-deterrence", {"The game as a tree", "incumbent (leads)", "out", "2, 0"}),
        ("labour-supply", {"What the leader does", "progressivity", "0.5835"}),
    ],
)
def test_a_games_page_shows_its_optimum(name, words):
    (data,) = re.findall(r"base64,([^\"]+)", games.picture(name))
    assert words <= {text.text for text in ElementTree.fromstring(b64decode(data)).iter(f"{{{SVG}}}text")}


@pytest.mark.parametrize("name", ["posted-prices", "taxation", "extensive"])
def test_a_game_too_large_or_without_an_optimum_has_no_picture(name):
    assert games.picture(name) == ""


def test_the_picture_of_the_first_guide_is_what_the_guide_draws():
    assert guide_picture.FILE.read_text(encoding="utf-8") == guide_picture.drawn()
