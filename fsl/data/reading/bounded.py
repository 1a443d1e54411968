"""Reading bytes within bounds: a whole file after decompression, and one line of it.

What the lines mean is the formats' business.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Generic, TypeVar

from fsl.data.errors import FileTooLarge, UnreadableFile

BUFFER_BYTES = 1 << 18
Chars = TypeVar("Chars", str, bytes)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a file is read at most."""

    max_file_mb: int
    max_line_bytes: int


@dataclass(frozen=True, slots=True)
class PhysicalLine(Generic[Chars]):
    """One line with its newline. `is_cut` where it was longer than the bound and only its beginning is here."""

    number: int
    data: Chars
    is_cut: bool


class _Counted(io.RawIOBase):
    """A stream that stops when it has given more bytes than allowed, and says in our words how it is broken."""

    def __init__(self, file: io.BufferedIOBase, name: str, bounds: Bounds) -> None:
        self._file, self._name, self._max_mb = file, name, bounds.max_file_mb
        self._n_left = bounds.max_file_mb * 1_000_000

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        try:
            data = self._file.read(len(buffer))
        except EOFError as error:
            raise UnreadableFile(self._name, "its compressed data end too early, as after a broken upload") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableFile(self._name, f"it is not sound gzip ({error})") from error
        self._n_left -= len(data)
        if self._n_left < 0:
            raise FileTooLarge(self._name, self._max_mb)
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_bounded(path: Path, *, name: str, bounds: Bounds) -> Iterator[io.BufferedReader]:
    """Open a file for reading, decompressed where its name ends in .gz. Raises FileTooLarge, UnreadableFile."""
    with path.open("rb") as plain:
        file = gzip.GzipFile(fileobj=plain) if name.lower().endswith(".gz") else plain
        yield io.BufferedReader(_Counted(file, name, bounds), BUFFER_BYTES)


def physical_lines(file: IO[Chars], newline: Chars, max_length: int) -> Iterator[PhysicalLine[Chars]]:
    """Yield the lines of a file, none longer than `max_length`, so that memory is bounded whatever the file holds."""
    number = 0
    while data := file.readline(max_length):
        number += 1
        is_cut = len(data) == max_length and not data.endswith(newline)
        rest = data
        while is_cut and rest and not rest.endswith(newline):
            rest = file.readline(max_length)
        yield PhysicalLine(number, data, is_cut)
