"""This example solves every game of two players in pygambit's catalogue, with either player in the lead.

What commitment is worth, pure and mixed, stands beside all values that the leader has in Nash equilibria (pygambit's
enumeration of all extreme equilibria, in fractions). Trees are taken as their reduced normal form, which is worth the
same where nobody forgets; where somebody does, it is all there is.

How to run: `python tuned_examples/catalogue/gambit_catalogue.py`, with `--out FILE` to keep the table. Needs
pygambit.

Results to expect: `tuned_examples/results/gambit_catalogue.md`. Mixed commitment is never worth less than pure
commitment or than any Nash equilibrium; in constant-sum games it is worth what the equilibria are.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pygambit

from rllib_stackelberg import make_game
from rllib_stackelberg.files.folder import write_atomically
from rllib_stackelberg.formats.gambit import catalogue_game, catalogue_names, gambit_game, normal_form_of
from rllib_stackelberg.rounding import number
from rllib_stackelberg.solvers import exact_solve


@dataclass(frozen=True)
class Row:
    """A game with one of its players in the lead.

    Attributes:
        game: name in the catalogue; leads: number of the leader; leader: its name.
        shape: strategies of leader and follower; remark: what kind of game it is.
        pure, mixed: what commitment is worth to the leader; certain: whether both are known to be the optimum.
        nash: the leader's values in all extreme Nash equilibria, ascending; equilibria: how many those are.
    """

    game: str
    leads: int
    leader: str
    shape: tuple[int, ...]
    remark: str
    pure: float
    mixed: float
    certain: bool
    nash: tuple[Fraction, ...]
    equilibria: int


def rows() -> Iterator[Row]:
    """All games of two players, two rows each."""
    for name in catalogue_names():
        game = catalogue_game(name)
        if len(game.players) == 2:
            yield from _of_game(name, game)


def _of_game(name: str, game: pygambit.Game) -> Iterator[Row]:
    """A game with either player in the lead."""
    kinds = [] if game.is_perfect_recall else ["imperfect recall"]
    kinds += ["constant sum"] if game.is_const_sum else []
    table = gambit_game(normal_form_of(game))
    found = pygambit.nash.enummixed_solve(table, rational=True).equilibria
    for leads, player in enumerate(table.players, start=1):
        solved = [
            exact_solve(make_game("bimatrix", catalogue=name, leads=leads, mixed=mixed)) for mixed in (False, True)
        ]
        yield Row(
            game=name,
            leads=leads,
            leader=list(game.players)[leads - 1].label,
            shape=normal_form_of(game).led_by(leads).shape,
            remark=", ".join(["tree" if game.is_tree else "table", *kinds]),
            pure=solved[0].leader_value,
            mixed=solved[1].leader_value,
            certain=all(solution.certain for solution in solved),
            nash=tuple(sorted({Fraction(profile.payoff(player)) for profile in found})),
            equilibria=len(found),
        )


def table(found: list[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "### Commitment in the two-player games of pygambit's catalogue",
        "",
        "What commitment is worth to the leader beside its values in all extreme Nash equilibria. Followers who are",
        "indifferent help the leader. Printed by `python tuned_examples/catalogue/gambit_catalogue.py`.",
        "",
        "| game | leader | strategies | kind | pure commitment | mixed commitment | Nash values | equilibria |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        nash = ", ".join(number(float(value)) for value in row.nash)
        doubt = "" if row.certain else " (not certain)"
        sizes = " x ".join(map(str, row.shape))
        lines.append(
            f"| {row.game} | {row.leads}: {row.leader} | {sizes} | {row.remark} | {number(row.pure)} | "
            f"{number(row.mixed)}{doubt} | {nash} | {row.equilibria} |"
        )
    gains = sum(row.mixed > max(row.pure, float(row.nash[-1])) + 1e-9 for row in found)
    lines += [
        "",
        f"{len(found)} rows. In {gains} mixing is worth more than both pure commitment and every equilibrium.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file that the table is written to, too")
    arguments = parser.parse_args()
    text = table(list(rows()))
    if arguments.out:
        write_atomically(arguments.out, text.encode())
    print(text, end="")


if __name__ == "__main__":
    main()
