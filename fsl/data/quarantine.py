"""Refused rows, each kept whole with all its reasons in words: written, listed by reason, exported to be mended.

Duplicates lie here too, though nothing is wrong with them, so that every line of every file can be found somewhere.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from pydantic import JsonValue

from fsl.data.batches import BatchRecord
from fsl.data.checking.rows import ROW, row_id_of, values_of
from fsl.data.checking.rules import DUPLICATE
from fsl.data.errors import NoExportName
from fsl.data.reading.raw_rows import to_json
from fsl.store.objects import ObjectStore

N_EXAMPLES = 5
WHY = "_why"  # the column of an exported file that says what is to be mended; ingest does not read it
UNREAD = "_line"  # in place of the columns where the line was no row


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that a row has against it."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not let in."""

    line: int
    raw: str  # JSON of the whole row, or an excerpt of a line that is none
    text: str | None
    target: JsonValue
    reasons: tuple[Reason, ...]
    source: str  # "name:line"
    row_id: str = ""  # stored where several files came in together; else it follows from the batch and the line

    @property
    def is_duplicate(self) -> bool:
        """Say whether nothing is wrong with it, but that it is there already."""
        return all(reason.code == DUPLICATE.code for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """All rows that share a reason."""

    code: str
    n: int
    examples: tuple[RefusedRow, ...]


def save_refused(file: IO[bytes], rows: Iterable[RefusedRow]) -> int:
    """Append rows to a quarantine file; return how many."""
    lines = [f"{to_json(_stored(row))}\n".encode() for row in rows]
    file.writelines(lines)
    return len(lines)


def parse_refused(lines: Iterable[bytes]) -> Iterator[RefusedRow]:
    """Yield the rows of a quarantine file."""
    for line in lines:
        if line:
            facts = json.loads(line)
            reasons = tuple(Reason(**reason) for reason in facts.pop("reasons"))
            yield RefusedRow(**facts, reasons=reasons)


def load_refused(store: ObjectStore, history: Iterable[BatchRecord]) -> Iterator[RefusedRow]:
    """Yield the refused rows of these batches, one batch in memory at a time."""
    for record in history:
        for row in parse_refused(store.get(record.quarantine.key).split(b"\n")):
            yield row if row.row_id else replace(row, row_id=row_id_of(record.source.sha256, row.line))


def group_by_reason(rows: Iterable[RefusedRow], n_examples: int = N_EXAMPLES) -> tuple[ReasonGroup, ...]:
    """Count rows by reason, the most frequent first, with the first examples of each."""
    counts: dict[str, int] = {}
    examples: dict[str, list[RefusedRow]] = {}
    for row in rows:
        for code in {reason.code for reason in row.reasons}:
            counts[code] = counts.get(code, 0) + 1
            if counts[code] <= n_examples:
                examples.setdefault(code, []).append(row)
    order = sorted(counts, key=lambda code: (-counts[code], code))
    return tuple(ReasonGroup(code, counts[code], tuple(examples.get(code, ()))) for code in order)


def save_export(rows: Iterable[RefusedRow], path: Path) -> int:
    """Write a file to mend and drop again: the rows as they were, each with what is wrong. Return how many.

    Duplicates are left out, since there is nothing to mend in them. Raises NoExportName.
    """
    # A text may begin with = or @; a line of JSON begins with a brace, and is a formula nowhere.
    if path.suffix.lower() != ".jsonl":
        raise NoExportName(path.name)
    n_rows = 0
    with path.open("wb") as file:
        for row in rows:
            if not row.is_duplicate:
                file.write(f"{to_json(_to_mend(row))}\n".encode())
                n_rows += 1
    return n_rows


def _to_mend(row: RefusedRow) -> Mapping[str, object]:
    values = values_of(row.raw)
    why = [f"{row.source}: {reason.words}" for reason in row.reasons]
    return {**({UNREAD: row.raw} if values is None else values), WHY: why, ROW: row.row_id}


def _stored(row: RefusedRow) -> Mapping[str, object]:
    facts = asdict(row)
    return facts if row.row_id else {name: value for name, value in facts.items() if name != "row_id"}
