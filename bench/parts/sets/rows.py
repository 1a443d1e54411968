"""What the converters share: rows and raw files as types, and how a text is cleaned and compared."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

SEED = 20240607  # of the splits and samples that were made for these benchmarks

Row = dict[str, Any]
Splits = dict[str, list[Row]]
Raw = Mapping[str, bytes]  # by the file's path in its repository


def clean(text: str) -> str:
    """Return the text with every run of white space, line breaks included, as one space."""
    return " ".join(text.split())


def likeness(text: str) -> str:
    """Return what two texts share that differ in case, punctuation and spacing alone."""
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines. `str.splitlines` would also cut at letters that stand inside of texts, such as U+2028."""
    for line in text.split("\n"):
        yield line.removesuffix("\r")


def table(raw: bytes, *columns: str, delimiter: str = ",") -> Iterator[Row]:
    """Yield the rows of a CSV file with a header.

    Raises:
        ValueError: it lacks one of the columns, or a row ends before it.
    """
    # Letters that are not UTF-8 are damaged in the published files as well; they must not stop the rest.
    reader = csv.DictReader(io.StringIO(raw.decode("utf-8", "replace"), newline=""), delimiter=delimiter)
    lacking = [column for column in columns if column not in (reader.fieldnames or ())]
    if lacking:
        raise ValueError(f"no column {', '.join(lacking)}")
    for row in reader:
        if any(row[column] is None for column in columns):
            raise ValueError(f"line {reader.line_num} has too few columns")
        yield row
