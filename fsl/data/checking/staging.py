"""The first pass over a file: read it, hold each row to the rules that concern it alone, and lay the sound ones aside.

Nothing here depends on what was accepted before, so it is done once, even where the commit has to be tried again.
Sound rows lie on the local disk as Parquet, refused ones as JSON Lines; only digests stay in memory.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from fsl.config import RunConfig
from fsl.data.checking.balance import fewest_tokens, script_of
from fsl.data.checking.kin import Signed, Signing
from fsl.data.checking.placing import is_test_file
from fsl.data.checking.relations import Entry, Interned, Survey, digest_of, sameness_of
from fsl.data.checking.rows import Columns, Row, build_row, columns_of
from fsl.data.checking.rules import RowRule, line_rules, row_rules
from fsl.data.checking.suite import SuiteRule
from fsl.data.checking.validation import RuleResult, Validator, merge
from fsl.data.errors import MissingColumn
from fsl.data.normalise import as_utf8, group_of_form, normal_form, visible_part
from fsl.data.quarantine import Reason, RefusedRow, save_refused
from fsl.data.reading.files import open_rows
from fsl.data.reading.raw_rows import FileFacts, Line, RawRow
from fsl.data.tables import STAGED, TableWriter
from fsl.problems.base import Problem
from fsl.samples import Split

BLOCK_ROWS = 20_000
BLOCK_CHARS = 16_000_000
MAX_COLUMNS_NOTED = 100
MIN_COLUMN_LIKENESS = 0.75


@dataclass(frozen=True)
class Staged:
    """A file after its first pass."""

    facts: FileFacts
    columns: tuple[str, ...]  # seen in the file, whether they are read or not
    n_read: int
    n_refused: int
    sound: Path
    refused: Path
    survey: Survey
    signed: Signed  # one for each sound row, in their order
    scripts: Mapping[str, int]  # sound rows by script
    n_cut: int  # sound rows whose text is longer than the encoder reads
    results: tuple[RuleResult, ...]


def stage_file(
    path: Path,
    name: str,
    config: RunConfig,
    problem: Problem,
    validator: Validator,
    folder: Path,
    now: datetime,
    suite: tuple[SuiteRule, ...] = (),
    prepare: Callable[[Row], Row] = lambda row: row,
) -> Staged:
    """Read a whole file and hold each row to the rules. Raises what `open_rows` does, and MissingColumn.

    Args:
        prepare: what is done to each row before anything of it is stored.
    """
    columns = replace(columns_of(config, problem), extra=tuple({rule.looks_at: None for rule in suite}))
    sound, refused = folder / "sound.parquet", folder / "refused.jsonl"
    with (
        open_rows(path, name=name, config=config.data, columns=columns.decoded) as reading,
        TableWriter(sound, STAGED) as writer,
        refused.open("wb") as refusals,
    ):
        stage = _Stage(name, config, problem, validator, now, suite)
        noted = _Noted(set(reading.facts.columns or ()))
        n_refused = 0
        for block in _blocks(prepare(build_row(line, columns, problem)) for line in noted.passing(reading.lines)):
            kept, bad = stage.divide(block)
            writer.write(stage.lay_aside(kept))
            n_refused += save_refused(refusals, bad)
    _refuse_missing_columns(name, noted, columns)
    seen = tuple(sorted(noted.columns))
    results = merge(stage.results)
    return Staged(
        facts=reading.facts,
        columns=seen,
        n_read=noted.n_lines,
        n_refused=n_refused,
        sound=sound,
        refused=refused,
        survey=stage.survey,
        signed=stage.signing.finish(),
        scripts=dict(sorted(stage.scripts.items())),
        n_cut=stage.n_cut,
        results=results,
    )


class _Stage:
    """What the first pass gathers on its way."""

    def __init__(
        self,
        name: str,
        config: RunConfig,
        problem: Problem,
        validator: Validator,
        now: datetime,
        suite: tuple[SuiteRule, ...],
    ) -> None:
        self._name, self._problem, self._validator = name, problem, validator
        self._suite = suite
        self._line_rules = line_rules()
        self._row_rules = (*row_rules(config.data, now), *(own.rule for own in suite))
        self._is_test_file = is_test_file(name, config.data.test_files)
        self._max_tokens = config.learning.encoder.max_length_tokens
        self.scripts: Counter[str] = Counter()
        self.n_cut = 0
        self.survey = Survey()
        self.signing = Signing()
        self._interned = Interned()
        self.results: list[RuleResult] = []

    def divide(self, block: list[Row]) -> tuple[list[Row], list[RefusedRow]]:
        """Return the sound rows and the refused ones of one block."""
        reasons: dict[int, list[Reason]] = {}
        lines: dict[str, list[object]] = {
            "line": [row.line for row in block],
            "reading_fault": [row.reading_fault for row in block],
            "forgotten": [row.forgotten for row in block],
        }
        self._check(lines, self._line_rules, block, reasons)
        readable = [row for row in block if row.line not in reasons]
        own = {one.rule.rule.column: [one.cell(row) for row in readable] for one in self._suite}
        self._check({**_table(readable), **own}, self._row_rules, readable, reasons)
        kept = [row for row in block if row.line not in reasons]
        return kept, [self._refuse(row, reasons[row.line]) for row in block if row.line in reasons]

    def lay_aside(self, rows: list[Row]) -> list[dict[str, object]]:
        """Remember the digests and signatures of sound rows, and return what is kept of them on disk."""
        forms = [normal_form(row.text or "") for row in rows]
        groups = [group_of_form(form) for form in forms]
        wishes = [Split.JUDGE if self._is_test_file else row.wish for row in rows]
        self.signing.add(forms, groups, wishes)
        self.scripts.update(filter(None, map(script_of, forms)))
        self.n_cut += sum(fewest_tokens(form) > self._max_tokens for form in forms)
        return [self._lay_aside(*one) for one in zip(rows, groups, wishes, strict=True)]

    def _lay_aside(self, row: Row, group: str, wish: Split | None) -> dict[str, object]:
        text = row.text or ""
        key = sameness_of(text, group, self._problem.unit)
        digest, labels = self._interned.of(row.target, row.labels)
        judges = wish is Split.JUDGE
        self.survey.add(key, Entry(digest_of(row.raw), row.line, digest, labels, judges))
        return {
            "line": row.line,
            "text": text,
            "target": row.target,
            "labels": row.labels,
            "group": group,
            "time": row.time,
            "raw": row.raw,
            "attributes": row.attributes,
            "mends": row.mends,
            "inclusion": row.inclusion,
        }

    def _check(
        self,
        table: dict[str, list[object]],
        rules: tuple[RowRule, ...],
        rows: list[Row],
        reasons: dict[int, list[Reason]],
    ) -> None:
        by_line = {row.line: row for row in rows}
        found = self._validator.check(table, [rule.rule for rule in rules])
        for rule, result in zip(rules, found, strict=True):
            for line in result.lines if rule.rule.severity == "critical" else ():
                reasons.setdefault(line, []).append(Reason(rule.rule.code, rule.words(by_line[line])))
        self.results = list(merge((*self.results, *found)))

    def _refuse(self, row: Row, reasons: list[Reason]) -> RefusedRow:
        return RefusedRow(row.line, row.raw, row.text, row.given, tuple(reasons), f"{self._name}:{row.line}")


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


def _blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    block: list[Row] = []
    n_chars = 0
    for row in rows:
        block.append(row)
        n_chars += len(row.raw)
        if len(block) == BLOCK_ROWS or n_chars > BLOCK_CHARS:
            yield block
            block, n_chars = [], 0
    if block:
        yield block


def _table(rows: list[Row]) -> dict[str, list[object]]:
    return {
        "line": [row.line for row in rows],
        "text_type": [row.text_type for row in rows],
        "text": [None if row.text is None else as_utf8(row.text) for row in rows],
        "visible": [None if row.text is None else visible_part(row.text) for row in rows],
        "target_fault": [row.target_fault for row in rows],
        "time_fault": [row.time_fault for row in rows],
        "placing_fault": [row.placing_fault for row in rows],
        "seconds": [None if row.time is None else row.time.timestamp() for row in rows],
    }


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
