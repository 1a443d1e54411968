"""Which file and which line a row came from, where several files come in together.

The rows of such files are numbered through, as if one file followed the other, so that nothing else of the checks has
to know of files. Of a file that comes in alone the numbers are its lines.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

from fsl.data.checking.rows import row_id_of


class Origin(NamedTuple):
    """What a number stands for."""

    file: int  # its index
    line: int


@dataclass(slots=True)
class Places:
    """The files of one batch, in the order in which they are read. Grows while they are."""

    names: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)  # SHA-256 of each file's bytes
    is_one: bool = True  # no more than one so far; asked for every row, so it is not worked out each time
    _starts: list[int] = field(default_factory=list)  # the number before each file's first line
    _last: int = 0

    def begin(self, name: str, sha256: str, last_line: int = 0) -> int:
        """Begin the next file, and return what is added to its line numbers.

        Args:
            last_line: the number of its last line; where no other file follows, it need not be known.
        """
        self.names.append(name)
        self.digests.append(sha256)
        self._starts.append(self._last)
        self._last += last_line
        self.is_one = len(self.names) <= 1
        return self._starts[-1]

    def of(self, number: int) -> Origin:
        if self.is_one:
            return Origin(0, number)
        file = bisect_left(self._starts, number) - 1
        return Origin(file, number - self._starts[file])

    def source_of(self, number: int) -> str:
        """Return `name:line`, as rows have it."""
        if self.is_one:
            return f"{self.names[0]}:{number}"
        file, line = self.of(number)
        return f"{self.names[file]}:{line}"

    def row_id_of(self, number: int) -> str:
        if self.is_one:
            return row_id_of(self.digests[0], number)
        file, line = self.of(number)
        return row_id_of(self.digests[file], line)

    def say(self, number: int) -> str:
        """Say where a row stands, to somebody who looks at another row of the batch."""
        return f"line {number}" if self.is_one else self.source_of(number)
