"""What pages are made of: their blocks of code, and what they include from other files."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
FIGURES = DOCS.parent / "tuned_examples" / "figures"
INCLUDE = re.compile(
    r"```\{include\} (\S+)\n(?::start-after: \"(?P<start>.*)\"\n:end-before: \"(?P<end>.*)\"\n)?```", re.M
)
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]*) -->\s*)?```(?P<language>\w+)\n(?P<code>.*?)```", re.S)


def included(text: str) -> str:
    """With recorded tables and parts of written files in their places; what is generated is left to Sphinx."""

    def content(match: re.Match[str]) -> str:
        """What stands in place of one inclusion."""
        if match[1].endswith(f"{FIGURES.name}/{(file := FIGURES / Path(match[1]).name).name}"):
            return file.read_text(encoding="utf-8")
        if match["start"] is None:
            return match[0]
        source = (DOCS / match[1]).resolve().read_text(encoding="utf-8")
        return source.split(match["start"].replace("\\n", "\n"), 1)[1].split(match["end"], 1)[0]

    return INCLUDE.sub(content, text)
