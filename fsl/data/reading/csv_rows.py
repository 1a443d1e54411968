"""CSV with a header line: delimiter and encoding are found, ragged lines and open quotes cost one row each.

Python's reader, once it fails, cannot go on; here it is started again behind the broken line. An empty cell is a
missing value, since CSV cannot tell the two apart.
"""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from fsl.data.errors import UnreadableFile
from fsl.data.reading.bounded import Bounds, PhysicalLine, physical_lines
from fsl.data.reading.raw_rows import MAX_RAW_CHARS, Line, RawRow, UnreadableRow, to_excerpt

DELIMITERS = (",", ";", "\t", "|")
# Behind each broken quote some lines are read twice; a file of nothing else must not take for ever.
MAX_RESTARTS = 1_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one CSV file is written."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]


def sniff_csv(head: bytes, *, name: str, columns: tuple[str, ...]) -> Dialect:
    """Find out how a file is written, from its beginning. Raises UnreadableFile where its header is of no use."""
    encoding = _find_encoding(head)
    header = next(iter(head.decode(encoding, "replace").lstrip("\r\n").splitlines()), "")
    found = max(
        (Dialect(encoding, delimiter, _cells(header, delimiter, name)) for delimiter in DELIMITERS),
        key=lambda dialect: (columns[0] in dialect.columns, len(dialect.columns)),
    )
    if len(set(found.columns)) < len(found.columns):
        raise UnreadableFile(name, "two columns of its header have the same name")
    return found


def read_csv(file: IO[bytes], dialect: Dialect, *, name: str, bounds: Bounds) -> Iterator[Line]:
    """Yield a row for each record behind the header."""
    is_header = True
    for record in _records(_decoded(file, dialect.encoding, bounds), dialect, name, bounds):
        if is_header:
            is_header = False
        elif isinstance(record, UnreadableRow):
            yield record
        else:
            yield _read_record(record, dialect)


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    cells: list[str]
    raw: str


@dataclass(slots=True)
class _Feed:
    """Hands lines to Python's reader, and remembers those of the record at hand, so that they can be read again."""

    lines: Iterator[PhysicalLine[str]]
    max_chars: int
    taken: list[PhysicalLine[str]] = field(default_factory=list)
    waiting: deque[PhysicalLine[str]] = field(default_factory=deque)
    n_chars: int = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self.waiting.popleft() if self.waiting else next(self.lines)
        self.taken.append(line)
        self.n_chars += len(line.data)
        if line.is_cut or self.n_chars > self.max_chars:
            raise csv.Error(f"a record of more than {self.max_chars:,} characters")
        return line.data

    def finish(self) -> list[PhysicalLine[str]]:
        """Return the lines of the record that was just read, and begin the next."""
        taken, self.taken, self.n_chars = self.taken, [], 0
        return taken

    def give_up(self) -> tuple[PhysicalLine[str], int]:
        """Return the first line of the record that broke, with the number of lines behind it that wait again."""
        first, *rest = self.finish()
        self.waiting.extendleft(reversed(rest))
        return first, len(rest)


def _records(
    lines: Iterator[PhysicalLine[str]], dialect: Dialect, name: str, bounds: Bounds
) -> Iterator[_Record | UnreadableRow]:
    feed = _Feed(lines, bounds.max_line_bytes)
    for _ in range(MAX_RESTARTS):
        try:
            for cells in csv.reader(feed, delimiter=dialect.delimiter, strict=True):
                taken = feed.finish()
                if cells:
                    yield _Record(taken[0].number, cells, "".join(line.data for line in taken))
            return
        except csv.Error as error:
            first, n_behind = feed.give_up()
            reason = "a quote is opened and not closed as it should be" if n_behind else "the line is not CSV"
            yield UnreadableRow(first.number, _excerpt(first.data), f"{reason} ({error})")
    raise UnreadableFile(name, f"its quotes do not match on {MAX_RESTARTS:,} lines")


def _read_record(record: _Record, dialect: Dialect) -> Line:
    cells, columns = record.cells, dialect.columns
    if any(_is_undecoded(cell, dialect.encoding) for cell in cells):
        return UnreadableRow(
            record.line, _excerpt(record.raw), f"the line is not {dialect.encoding}, as the others are"
        )
    if len(cells) != len(columns):
        reason = f"the line has {len(cells)} cells, but the header has {len(columns)}"
        return UnreadableRow(record.line, _excerpt(record.raw), reason)
    return RawRow(record.line, {column: cell or None for column, cell in zip(columns, cells, strict=True)})


def _decoded(file: IO[bytes], encoding: str, bounds: Bounds) -> Iterator[PhysicalLine[str]]:
    if encoding == "utf-16":
        text = io.TextIOWrapper(file, encoding, errors="replace", newline="\n")
        yield from physical_lines(text, "\n", bounds.max_line_bytes)
        return
    for line in physical_lines(file, b"\n", bounds.max_line_bytes):
        data = line.data.removeprefix(codecs.BOM_UTF8) if line.number == 1 else line.data
        # What does not decode is smuggled through, so that only its own record is lost.
        yield PhysicalLine(line.number, data.decode(encoding.removesuffix("-sig"), "surrogateescape"), line.is_cut)


def _find_encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    foreign = [line for line in head.split(b"\n")[:-1] or [head] if not line.isascii()]
    # A few broken lines in a UTF-8 file are broken lines; where most are, it is an old Windows file.
    return "utf-8" if 2 * sum(map(_is_utf8, foreign)) >= len(foreign) else "cp1252"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_undecoded(cell: str, encoding: str) -> bool:
    if cell.isascii():
        return False
    return "\ufffd" in cell if encoding == "utf-16" else any("\udc80" <= char <= "\udcff" for char in cell)


def _cells(header: str, delimiter: str, name: str) -> tuple[str, ...]:
    try:
        cells = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error as error:
        raise UnreadableFile(name, f"its header line is not CSV ({error})") from error
    return tuple(cell.strip() for cell in cells)


def _excerpt(text: str) -> str:
    return to_excerpt(text[:MAX_RAW_CHARS].encode("utf-8", "surrogateescape"))
