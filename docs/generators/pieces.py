"""What pages are made of: their blocks of code, and what they include from other files."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
INCLUDE = re.compile(
    r"```\{include\} (\S+)\n(?::start-after: \"(?P<start>.*)\"\n:end-before: \"(?P<end>.*)\"\n)?```", re.M
)
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]*) -->\s*)?```(?P<language>\w+)\n(?P<code>.*?)```", re.S)


def included(text: str) -> str:
    """With the part of a written file in the place of what includes it; what is generated is left to Sphinx."""

    def content(match: re.Match[str]) -> str:
        """What stands in place of one inclusion."""
        if match["start"] is None:
            return match[0]
        source = (DOCS / match[1]).resolve().read_text(encoding="utf-8")
        return source.split(match["start"].replace("\\n", "\n"), 1)[1].split(match["end"], 1)[0]

    return INCLUDE.sub(content, text)
