"""Random damages of run folders: what a disk, an editor or a stranger may have made of one. Seeded."""

import copy
import json
import os
import shutil
from pathlib import Path

import numpy as np

JUNK = [
    None, True, False, 0, -1, 1, 3, 10**400, 1e308, -1e308, 0.5, float("nan"), float("inf"), "", "x", "9" * 5000,
    "\x00", "\x1b[31m", "../../outside", "/dev/zero", "[/b]", [], {}, [[]], [1, 2], [[1, 2], [3]], {"a": 1},
    {"game": "x"}, {"cls": 1}, [None], ["x"] * 3, 2**63, -(2**63), 10**9,
]  # fmt: skip
EXTRA = ["game", "cls", "self", "params", "ray_address", "model", "__class__", "", "out", "file", "x" * 300]
DTYPES = ["F64", "F32", "F16", "BF16", "F8_E4M3", "I8", "BOOL", "U64", "C64", "nothing"]


def paths_of(value, path=()):
    """Every place in a nested document."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in entries:
        yield from paths_of(held, (*path, key))


def _deep(rng):
    depth = int(rng.choice([70, 500, 5_000, 200_000]))
    return ("[" * depth + "]" * depth) if rng.random() < 0.5 else '{"a":' * depth + "1" + "}" * depth


def _mutated(document, rng):
    """A document with one place changed, taken away or added to."""
    document = copy.deepcopy(document)
    places = [path for path in paths_of(document) if path]
    if not places:
        return JUNK[rng.integers(len(JUNK))]
    path = places[rng.integers(len(places))]
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    kind = rng.integers(5)
    if kind == 0:
        del holder[path[-1]]
    elif kind == 1 and isinstance(holder, dict):
        holder[EXTRA[rng.integers(len(EXTRA))]] = JUNK[rng.integers(len(JUNK))]
    elif kind == 2:
        others = [entry for entry in places if entry != path]
        other = document
        for key in others[rng.integers(len(others))] if others else ():
            other = other[key]
        holder[path[-1]] = copy.deepcopy(other)
    else:
        holder[path[-1]] = JUNK[rng.integers(len(JUNK))]
    return document


def change_json(file: Path, rng):
    lines = file.read_text(encoding="utf-8").splitlines() if file.suffix == ".jsonl" else [file.read_text("utf-8")]
    number = int(rng.integers(max(len(lines), 1)))
    if lines:
        for _ in range(int(rng.integers(1, 4))):
            lines[number] = json.dumps(_mutated(json.loads(lines[number]), rng))
    if rng.random() < 0.08:
        lines = [*lines[:number], _deep(rng)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def change_tensors(file: Path, rng):
    """In the header: shapes, kinds, names; or in the numbers."""
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + size]), bytearray(content[8 + size :])
    names = [name for name in header if name != "__metadata__"]
    name, kind = names[rng.integers(len(names))], rng.integers(6)
    if kind == 0:
        header[name]["dtype"] = DTYPES[rng.integers(len(DTYPES))]
    elif kind == 1:
        shape = header[name]["shape"]
        header[name]["shape"] = [shape[::-1], [*shape, 1], [0], [2**62, 2**62], [-1], []][rng.integers(6)]
    elif kind == 2:
        header[str(rng.integers(5)) + ".weight"] = header.pop(name)
    elif kind == 3:
        first, last = header[name]["data_offsets"]
        numbers = np.array([[np.nan, np.inf, -np.inf, 3e38, 0][rng.integers(5)]], np.float32).tobytes()
        body[first:last] = (numbers * (last - first))[: last - first]
    elif kind == 4:
        header[name]["data_offsets"] = [[0, 0], [0, 2**62], [5, 1], [-1, 4]][rng.integers(4)]
    else:
        header = _mutated(header, rng)
    told = json.dumps(header).encode()
    file.write_bytes(len(told).to_bytes(8, "little") + told + bytes(body))


def flip(file: Path, rng):
    content = bytearray(file.read_bytes())
    for _ in range(int(rng.integers(1, 9))):
        if content:
            content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    file.write_bytes(content)


def cut(file: Path, rng):
    content = file.read_bytes()
    file.write_bytes(content[: rng.integers(len(content) + 1)])


def noise(file: Path, rng):
    file.write_bytes(rng.bytes(int(rng.integers(200))))


def gone(file: Path, rng):
    file.unlink()


def link(file: Path, rng):
    outside = file.parents[1] / "outside" / file.name
    outside.parent.mkdir(exist_ok=True)
    targets = [outside, "/dev/zero", "/dev/stdin", "/nowhere", file.name, file.parent]
    target = targets[rng.integers(len(targets))]
    if target == outside:
        file.rename(outside)
    else:
        file.unlink()
    file.symlink_to(target)


def pipe(file: Path, rng):
    file.unlink()
    os.mkfifo(file)


def folder(file: Path, rng):
    file.unlink()
    file.mkdir()


def sparse(file: Path, rng):
    with file.open("r+b") as stream:
        stream.truncate(int(rng.choice([2**28 + 1, 2**33, 2**40])))


ANY = (flip, cut, noise, gone, link, pipe, folder, sparse)


def damage(run: Path, rng) -> str:
    """Damage a file of a run; what was done, in words."""
    files = sorted(path for path in run.rglob("*") if _plain(path) and path.name != "report.html")
    file = files[rng.integers(len(files))]
    own = {".json": change_json, ".jsonl": change_json, ".safetensors": change_tensors}.get(file.suffix)
    chosen = own if own and rng.random() < 0.7 else ANY[rng.integers(len(ANY))]
    try:
        chosen(file, rng)
    except (ValueError, LookupError, TypeError, RecursionError):  # it was damaged before
        chosen = flip
        chosen(file, rng)
    return f"{chosen.__name__} {file.relative_to(run)}"


def _plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink() and file.stat().st_size < 2**20


def copied(run: Path, place: Path) -> Path:
    """A copy to be damaged, with nothing left of the one before."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return Path(shutil.copytree(run, place / "run", symlinks=True))


def snapshot(place: Path):
    """What there is, and what is in it."""
    found = {}
    for path in sorted(place.rglob("*")):
        status = path.lstat()
        plain = path.is_file() and not path.is_symlink() and status.st_size < 2**24
        found[str(path.relative_to(place))] = (status.st_mode, path.read_bytes() if plain else status.st_size)
    return found
