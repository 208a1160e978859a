"""The picture of one idea: a leader commits to rules, and is judged by what followers learn to do under them.

`python -m docs.generators.response_picture` writes docs/static/response.svg. Its curves are those of a follower that
learns by multiplicative weights which of three roads costs it least. Drawn for a width of 360 CSS pixels.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np

from rllib_stackelberg.followers.multiplicative_weights import MultiplicativeWeights
from rllib_stackelberg.reports.svg import FONT, theme

FILE = Path(__file__).parents[1] / "static" / "response.svg"

WIDTH, HEIGHT, SHOWN = 360, 452, 460
"""Units of the drawing, which are CSS pixels on a phone; a wide screen shows it a little larger."""

LABEL = (
    "A leader commits to rules. Followers learn to respond by playing again and again. "
    "The leader is judged by what they end up doing, learns, and tries better rules."
)
ROADS = {"bridge": -0.2, "tunnel": -0.32, "town": -0.7}
"""What a driver loses on each road, under one toll."""

UPDATES = 60
BOXES = (("leader", 8, 74), ("followers", 124, 190), ("leader", 356, 74))
"""Whose, from where, how high."""

USED = ("paper", "card", "ink", "muted", "first", "second")
"""Colours of the drawing."""

LEFT, RIGHT = 8, 258


def learning() -> np.ndarray:
    """How often each road is taken: probabilities `[update, road]` of a follower that learns."""
    learner = MultiplicativeWeights(epsilon=0.25)
    state = learner.begin((1,), len(ROADS))
    found = []
    for _ in range(UPDATES):
        found.append(learner.policy(state)[0])
        state = learner.update(state, np.array([list(ROADS.values())]))
    return np.array(found)


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """A line of text, in one of the styles below."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def arrow(path: str, kind: str) -> str:
    """A line with a head at its end."""
    return f'<path d="{path}" class="arrow {kind}" marker-end="url(#{kind}-head)"/>'


def curves(left: float, top: float, width: float, height: float) -> Iterator[str]:
    """How often each road is taken, over days."""
    shares = learning()
    x = left + width * np.arange(len(shares)) / (len(shares) - 1)
    for road, name in enumerate(ROADS):
        y = top + height * (1 - shares[:, road])
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        yield f'<polyline points="{points}" class="curve road-{road}"/>'
        yield text(left + width + 5, y[-1] + 4, name, f"small road-{road}")
    yield f'<path d="M{left} {top}V{top + height}H{left + width}" class="axes"/>'
    yield text(left, top + height + 15, "days", "small")
    yield text(left + 8, top + 6, "how often taken", "small")


def heads() -> str:
    """Heads of arrows: one for the followers' loop, one for the leader's."""
    return "".join(
        f'<marker id="{kind}-head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="5.5" markerHeight="5.5" '
        f'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" class="{kind}-fill"/></marker>'
        for kind in ("leader", "followers")
    )


def style() -> str:
    """Colours of the project's figures, in which a leader is blue and followers are orange."""
    return f"""
{theme(USED)}
text {{ font: 13px {FONT}; fill: var(--ink); }}
.head {{ font-size: 14.5px; font-weight: 600; }}
.small {{ font-size: 12px; fill: var(--muted); }}
.box {{ fill: var(--card); stroke-width: 1.5; }}
.leader {{ stroke: var(--first); }} .followers {{ stroke: var(--second); }}
.leader-fill {{ fill: var(--first); }} .followers-fill {{ fill: var(--second); }}
.arrow {{ fill: none; stroke-width: 2; }}
.axes {{ fill: none; stroke: var(--muted); stroke-width: 1; }}
.curve {{ fill: none; stroke-width: 2; }}
.curve.road-0 {{ stroke: var(--second); }} .curve.road-1, .curve.road-2 {{ stroke: var(--muted); }}
.curve.road-2 {{ stroke-dasharray: 4 3; }} .small.road-0 {{ fill: var(--second); }}
"""


def drawn() -> str:
    """The file's content."""
    middle = (LEFT + RIGHT) / 2
    boxes = [
        f'<rect x="{LEFT}" y="{y}" width="{RIGHT - LEFT}" height="{height}" rx="8" class="box {kind}"/>'
        for kind, y, height in BOXES
    ]
    words = [
        text(20, 38, "1 Leader commits to rules", "head leader-fill"),
        text(20, 63, "A city sets a toll on each road."),
        text(middle + 10, 108, "rules", "small"),
        text(20, 154, "2 Followers learn to play", "head followers-fill"),
        text(20, 179, "Drivers try roads, day after day."),
        text(middle + 10, 340, "what they end up doing", "small"),
        text(20, 386, "3 Leader is judged by that", "head leader-fill"),
        text(20, 411, "How much time do all lose?"),
    ]
    ways = [
        arrow(f"M{middle} 84V120", "leader"),
        arrow(f"M{middle} 316V352", "followers"),
        arrow(f"M{RIGHT + 1} 200H{RIGHT + 18}V232H{RIGHT + 5}", "followers"),
        arrow(f"M{RIGHT + 2} 393H{RIGHT + 34}V45H{RIGHT + 5}", "leader"),
    ]
    back = [
        text(RIGHT + 41, 206 + 17 * k, line, "leader-fill")
        for k, line in enumerate(("4 Learns", "to set", "better", "rules"))
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{SHOWN}" '
            f'height="{round(SHOWN * HEIGHT / WIDTH)}" role="img" aria-label="{LABEL}">',
            f"<title>{LABEL}</title>",
            f"<style>{style()}</style>",
            f"<defs>{heads()}</defs>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="var(--paper)"/>',
            *boxes, *ways, *words, *back, *curves(24, 195, 170, 92),
            "</svg>\n",
        ]
    )  # fmt: skip


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8")
