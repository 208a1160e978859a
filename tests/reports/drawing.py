"""Pages for half their time."""

from contextlib import contextmanager
from xml.etree.ElementTree import tostring

import pytest
from markupsafe import Markup

from rllib_stackelberg.reports import online, run_figures
from rllib_stackelberg.reports.rendering import WIDTHS
from rllib_stackelberg.reports.svg import inline_svg


def drawn(name, label, draw, *data):
    """As `both_widths`, with the wide figure at both."""
    return dict.fromkeys(WIDTHS, Markup(inline_svg(draw(*data, width=WIDTHS["wide"]), f"{name}-wide", label)))


def drawn_wide(draw):
    """As `at_widths`, likewise."""
    root = draw(WIDTHS["wide"])
    return None if root is None else dict.fromkeys(WIDTHS, Markup(tostring(root, encoding="unicode")))


@contextmanager
def drawing_once():
    """Figures of pages are drawn at one width and shown at both; for tests of a page's words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(online, "both_widths", drawn)
        patch.setattr(run_figures, "at_widths", drawn_wide)
        yield
