"""The command about leaders that learn online."""

from __future__ import annotations

import time
from typing import Any

from rllib_stackelberg.commands.application import GameArgument, Json, Parameters, command, parsed, show
from rllib_stackelberg.commands.signatures import options_of, takes
from rllib_stackelberg.online.options import OnlineOptions
from rllib_stackelberg.online.results import curves_data, result_data
from rllib_stackelberg.reports import tables
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.terminal import Terminal, progress_bar


@command
@takes(*options_of(OnlineOptions))
def online(game: GameArgument, params: Parameters = None, *, as_json: Json = False, **given: Any) -> None:
    """Let a learning leader and a learning follower meet.

    Examples:
        rllib-stackelberg online random-bimatrix --leader UCBE --follower FBM
    """
    options = OnlineOptions.checked(game=game, params=parsed(params), **given)
    folder = RunFolder.create(options.out) if options.out else None  # refused now rather than after the rounds
    started = time.perf_counter()
    with progress_bar(Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{options.leader} against {options.follower}", total=options.rounds)
        record = options.run(lambda done, _: progress.update(task, completed=done))
    data = result_data(record, options.arena) | {"seconds": time.perf_counter() - started}
    if folder:
        from rllib_stackelberg.reports import write_online  # only this needs what draws figures

        data["report"] = str(write_online(folder, options.resolved(), data, curves_data(record)))
    show(tables.online(data), data, as_json)
