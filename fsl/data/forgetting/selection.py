"""Which rows are meant: a small syntax for people, read into types and never evaluated.

    text contains Maria Sand     part of the text, whatever the case
    text = I am Maria Sand       the whole text, whatever its case and punctuation
    label = complaint            rows that mention the label
    source = monday.csv          rows of a file, by the name it was dropped under

Several conditions must all hold. A row that is chosen stands for its text: wherever that text lies, it is meant.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import JsonValue

from fsl.data.errors import BadSelection
from fsl.data.normalise import group_of, normal_form
from fsl.problems.base import BadTarget, Problem

MIN_PART_CHARS = 3
_CONDITION = re.compile(r"\s*(text\s+contains|text\s*=|label\s*=|source\s*=)\s*(.*?)\s*", re.DOTALL)
_HELP = 'write "text contains …", "text = …", "label = …" or "source = …"'


class Kind(StrEnum):
    """What a condition looks at."""

    TEXT_CONTAINS = "text contains"
    TEXT = "text ="
    LABEL = "label ="
    SOURCE = "source ="


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold of a row."""

    kind: Kind
    value: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row, wherever it lies, as far as it can be chosen by."""

    text: str
    row_ids: tuple[str, ...]  # every name it goes by
    target: JsonValue = None
    source: str = ""  # the name of its file


@dataclass(frozen=True)
class Selection:
    """Which rows are meant: by their ids, or by conditions that all hold."""

    conditions: tuple[Condition, ...] = ()
    row_ids: frozenset[str] = frozenset()

    def means(self, row: Candidate, problem: Problem) -> bool:
        if self.row_ids and self.row_ids.isdisjoint(row.row_ids):
            return False
        return all(_holds(condition, row, problem) for condition in self.conditions)


def parse_condition(words: str) -> Condition:
    """Read one condition. Raises BadSelection."""
    match = _CONDITION.fullmatch(words)
    if match is None:
        raise BadSelection(f"{words!r} is no condition", _HELP)
    kind, value = Kind(" ".join(match[1].replace("=", " =").split())), _unquoted(match[2])
    if not value:
        raise BadSelection(f"{words!r} names nothing", _HELP)
    if kind is Kind.TEXT_CONTAINS and len(normal_form(value)) < MIN_PART_CHARS:
        raise BadSelection(
            f"{value!r} is too short a part, and would choose half of all rows",
            f"use {MIN_PART_CHARS} letters or more, or `text = {value}` for a whole text",
        )
    return Condition(kind, value)


def build_selection(where: tuple[str, ...], sources: tuple[str, ...], ids: Path | None) -> Selection:
    """Put what a person asked for together. Raises BadSelection where it would mean every row, or none."""
    conditions = (*map(parse_condition, where), *(Condition(Kind.SOURCE, name) for name in sources))
    row_ids = read_ids(ids) if ids is not None else frozenset[str]()
    if not conditions and not row_ids:
        raise BadSelection("nothing says which rows to forget", "give --ids FILE, --where or --source")
    return Selection(conditions, row_ids)


def read_ids(path: Path) -> frozenset[str]:
    """Read row ids, one to a line: as they are, as `file:line`, or as JSON Lines with a `row_id` or an `id`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadSelection(f"{path} cannot be read: {reason}", "give a text file with one row id to a line") from error
    found = frozenset(_read_id(line.strip(), path, number) for number, line in enumerate(lines, 1) if line.strip())
    if not found:
        raise BadSelection(f"{path} holds no row id", "write one row id to a line")
    return found


def _read_id(line: str, path: Path, number: int) -> str:
    if not line.startswith("{"):
        return line
    try:
        values = json.loads(line)
        found = values.get("row_id") or values.get("id")
        if isinstance(found, str):
            return found
    except (ValueError, RecursionError):
        pass
    raise BadSelection(f"line {number} of {path} has no `row_id`", "write one row id to a line")


def _unquoted(value: str) -> str:
    is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value


def _holds(condition: Condition, row: Candidate, problem: Problem) -> bool:
    match condition.kind:
        case Kind.TEXT_CONTAINS:
            return normal_form(condition.value) in normal_form(row.text)
        case Kind.TEXT:
            return group_of(condition.value) == group_of(row.text)
        case Kind.SOURCE:
            return row.source == condition.value
        case Kind.LABEL:
            return condition.value in _labels(row.target, problem)


def _labels(target: JsonValue, problem: Problem) -> tuple[str, ...]:
    if target is None:
        return ()
    try:
        return problem.labels_in(target)
    except (AssertionError, ValueError, TypeError, BadTarget):
        return (target,) if isinstance(target, str) else ()  # a refused row's target may be anything
