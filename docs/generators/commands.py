"""The commands that README.md marks, written once, there; CI runs them from there too."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def marked(name: str) -> str:
    """The command below the mark of that name.

    >>> "pip install" in marked("main command")
    True
    """
    found = re.search(rf"<!-- {name} -->\n```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert found, f"README.md marks no {name}"
    return found.group(1)


def pages() -> dict[str, str]:
    """Each as a code block."""
    return {f"commands/{name}.md": f"```bash\n{marked(f'{name} command')}```\n" for name in ("main", "test")}
