"""Rows from a file, whatever its format: .jsonl, .csv or .parquet, each also with .gz behind it, told by the name.

A broken line never fails the file: it comes out as an UnreadableRow. A broken file does, as an error. Reading holds
one line (of Parquet: one small block) at a time. What makes a row good is not decided here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fsl.config import DataConfig
from fsl.data.errors import UnknownFormat
from fsl.data.reading.bounded import Bounds, open_bounded
from fsl.data.reading.csv_rows import read_csv, sniff_csv
from fsl.data.reading.jsonl_rows import read_jsonl
from fsl.data.reading.parquet_rows import read_parquet
from fsl.data.reading.raw_rows import FileFacts, Line

FORMATS = ("jsonl", "csv", "parquet")
MIN_LINE_BYTES = 1 << 20
# "\uXXXX\uXXXX" is the longest way JSON has to write one character; the rest is for the other columns.
LINE_BYTES_PER_CHAR = 16


@dataclass(frozen=True)
class Reading:
    """A file that is being read."""

    facts: FileFacts
    lines: Iterator[Line]


def bounds_of(config: DataConfig) -> Bounds:
    return Bounds(config.max_file_mb, max(MIN_LINE_BYTES, LINE_BYTES_PER_CHAR * config.max_text_chars))


def format_of(name: str) -> str:
    """Return jsonl, csv or parquet. Raises UnknownFormat."""
    suffix = Path(name.lower().removesuffix(".gz")).suffix.removeprefix(".")
    if suffix not in FORMATS:
        raise UnknownFormat(name)
    return suffix


@contextmanager
def open_rows(path: Path, *, name: str, config: DataConfig, columns: tuple[str, ...]) -> Iterator[Reading]:
    """Open a file for reading row by row.

    Args:
        path: where its bytes lie.
        name: what it is called; its end says how it is read.
        config: for the bounds.
        columns: those that the project reads, the text's first. CSV's delimiter is found by them, and only they are
            decoded from Parquet.

    Raises:
        UnknownFormat, UnreadableFile, FileTooLarge: here or while the rows are read.
    """
    bounds = bounds_of(config)
    match format_of(name):
        case "jsonl":
            with open_bounded(path, name=name, bounds=bounds) as file:
                yield Reading(FileFacts("jsonl", "utf-8"), read_jsonl(file, name=name, bounds=bounds))
        case "csv":
            with open_bounded(path, name=name, bounds=bounds) as file:
                dialect = sniff_csv(file.read(bounds.max_line_bytes), name=name, columns=columns)
            with open_bounded(path, name=name, bounds=bounds) as file:
                facts = FileFacts("csv", dialect.encoding, dialect.delimiter, dialect.columns)
                yield Reading(facts, read_csv(file, dialect, name=name, bounds=bounds))
        case _:
            with read_parquet(path, name=name, bounds=bounds, columns=columns) as (found, lines):
                yield Reading(FileFacts("parquet", columns=found), lines)
