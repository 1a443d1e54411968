"""A row on its way in: what was read, brought into our own types, with what each part says of its own faults.

Only looking at one row by itself happens here. Which fault bars a row is `rules`; how rows stand to one another is
`relations`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pydantic import JsonValue

from fsl.config import RunConfig
from fsl.data.checking.placing import PlacingColumns, read_placing
from fsl.data.reading.raw_rows import Line, UnreadableRow, to_json
from fsl.problems.base import BadTarget, Problem
from fsl.samples import Split

ROW = "_row"  # the column of an exported file that names the refused row which a mended one stands for
MAX_WORDS_CHARS = 300
MAX_LABEL_CHARS = 200
_ROW_ID = re.compile("[0-9a-f]{32}")
TYPE_NAMES = {str: "text", bool: "true or false", int: "number", float: "number", list: "list", dict: "object"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file the project reads."""

    text: str
    target: str
    time: str | None
    placing: PlacingColumns = field(default_factory=PlacingColumns)
    attributes: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()  # those that the project's own suite looks at
    label_delimiter: str = "|"  # in a cell with several labels

    @property
    def names(self) -> tuple[str, ...]:
        return (self.text, self.target, *((self.time,) if self.time else ()))

    @property
    def decoded(self) -> tuple[str, ...]:
        """Return what is read of a file, with our own column that says what a row mends."""
        return tuple(dict.fromkeys((*self.names, *self.placing.names, *self.attributes, *self.extra, ROW)))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file. A fault is None, or its reason in words."""

    line: int
    raw: str  # JSON of all that stood in the row, or an excerpt of an unreadable line
    reading_fault: str | None = None
    forgotten: str | None = None  # then nothing else of the row is here
    text_type: str | None = None  # as people call it; None: there is no text
    text: str | None = None  # exactly as it came; None where it is no text
    given: JsonValue = None  # the target as it came
    target: str | None = None  # canonical, as JSON; None where unlabelled or faulty
    target_fault: str | None = None
    labels: tuple[str, ...] = ()
    time: datetime | None = None
    time_fault: str | None = None
    wish: Split | None = None  # the split that was declared for it
    inclusion: float | None = None  # of an audit row: the probability with which it was drawn
    placing_fault: str | None = None
    attributes: str | None = None  # JSON object of texts
    mends: str | None = None  # id of the refused row that it stands for
    extras: Mapping[str, Any] | None = None  # what stood in the columns of the own suite

    @property
    def is_labelled(self) -> bool:
        return self.target is not None


def columns_of(config: RunConfig, problem: Problem) -> Columns:
    data = config.data
    return Columns(
        data.text_column,
        data.target_column or problem.target_column,
        data.time_column,
        PlacingColumns(data.audit_column, data.split_column),
        data.attribute_columns,
        label_delimiter=data.label_delimiter,
    )


def build_row(line: Line, columns: Columns, problem: Problem) -> Row:
    """Bring one line into our types; faults are noted, never raised."""
    if isinstance(line, UnreadableRow):
        return Row(line.line, line.raw, reading_fault=_cut(line.reason))
    values = line.values
    given_text = values.get(columns.text)
    text = given_text if isinstance(given_text, str) else None
    given = values.get(columns.target)
    target, labels, target_fault = _read_target(given, text, problem, columns.label_delimiter)
    time, time_fault = _read_time(values.get(columns.time) if columns.time else None)
    placing = read_placing(values, columns.placing)
    return Row(
        line=line.line,
        raw=to_json(values),
        text_type=None if given_text is None else TYPE_NAMES.get(type(given_text), type(given_text).__name__),
        text=text,
        given=given,
        target=target,
        target_fault=target_fault,
        labels=labels,
        time=time,
        time_fault=time_fault,
        wish=placing.wish,
        inclusion=placing.inclusion,
        placing_fault=None if placing.fault is None else _cut(placing.fault),
        attributes=_read_attributes(values, columns.attributes),
        mends=mended_by(values),
        extras={name: values.get(name) for name in columns.extra} if columns.extra else None,
    )


def _read_attributes(values: Mapping[str, Any], columns: tuple[str, ...]) -> str | None:
    """Return what stood in the attributes' columns, as JSON. A list or an object counts as nothing."""
    found = {
        name: str(values[name])[:MAX_LABEL_CHARS]
        for name in columns
        if isinstance(values.get(name), str | int | float) and str(values[name]).strip()
    }
    return canonical_json(found) if found else None  # type: ignore[arg-type]


def mended_by(values: Mapping[str, Any]) -> str | None:
    """Return the id of the refused row that these values stand for, if they say so."""
    named = values.get(ROW)
    return named if isinstance(named, str) and _ROW_ID.fullmatch(named) else None


def row_id_of(sha256: str, line: int) -> str:
    """Return a row's name: digest of the bytes it came from, and its line."""
    return hashlib.blake2b(f"{sha256}:{line}".encode(), digest_size=16).hexdigest()


def canonical_json(target: JsonValue) -> str:
    return json.dumps(target, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def values_of(raw: str) -> Mapping[str, Any] | None:
    """Return what stood in a row, from its `raw`, or None where the line could not be read."""
    try:
        values = json.loads(raw)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _read_target(
    given: JsonValue, text: str | None, problem: Problem, delimiter: str
) -> tuple[str | None, tuple[str, ...], str | None]:
    if given is None or text is None:  # without its text, nothing can be said of a target
        return None, (), None
    try:
        value = problem.read_cell(given, delimiter=delimiter) if isinstance(given, str) else given
        target = problem.read_target(value, text)
    except BadTarget as error:
        return None, (), _cut(str(error))
    labels = problem.labels_in(target)
    if long := [label for label in labels if len(label) > MAX_LABEL_CHARS]:
        return None, (), f"the label {long[0][:40]!r}… has {len(long[0])} characters, more than {MAX_LABEL_CHARS}"
    return canonical_json(target), labels, None


def _read_time(value: object) -> tuple[datetime | None, str | None]:
    if value is None:
        return None, None
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, datetime):
            return _in_utc(value), None
    except (ValueError, OverflowError):
        pass
    return None, _cut(f"the time {value!r} is not an ISO 8601 date or time, such as 2024-09-05 or 2024-09-05T14:30:00Z")


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS_CHARS else f"{words[:MAX_WORDS_CHARS]}…"
