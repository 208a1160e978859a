"""The leader's rules as pictures: amounts as bars, what leads to what as bands, a game as a tree.

The leader is blue, followers are orange, what is drawn before a play is grey. Each kind of picture is drawn by `draw`;
which pictures there are of a game, the game says (rules/pictures.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

from rllib_stackelberg.evaluation.observed_plays import Answer, flows, matrices, observed
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports.axes import FILE_WIDTH
from rllib_stackelberg.reports.canvas import LETTER, LINE, SIZE, Canvas, fitting
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.pictures import CHANCE_MOVES, Bars, Branch, Flow, Matrix, Picture, Stage, Tree

MOST_BARS = 24
BAR, BESIDE, FOR_NUMBERS = 22.0, 0.45, 60.0
"""CSS pixels from bar to bar; names that take more of the width stand above their bars; CSS pixels for a number."""

FEW_ROWS, FEW_COLUMNS = 24, 12
"""Rows of a matrix up to which each has its name; columns up to which these may take more of the width."""

NODE, GAP, LEAST = 8.0, 14.0, 3.0
"""CSS pixels: how wide what is known or done is drawn, what is left between two of them, how high the rarest is."""

ROW = 22.0
"""CSS pixels from leaf to leaf of a tree."""

OVER = 12.0
"""CSS pixels by which the name of a branch may be longer than the branch."""

NEVER, SURE = 0.0005, 0.9995
"""Probabilities below or above which a branch is shown as never or always taken."""


def pictures_of(
    game: StackelbergGame, strategy: LeaderStrategy, answer: Answer, weights: Mapping[str, Any]
) -> tuple[Picture, ...]:
    """All pictures of a leader's rules and of what followers do under them.

    Args:
        game: the game; strategy: the leader's answers, as far as they are known; answer: the same, asked of plays.
        weights: per follower the strategy `[row][action]`, as in results.
    """
    own = tuple(_with_followers(game, picture, weights) for picture in game.pictured(strategy.answers))
    if any(isinstance(picture, Tree) for picture in own):
        return own  # what leads to what stands in the tree
    many = matrices(game, weights)
    shown = {game.agents[each.owner] for each in many}
    led = tuple(flow for flow in flows(game, observed(game, answer, weights)) if flow.title not in shown)
    return own + led + many


def _with_followers(game: StackelbergGame, picture: Picture, weights: Mapping[str, Any]) -> Picture:
    """A tree with the probabilities of what followers do; other pictures as they are."""
    if not isinstance(picture, Tree):
        return picture

    def played(branch: Branch) -> Branch:
        """A branch with the probability with which its follower takes it."""
        owner = picture.branches[branch.parent].owner if branch.parent >= 0 else None
        own = weights.get(game.agents[owner]) if owner is not None and owner > 0 else None
        if own is None:
            return branch
        return replace(branch, probability=float(own[picture.branches[branch.parent].row][branch.action]))

    return replace(picture, branches=tuple(map(played, picture.branches)))


def mechanism_drawing(pictures: Sequence[Picture], width: float = FILE_WIDTH) -> Canvas:
    """Pictures below each other.

    Args:
        pictures: at least one; width: in CSS pixels.

    >>> canvas = mechanism_drawing([Bars("Toll of each link", {"link 0": 0.5, "link 1": 0.0})])
    >>> [text.text for text in canvas.root("tolls").iter("text")]
    ['Toll of each link', 'link 0', '0.5', 'link 1', '0']
    """
    canvas = Canvas(width)
    for picture in pictures:
        canvas.height += LINE
        draw(picture, canvas)
        canvas.height += LINE
    return canvas


@singledispatch
def draw(picture: Picture, canvas: Canvas) -> None:
    """Add a picture at the lower end of a drawing."""
    raise NotImplementedError(type(picture).__name__)


def _heading(canvas: Canvas, title: str) -> None:
    for line in fitting(title, canvas.width, lines=2):
        canvas.text(0, canvas.height, line, bold=True)
        canvas.height += LINE


@draw.register
def _(picture: Bars, canvas: Canvas) -> None:
    _heading(canvas, picture.title)
    shown = dict(list(picture.amounts.items())[:MOST_BARS])
    longest = max(map(len, shown), default=0) * LETTER * SIZE + 8
    beside = longest <= BESIDE * canvas.width
    left = longest if beside else 0.0
    lowest, highest = min([0.0, *shown.values()]), max([0.0, *shown.values()])
    scale = (canvas.width - FOR_NUMBERS - left) / ((highest - lowest) or 1.0)
    if not shown:
        canvas.text(0, canvas.height, "nothing", "muted")
    for name, amount in shown.items():
        canvas.text(0, canvas.height + 8, fitting(name, longest if beside else canvas.width)[0])
        canvas.height += 0 if beside else LINE
        start, long = left + (min(amount, 0.0) - lowest) * scale, max(abs(amount) * scale, 1)
        canvas.box(start, canvas.height - 3, long, 14, "first")
        canvas.text(start + long + 6, canvas.height + 8, number(amount, 4))
        canvas.height += BAR
    if len(shown) < len(picture.amounts):
        canvas.text(0, canvas.height + 8, f"and {len(picture.amounts) - len(shown)} more", "muted")
        canvas.height += LINE


@draw.register
def _(picture: Flow, canvas: Canvas) -> None:
    _heading(canvas, picture.title)
    column = canvas.width / len(picture.stages)
    head = max(_stage_head(canvas, stage, k * column, column) for k, stage in enumerate(picture.stages))
    top = canvas.height + head * LINE
    most = max(len(stage.shares) for stage in picture.stages)
    height = 2.4 * LINE * most - GAP * (most - 1) if most > 1 else 2.8 * LINE
    places = [_placed(stage, top, height, most) for stage in picture.stages]
    for k, links in enumerate(picture.links):
        _ribbons(
            canvas, links, (places[k], places[k + 1]), (k * column + NODE, (k + 1) * column), height, picture.stages[k]
        )
    for k, stage in enumerate(picture.stages):
        for name, share in stage.shares.items():
            y, thick = places[k][name], max(share * height, LEAST)
            canvas.box(k * column, y, NODE, thick, _fill(stage.owner))
            _name(canvas, name, share, k * column + NODE + 4, y + thick / 2, column - NODE - 10)
    canvas.height = top + height + GAP * (most - 1) + 4


@draw.register
def _(picture: Matrix, canvas: Canvas) -> None:
    _heading(canvas, f"{picture.title}, by what it knows; the darker the more often")
    beside = BESIDE if len(picture.columns) > FEW_COLUMNS else 1.25 * BESIDE
    left = min(max(map(len, picture.rows)) * LETTER * SIZE + 8, beside * canvas.width)
    high = LINE if len(picture.rows) <= FEW_ROWS else LINE / 2
    across = (canvas.width - left) / len(picture.columns)
    for place, (name, shares) in enumerate(zip(picture.rows, picture.shares, strict=True)):
        if high == LINE or place % 2 == 0:
            canvas.text(0, canvas.height + SIZE, fitting(name, left - 6)[0])
        canvas.box(left, canvas.height + 1, canvas.width - left, high - 2, "card")
        for column, share in enumerate(shares):
            if share >= NEVER:
                start = left + column * across
                canvas.box(start, canvas.height + 1, across, high - 2, _fill(picture.owner), round(share, 3))
        canvas.height += high
    canvas.text(left, canvas.height + SIZE + 2, picture.columns[0], "muted")
    canvas.text(canvas.width, canvas.height + SIZE + 2, picture.columns[-1], "muted", "end")
    canvas.height += 1.5 * LINE


def _fill(owner: int | None) -> str:
    return {0: "first", CHANCE_MOVES: "muted", None: "muted"}.get(owner, "second")


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"  # never broken where a line ends


def _stage_head(canvas: Canvas, stage: Stage, x: float, column: float) -> int:
    lines = fitting(stage.title, column - 8, lines=2)
    for k, line in enumerate(lines):
        canvas.text(x, canvas.height + k * LINE, line, _fill(stage.owner))
    return len(lines)


def _placed(stage: Stage, top: float, height: float, most: int) -> dict[str, float]:
    """Upper end of everything at a stage; stages with fewer things have more room between them."""
    between = GAP * (most - 1) / max(len(stage.shares) - 1, 1)
    found, y = {}, top
    for name, share in stage.shares.items():
        found[name] = y
        y += max(share * height, LEAST) + between
    return found


def _name(canvas: Canvas, name: str, share: float, x: float, middle: float, room: float) -> None:
    """What it is and how often, beside it."""
    lines = fitting(f"{name} · {_percent(share)}", room, lines=2)
    for k, line in enumerate(lines):
        canvas.text(x, middle + 4 + LINE * (k - (len(lines) - 1) / 2), line)


def _ribbons(
    canvas: Canvas,
    links: Mapping[tuple[str, str], float],
    places: tuple[Mapping[str, float], Mapping[str, float]],
    ends: tuple[float, float],
    height: float,
    stage: Stage,
) -> None:
    """Bands from each thing at a stage to those at the next one."""
    left, right = dict(places[0]), dict(places[1])
    for (start, end), share in links.items():
        thick = share * height
        canvas.ribbon((ends[0], left[start]), (ends[1], right[end]), thick, _fill(stage.owner))
        left[start] += thick
        right[end] += thick


@draw.register
def _(picture: Tree, canvas: Canvas) -> None:
    _heading(canvas, picture.title)
    chance = any(branch.owner == CHANCE_MOVES for branch in picture.branches)
    _legend(canvas, {0: f"{picture.players[0]} (leads)"} | dict(enumerate(picture.players[1:], start=1)), chance)
    canvas.text(0, canvas.height - 0.5 * LINE, "At an end: what each is paid, in this order.", "muted")
    canvas.height += LINE
    depth, rows = _layout(picture.branches)
    said = [_payoffs(branch) for branch in picture.branches]
    room = max(map(len, said)) * LETTER * SIZE + 10
    step = (canvas.width - room - 8) / max(*depth, 1)
    at = [(8 + step * far, canvas.height + ROW * row) for far, row in zip(depth, rows, strict=True)]
    for place, branch in zip(at, picture.branches, strict=True):
        if branch.parent >= 0:
            _branch(canvas, branch, picture.branches[branch.parent], at[branch.parent], place)
    for place, branch in zip(at, picture.branches, strict=True):
        if branch.parent >= 0:
            _label(canvas, branch, at[branch.parent], place)
    for place, branch, words in zip(at, picture.branches, said, strict=True):
        if branch.owner is None:
            canvas.text(place[0] + 4, place[1] + 4, words)
        else:
            canvas.dot(*place, 5, _fill(branch.owner))
    canvas.height += ROW * (max(rows) + 1)


def _legend(canvas: Canvas, players: dict[int, str], chance: bool) -> None:
    x = 5.0
    for owner, name in (players | ({CHANCE_MOVES: "chance"} if chance else {})).items():
        canvas.dot(x, canvas.height - 4, 5, _fill(owner))
        canvas.text(x + 10, canvas.height, name)
        x += 28 + len(name) * LETTER * SIZE
    canvas.height += 1.5 * LINE


def _layout(branches: Sequence[Branch]) -> tuple[list[int], list[float]]:
    """How far from the root each node is, and its row: leaves stand below each other, nodes in the middle of theirs."""
    children: list[list[int]] = [[] for _ in branches]
    depth = [0] * len(branches)
    for place, branch in enumerate(branches):
        if branch.parent >= 0:
            children[branch.parent].append(place)
            depth[place] = depth[branch.parent] + 1
    rows, leaves, waiting = [0.0] * len(branches), 0, [(0, False)]
    while waiting:
        place, done = waiting.pop()
        if not children[place]:
            rows[place], leaves = float(leaves), leaves + 1
        elif done:
            rows[place] = (rows[children[place][0]] + rows[children[place][-1]]) / 2
        else:
            waiting += [(place, True), *((child, False) for child in reversed(children[place]))]
    return depth, rows


def _payoffs(branch: Branch) -> str:
    return ", ".join(number(payoff, 4) for payoff in branch.payoffs)


def _branch(
    canvas: Canvas, branch: Branch, before: Branch, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """A branch: as strong as it is likely, dashed if it is never taken."""
    likely = branch.probability
    never = _never(branch)
    strength = 1.5 if likely is None else 1 + 3 * likely
    canvas.line([start, end], _fill(before.owner), 1 if never else strength, "3 3" if never else "", 0.55)


def _never(branch: Branch) -> bool:
    return branch.probability is not None and branch.probability < NEVER


def _label(canvas: Canvas, branch: Branch, start: tuple[float, float], end: tuple[float, float]) -> None:
    """What a branch is called: below one that falls, above any other, so that names of neighbours stay apart."""
    likely, said = branch.probability, branch.label
    if likely is not None and NEVER <= likely <= SURE:
        said += f" {100 * likely:.0f}%"
    share = 0.62  # of the way: branches of one node have parted there
    x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
    y += SIZE if end[1] > start[1] else -3
    words = fitting(said, end[0] - start[0] + OVER)[0]
    canvas.text(x, y, words, "muted" if _never(branch) else "ink", "middle", clear=True)
