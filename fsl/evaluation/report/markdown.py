"""Markdown in which texts stay texts: no picture, link, heading or HTML can come from a row."""

import re
from collections.abc import Iterable, Sequence

from fsl.pages.markup import visible

# CommonMark lets any ASCII punctuation be escaped. These can start something; commas, brackets and dashes within a
# line cannot, and stay readable for whoever opens the file as text.
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#!|&~$@]|:(?=//)|(?<=www)\.)")


def plain(text: str) -> str:
    """Return text that a Markdown reader shows as it is, on one line."""
    return _ACTIVE.sub(r"\\\1", visible(" ".join(text.split())))


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are already safe."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
