"""Pictures of the documentation are what their scripts draw."""

import xml.etree.ElementTree as ElementTree

from docs.generators import response_picture
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
