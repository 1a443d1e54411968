"""The README as this test reads it: blocks, and the commands in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    title: str  # where its text is a file of the reader's
    section: str
    first_line: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One command."""

    place: int  # among all commands
    number: int  # in the README
    section: str
    text: str

    def __str__(self) -> str:
        return f"README.md:{self.number} {self.text}"


def read_blocks(text: str) -> Iterator[Block]:
    section, opened, lines = "", None, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        fence = re.fullmatch(r"```(\w*)(?: title=(\S+))?", line)
        if opened is None and fence:
            opened, lines = (fence[1], fence[2] or "", section, number + 1), []
        elif opened is not None and fence:
            yield Block(*opened, tuple(lines))
            opened = None
        elif opened is not None:
            lines.append(line)
        elif line.startswith("#"):
            section = line.lstrip("# ")


BLOCKS = tuple(read_blocks(README))
_COMMANDS = [
    (number, block.section, text)
    for block in BLOCKS
    if block.language == "sh"
    for number, text in enumerate(block.lines, start=block.first_line)
]
LINES = tuple(Line(place, *command) for place, command in enumerate(_COMMANDS))
