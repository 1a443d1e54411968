"""The first pass over a batch: read it, hold each row to the rules that concern it alone, lay the sound ones aside.

Nothing here depends on what was accepted before, so it is done once, even where the commit has to be tried again.
Sound rows lie on the local disk as Parquet, refused ones as JSON Lines; only digests stay in memory.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from fsl.config import RunConfig
from fsl.data.checking.balance import fewest_tokens, script_of
from fsl.data.checking.kin import Signed, Signing
from fsl.data.checking.opening import Fetched, OpenedFile, Opening
from fsl.data.checking.places import Places
from fsl.data.checking.relations import Entry, Interned, Survey, digest_of, sameness_of
from fsl.data.checking.rows import Row
from fsl.data.checking.rules import RowRule, line_rules, row_rules
from fsl.data.checking.suite import SuiteRule
from fsl.data.checking.validation import RuleResult, Validator, merge
from fsl.data.normalise import as_utf8, group_of_form, normal_form, visible_part
from fsl.data.quarantine import Reason, RefusedRow, save_refused
from fsl.data.tables import STAGED, TableWriter
from fsl.errors import FslError
from fsl.problems.base import Problem
from fsl.samples import Split

BLOCK_ROWS = 20_000
BLOCK_CHARS = 16_000_000


@dataclass(frozen=True)
class Staged:
    """A batch after its first pass."""

    files: tuple[OpenedFile, ...]  # those that could be read, in the order of `places`
    places: Places
    columns: tuple[str, ...]  # seen in the files, whether they are read or not
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
    sha256: str = "",
) -> Staged:
    """Read a whole file and hold each row to the rules. Raises what `open_rows` does, and MissingColumn.

    Args:
        prepare: what is done to each row before anything of it is stored.
        sha256: of the file's bytes, by which its rows are named.
    """
    opening = Opening(config, problem, suite)
    stage = _Stage(opening, validator, now, suite)
    return stage.run(opening.rows_of_one(Fetched(path, name, sha256)), folder, prepare)


def stage_together(
    files: Sequence[Fetched],
    config: RunConfig,
    problem: Problem,
    validator: Validator,
    folder: Path,
    now: datetime,
    suite: tuple[SuiteRule, ...] = (),
    prepare: Callable[[Row], Row] = lambda row: row,
) -> tuple[Staged, Mapping[str, FslError]]:
    """Read small files as if they were one. One that cannot be read leaves nothing among the others.

    Returns:
        The batch, and what is wrong with files that are not in it, by their digests.
    """
    opening = Opening(config, problem, suite)
    stage = _Stage(opening, validator, now, suite)
    return stage.run(opening.rows_of_many(files), folder, prepare), opening.faults


class _Stage:
    """What the first pass gathers on its way."""

    def __init__(self, opening: Opening, validator: Validator, now: datetime, suite: tuple[SuiteRule, ...]) -> None:
        self._opening, self._validator, self._suite = opening, validator, suite
        config = opening.config
        self._line_rules = line_rules()
        self._row_rules = (*row_rules(config.data, now), *(own.rule for own in suite))
        self._max_tokens = config.learning.encoder.most_tokens
        self._scripts: Counter[str] = Counter()
        self._n_cut = 0
        self._survey, self._signing, self._interned = Survey(), Signing(), Interned()
        self._results: list[RuleResult] = []

    def run(self, rows: Iterator[Row], folder: Path, prepare: Callable[[Row], Row]) -> Staged:
        """Take all rows through the rules, block by block."""
        sound, refused, n_refused = folder / "sound.parquet", folder / "refused.jsonl", 0
        with TableWriter(sound, STAGED) as writer, refused.open("wb") as refusals:
            for block in _blocks(map(prepare, rows)):
                kept, bad = self.divide(block)
                writer.write(self.lay_aside(kept))
                n_refused += save_refused(refusals, bad)
        return Staged(
            files=tuple(self._opening.files),
            places=self._opening.places,
            columns=tuple(sorted(self._opening.columns_seen)),
            n_read=sum(file.n_read for file in self._opening.files),
            n_refused=n_refused,
            sound=sound,
            refused=refused,
            survey=self._survey,
            signed=self._signing.finish(),
            scripts=dict(sorted(self._scripts.items())),
            n_cut=self._n_cut,
            results=merge(self._results),
        )

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
        wishes = [Split.JUDGE if self._opening.is_test_row(row.line) else row.wish for row in rows]
        self._signing.add(forms, groups, wishes)
        self._scripts.update(filter(None, map(script_of, forms)))
        self._n_cut += sum(fewest_tokens(form) > self._max_tokens for form in forms)
        return [self._lay_aside(*one) for one in zip(rows, groups, wishes, strict=True)]

    def _lay_aside(self, row: Row, group: str, wish: Split | None) -> dict[str, object]:
        text = row.text or ""
        key = sameness_of(text, group, self._opening.problem.unit)
        digest, labels = self._interned.of(row.target, row.labels)
        judges = wish is Split.JUDGE
        self._survey.add(key, Entry(digest_of(row.raw), row.line, digest, labels, judges))
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
        self._results = list(merge((*self._results, *found)))

    def _refuse(self, row: Row, reasons: list[Reason]) -> RefusedRow:
        return refuse(self._opening.places, row.line, row.raw, row.text, row.given, reasons)


def refuse(
    places: Places, number: int, raw: str, text: str | None, target: JsonValue, reasons: Iterable[Reason]
) -> RefusedRow:
    """Return a row as quarantine keeps it, with the file and the line it came from."""
    # Of a file that came in alone the row's id follows from its batch.
    row_id = "" if places.is_one else places.row_id_of(number)
    line = places.of(number).line
    return RefusedRow(line, raw, text, target, tuple(reasons), places.source_of(number), row_id)


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
