"""The command about leaders that learn online."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from rllib_stackelberg.commands.shell import GameArgument, Json, NoiseKind, Parameters, command, parsed, show
from rllib_stackelberg.online.learners import Seat, learners
from rllib_stackelberg.online.options import OnlineOptions
from rllib_stackelberg.online.results import curves_data, result_data
from rllib_stackelberg.reports import tables
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.terminal import Terminal, progress_bar


def _names(seat: Seat) -> str:
    return ", ".join(kind.traits.name for kind in learners(seat))


@command
def online(
    game: GameArgument,
    leader: Annotated[str, typer.Option(help=f"learner, with parameters as in UCBE:bonus=50: {_names('leader')}")],
    follower: Annotated[str, typer.Option(help=f"learner: {_names('follower')}")],
    params: Parameters = None,
    rounds: Annotated[int, typer.Option(help="of every seed")] = 3000,
    seeds: Annotated[int, typer.Option(help="played side by side")] = 20,
    seed: Annotated[int, typer.Option(help="of the whole run")] = 0,
    noise: Annotated[
        NoiseKind | None, typer.Option(help="of rewards [default: bernoulli, a coin, in a finite game; else rules]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder for results, curves and report, new or empty [default: none is written]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a learning leader and a learning follower meet.

    Examples:
        rllib-stackelberg online random-bimatrix --leader UCBE --follower FBM
    """
    options = OnlineOptions.checked(
        game=game, params=parsed(params), leader=leader, follower=follower, rounds=rounds, seeds=seeds, seed=seed,
        noise=noise and noise.value, out=out,
    )  # fmt: skip
    folder = RunFolder.create(out) if out else None  # refused now rather than after the rounds
    started = time.perf_counter()
    with progress_bar(Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{leader} against {follower}", total=rounds)
        record = options.run(lambda done, _: progress.update(task, completed=done))
    data = result_data(record, options.arena) | {"seconds": time.perf_counter() - started}
    if folder:
        from rllib_stackelberg.reports import write_online  # only this needs what draws figures

        data["report"] = str(write_online(folder, options.resolved(), data, curves_data(record)))
    show(tables.online(data), data, as_json)
