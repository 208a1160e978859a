"""Runs a Dockerfile's steps without a container engine: every stage in a root of its own, as the image's user.

The base image cannot be had without an engine. What stands in for it is the machine's own system, read only, with a
new virtual environment where the image has its Python and the same Ray in it. Everything else in a stage's root is new
and empty, so a step sees only what the Dockerfile put there. It needs the right to mount (root on Linux).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HOME, PYTHON, USER = "home/ray", "home/ray/anaconda3", "1000:100"
"""Of Ray's images."""

NEW = {"home", "root", "tmp", "run", "mnt", "media", "srv", "work"}
"""Top folders that a root has empty; the others are the machine's."""

MOUNT = """
root=$1; shift
for folder in "$@"; do mount --rbind "$folder" "$root$folder"; done
for folder in "$@"; do case $folder in /dev|/proc|/sys) ;; *) mount -o remount,bind,ro "$root$folder";; esac; done
exec chroot --userspec="$STEP_USER" "$root" bash -c 'cd "$STEP_FOLDER"; exec bash -euo pipefail -c "$STEP"'
"""


def instructions(text: str) -> list[tuple[str, str]]:
    """Name and argument of every instruction, comments left out and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.strip().partition(" ") for line in joined.splitlines()) if name]


def expand(text: str, arguments: dict[str, str]) -> str:
    """`${NAME}` by its value."""
    return re.sub(r"\$\{(\w+)\}", lambda match: arguments[match.group(1)], text)


@dataclass
class Stage:
    """One build stage: a root, a working folder and its arguments."""

    root: Path
    folder: str = "/"
    arguments: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> str:
        """A shell command, as the image's user; its output."""
        shared, links = system_folders()
        for folder in shared:
            (self.root / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)
        for link in links:
            place = self.root / link.name
            if not place.is_symlink():
                place.symlink_to(link.readlink())
        passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or "CERT" in name}
        env = passed | self.arguments | {
            "HOME": f"/{HOME}", "PATH": f"/{PYTHON}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "STEP": command, "STEP_FOLDER": self.folder, "STEP_USER": USER,
        }  # fmt: skip
        done = subprocess.run(
            ["unshare", "--mount", "bash", "-euc", MOUNT, "bash", str(self.root), *map(str, shared)],
            env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"RUN {command}\nexit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def inside(self, path: str) -> Path:
        """Where a path of the image is."""
        return self.root / os.path.normpath(os.path.join("/", self.folder, path)).lstrip("/")  # noqa: PTH118


def system_folders() -> tuple[list[Path], list[Path]]:
    """The machine's own folders and links that stand in for the base image's system."""
    top = [path for path in sorted(Path("/").iterdir()) if path.name not in NEW]
    folders = [path for path in top if path.is_dir() and not path.is_symlink()]
    if Path(sys.base_prefix).parts[1] in NEW:
        folders.append(Path(sys.base_prefix))
    return folders, [path for path in top if path.is_symlink()]


def base(root: Path, ray_version: str) -> Stage:
    """What stands in for Ray's image."""
    for folder in (HOME, "tmp"):
        (root / folder).mkdir(parents=True)
    shutil.chown(root / HOME, *map(int, USER.split(":")))
    (root / "tmp").chmod(0o1777)
    stage = Stage(root, f"/{HOME}")
    stage.run(f"{shlex.quote(sys.base_prefix)}/bin/python3 -m venv /{PYTHON}")
    stage.run(f"python -m pip install --quiet ray=={ray_version} setuptools")
    return stage


def build(
    dockerfile: Path, context: Path, allowed: list[str], place: Path, overrides: dict[str, str] | None = None
) -> Stage:
    """Run every instruction; the last stage.

    Args:
        dockerfile: what to build; context: the folder that COPY copies from; allowed: what of it.
        place: a new folder for the roots.
        overrides: build arguments.
    """
    given: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for name, rest in instructions(dockerfile.read_text(encoding="utf-8")):
        if name == "ARG":
            key, _, value = rest.partition("=")
            chosen = (overrides or {}).get(key) or (expand(value, given) if value else given[key])
            (given if stage is None else stage.arguments)[key] = chosen
        elif name == "FROM":
            if not stages:
                base(place / "base", given["RAY_VERSION"])
            shutil.copytree(place / "base", place / str(len(stages)), symlinks=True, copy_function=shutil.copy2)
            subprocess.run(["chown", "-R", USER, str(place / str(len(stages)) / HOME)], check=True)
            stage = stages[rest.partition(" AS ")[2] or "last"] = Stage(place / str(len(stages)), f"/{HOME}")
        else:
            assert stage is not None
            step(stage, name, rest, stages, (context, allowed))
    assert stage is not None
    return stage


def step(stage: Stage, name: str, rest: str, stages: dict[str, Stage], context: tuple[Path, list[str]]) -> None:
    """One instruction within a stage."""
    if name == "WORKDIR":
        stage.folder = rest
        stage.inside(".").mkdir(parents=True, exist_ok=True)
        shutil.chown(stage.inside("."), *map(int, USER.split(":")))
    elif name == "RUN":
        stage.run(rest)
    elif name == "COPY":
        copy(stage, rest.split(), stages, context)
    elif name != "USER":
        raise ValueError(f"{name} is not among the instructions this runs")


def copy(stage: Stage, words: list[str], stages: dict[str, Stage], context: tuple[Path, list[str]]) -> None:
    """COPY from the context, or from a stage."""
    options = dict(word[2:].split("=") for word in words if word.startswith("--"))
    source, target = (word for word in words if not word.startswith("--"))
    place = stage.inside(target)
    if "from" in options:
        shutil.copytree(stages[options["from"]].inside(source), place, dirs_exist_ok=True)
    else:
        for name in context[1]:
            path = context[0] / source / name
            copied = shutil.copytree if path.is_dir() else shutil.copy
            copied(path, place / name)
    subprocess.run(["chown", "-R", options["chown"], str(place)], check=True)
