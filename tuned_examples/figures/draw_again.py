"""This script draws the figures of recorded results anew, from the data beside them, without running anything.

Data are `.drawing.json` files in this folder, and the tables' `.json` files in `tuned_examples/results`, whose text is
written anew as well.

How to run: `python tuned_examples/figures/draw_again.py` (seconds).
"""

from pathlib import Path

from rllib_stackelberg.experiments.tables import experiment_tables
from rllib_stackelberg.reports import draw_again
from rllib_stackelberg.reports.drawings import SUFFIX
from rllib_stackelberg.reports.experiments import draw_table_again

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"


def main() -> None:
    """Every figure, each with the name of its file."""
    drawn = [draw_again(file) for file in sorted(HERE.glob(f"*{SUFFIX}"))]
    for table in experiment_tables().values():
        if (RESULTS / f"{table.name}.json").exists():
            drawn += draw_table_again(table, RESULTS)
    print(*(file.relative_to(HERE.parent) for file in drawn), sep="\n")


if __name__ == "__main__":
    main()
