"""The rows of a file, or of several small files that come in together, on their way into the first pass.

What is noted on the way: the columns that were seen, the lines of each file, and whether its rows were declared to
judge. What the rows have to be is `rules`.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fsl.config import RunConfig
from fsl.data.checking.places import Places
from fsl.data.checking.placing import is_test_file
from fsl.data.checking.rows import Columns, Row, build_row, columns_of
from fsl.data.checking.suite import SuiteRule
from fsl.data.errors import MissingColumn
from fsl.data.reading.files import open_rows
from fsl.data.reading.raw_rows import FileFacts, Line, RawRow
from fsl.errors import FslError
from fsl.problems.base import Problem

MAX_COLUMNS_NOTED = 100
MIN_COLUMN_LIKENESS = 0.75


@dataclass(frozen=True)
class Fetched:
    """A dropped file on this machine."""

    path: Path
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """How one file of a batch was read."""

    facts: FileFacts
    n_read: int


class Opening:
    """The files of one batch. What it gathers is whole once all rows were taken from it."""

    def __init__(self, config: RunConfig, problem: Problem, suite: tuple[SuiteRule, ...]) -> None:
        self.config, self.problem = config, problem
        self._columns = replace(columns_of(config, problem), extra=tuple({rule.looks_at: None for rule in suite}))
        self.places = Places()
        self.files: list[OpenedFile] = []
        self.columns_seen: set[str] = set()
        self.faults: dict[str, FslError] = {}  # of files that are left out, by their digests
        self._judges: list[bool] = []  # of each file, whether its rows do
        self._has_test_files = False

    def rows_of_one(self, file: Fetched) -> Iterator[Row]:
        """Yield a file's rows while they are read, so that it may be of any size."""
        with open_rows(file.path, name=file.name, config=self.config.data, columns=self._columns.decoded) as reading:
            noted = _Noted(set(reading.facts.columns or ()))
            self._begin(file, 0)
            yield from (build_row(line, self._columns, self.problem) for line in noted.passing(reading.lines))
        _refuse_missing_columns(file.name, noted, self._columns)
        self._note(reading.facts, noted)

    def rows_of_many(self, files: Sequence[Fetched]) -> Iterator[Row]:
        """Yield the rows of each file once all of it was read, numbered through. The files have to be small."""
        for file in files:
            try:
                facts, noted, lines = self._read(file)
            except FslError as error:
                self.faults[file.sha256] = error
                continue
            start = self._begin(file, lines[-1].line if lines else 0)
            self._note(facts, noted)
            for line in lines:
                row = build_row(line, self._columns, self.problem)
                yield replace(row, line=start + row.line)

    def is_test_row(self, number: int) -> bool:
        """Say whether a row comes from a file whose rows are declared to judge."""
        return self._has_test_files and self._judges[self.places.of(number).file]

    def _read(self, file: Fetched) -> "tuple[FileFacts, _Noted, list[Line]]":
        with open_rows(file.path, name=file.name, config=self.config.data, columns=self._columns.decoded) as reading:
            noted = _Noted(set(reading.facts.columns or ()))
            lines = list(noted.passing(reading.lines))
        _refuse_missing_columns(file.name, noted, self._columns)
        return reading.facts, noted, lines

    def _begin(self, file: Fetched, last_line: int) -> int:
        self._judges.append(is_test_file(file.name, self.config.data.test_files))
        self._has_test_files |= self._judges[-1]
        return self.places.begin(file.name, file.sha256, last_line)

    def _note(self, facts: FileFacts, noted: "_Noted") -> None:
        self.files.append(OpenedFile(facts, noted.n_lines))
        self.columns_seen |= noted.columns


class _Noted:
    """Notes which columns pass by, and counts the lines."""

    def __init__(self, columns: set[str]) -> None:
        self.columns, self.n_lines, self.n_rows = columns, 0, 0

    def passing(self, lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            self.n_lines += 1
            if isinstance(line, RawRow):
                self.n_rows += 1
                if len(self.columns) < MAX_COLUMNS_NOTED:
                    self.columns.update(line.values)
            yield line


def _refuse_missing_columns(name: str, noted: _Noted, columns: Columns) -> None:
    """Refuse a file of which no row has a text, or all rows have their target under a name that is nearly right."""
    if not noted.n_rows or len(noted.columns) >= MAX_COLUMNS_NOTED:
        return
    found = tuple(sorted(noted.columns))
    if columns.text not in noted.columns:
        raise MissingColumn(name, columns.text, "data.text_column", found, _near(columns.text, columns, found))
    near = _near(columns.target, columns, found)
    # Without a target a row is unlabelled, and that is fine; but a slip of the pen must not hide every label.
    if columns.target not in noted.columns and near:
        raise MissingColumn(name, columns.target, "data.target_column", found, near)


def _near(column: str, columns: Columns, found: tuple[str, ...]) -> str | None:
    folded = {name.strip().casefold(): name for name in found if name not in columns.names}
    near = difflib.get_close_matches(column.casefold(), list(folded), n=1, cutoff=MIN_COLUMN_LIKENESS)
    return folded[near[0]] if near else None
