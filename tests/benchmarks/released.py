"""The paper's released code as a peer: run as a program of its own, from a checkout that somebody has.

It stays as it is, but for one file that whoever has it adds to its folder, `leader_episode.py`. Called as

    python leader_episode.py GAME UPDATES

in that folder, it plays one leader episode of `GAME` (a name in `GAMES` below) with so many updates of each follower
against any one strategy of the leader, and prints as its last line `{"updates": n, "seconds": s}`: how many updates all
followers made in all, and how long that took, without imports.
"""

import json
import subprocess
import sys
from pathlib import Path

from rllib_stackelberg.errors import InvalidFieldError

PROGRAM = "leader_episode.py"
GAMES = {
    "simple_allocation": ("simple-allocation", {"types": 3, "messages": 3}),
    "matrix_design": ("matrix-design", {}),
    "message_spm": ("message-spm", {"types": 4, "messages": 2}),
}
"""What the program is asked for, and the same game here."""
MINUTES = 5


def checkout(path):
    """The folder of a checkout.

    Raises:
        InvalidFieldError: There is none, or nothing in it that can be called.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InvalidFieldError("released", f"{path} is not a folder", "one of a checkout of the paper's released code")
    if not (folder / PROGRAM).is_file():
        raise InvalidFieldError("released", f"{path} holds no {PROGRAM}", f"a folder with {PROGRAM} ({__name__})")
    return folder


def updates_per_second(folder, game, updates):
    """How fast the released code plays one leader episode.

    Raises:
        InvalidFieldError: It fails, takes minutes, or prints something else.
    """
    call = [sys.executable, PROGRAM, game, str(updates)]
    allowed = f"one that ends with {{'updates': n, 'seconds': s}} ({__name__})"
    try:
        done = subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
    except subprocess.TimeoutExpired as late:
        raise InvalidFieldError("released", f"{PROGRAM} takes over {MINUTES} minutes for {game}", allowed) from late
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise InvalidFieldError("released", f"{PROGRAM} fails for {game}: {said}", allowed)
    try:
        found = json.loads(done.stdout.strip().splitlines()[-1])
        return float(found["updates"]) / float(found["seconds"])
    except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InvalidFieldError("released", f"{PROGRAM} prints no figures for {game}", allowed) from error
