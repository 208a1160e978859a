"""What benchmarks print and leave behind: a table, with where and when it was measured."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "tuned_examples" / "results"


def circumstances(packages):
    """Date, machine and versions of those packages that are installed."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = sorted({line.partition(":")[2].strip() for line in lines if line.startswith("model name")})
    machine = f"{' and '.join(names) or platform.processor()}, {os.cpu_count()} cores, {platform.platform()}"
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in packages if installed(name)}
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine, "versions": versions}


def installed(name):
    """Whether a peer is there to be compared with."""
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def text_of(rows, where):
    """For a terminal: where and when, and the rows below each other."""
    cells = [list(rows[0]), *([shown(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join([where["date"], where["machine"], versions_of(where), *lines])


def versions_of(where):
    """Versions as text."""
    return ", ".join(f"{name} {number}" for name, number in where["versions"].items())


def shown(value):
    """A cell: numbers with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def written(folder, name, title, about, rows, where):
    """Write `NAME.json` and the table of the documentation, `NAME.md`."""
    data = {"title": title, "rows": rows} | where
    (folder / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    lines = [f"# {title}", "", about, "", f"Measured {where['date']} on {where['machine']}; {versions_of(where)}.", ""]
    lines += ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(map(shown, row.values())) + " |" for row in rows]
    (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
