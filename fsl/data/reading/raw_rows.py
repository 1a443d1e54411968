"""What a reader yields: a row as it stands in the file, or a line that is none. How files are read is `files`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_RAW_CHARS = 10_000  # of a line that cannot be read; one that can is kept whole


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row, its values as the format gave them."""

    line: int  # where it begins, from 1; in Parquet the number of the row
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """One line that is no row."""

    line: int
    raw: str  # an excerpt, what is not text in it shown as \\x escapes
    reason: str


Line = RawRow | UnreadableRow


@dataclass(frozen=True, slots=True)
class FileFacts:
    """How a file was read, for the record and the page."""

    format: str
    encoding: str | None = None
    delimiter: str | None = None
    columns: tuple[str, ...] | None = None  # where the file declares them


def to_json(value: object) -> str:
    """Return JSON on one line that can always be stored as UTF-8, and reads well in any script where it can."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: only an escape can carry it
        return json.dumps(value, default=str)
    return text


def to_excerpt(raw: bytes) -> str:
    """Return the beginning of a line for people, whatever its bytes."""
    return raw[: 4 * MAX_RAW_CHARS].decode("utf-8", "backslashreplace")[:MAX_RAW_CHARS].rstrip("\r\n")
