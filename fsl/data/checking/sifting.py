"""The second pass: sound rows beside one another and beside earlier batches, and each into the file it belongs in.

Done again from the staged rows where another writer committed in between and that changed what holds.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsl.config import SplitConfig
from fsl.data.batches import Source
from fsl.data.checking.labels import LabelDecision
from fsl.data.checking.relations import Relations
from fsl.data.checking.rows import row_id_of
from fsl.data.checking.rules import RELATION_RULES
from fsl.data.checking.staging import Staged
from fsl.data.checking.validation import RuleResult, Validator, merge
from fsl.data.quarantine import Reason, RefusedRow, save_refused
from fsl.data.splits import split_beside, split_of
from fsl.data.tables import POOL, ROWS, LocalFile, TableWriter, read_blocks, sha256_of


@dataclass(frozen=True)
class Verdicts:
    """All that earlier batches and other rows decide about a file. Equal verdicts give equal files."""

    relations: Relations
    labels: LabelDecision


@dataclass(frozen=True)
class Sifted:
    """A file after its second pass: three files ready to be stored, and what is in them."""

    rows: LocalFile
    pool: LocalFile
    quarantine: LocalFile
    n_duplicates: int
    labels: Mapping[str, int]
    splits: Mapping[str, int]
    results: tuple[RuleResult, ...]


@dataclass(frozen=True)
class SplitRule:
    """How rows get their split."""

    key: bytes
    shares: SplitConfig


def sift(
    staged: Staged, verdicts: Verdicts, source: Source, split_rule: SplitRule, validator: Validator, folder: Path
) -> Sifted:
    """Put every staged row into rows, pool or quarantine."""
    sieve = _Sieve(verdicts, source, split_rule, validator)
    refused = folder / "quarantine.jsonl"
    shutil.copyfile(staged.refused, refused)
    n_quarantine = staged.n_refused
    with (
        TableWriter(folder / "rows.parquet", ROWS) as rows,
        TableWriter(folder / "pool.parquet", POOL) as pool,
        refused.open("ab") as quarantine,
    ):
        for block in read_blocks(staged.sound):
            reasons = sieve.reasons_against(block)
            kept = [row for row in block if row["line"] not in reasons]
            rows.write([sieve.accept(row) for row in kept if row["target"] is not None])
            pool.write([sieve.locate(row, POOL) for row in kept if row["target"] is None])
            n_quarantine += save_refused(quarantine, sieve.refuse(block, reasons))
    return Sifted(
        rows=rows.finish(),
        pool=pool.finish(),
        quarantine=LocalFile(refused, sha256_of(refused), n_quarantine),
        n_duplicates=sieve.n_duplicates,
        labels=dict(sorted(sieve.labels.items())),
        splits=dict(sorted(sieve.splits.items())),
        results=merge(sieve.results),
    )


class _Sieve:
    """What the second pass asks, and gathers on its way."""

    def __init__(self, verdicts: Verdicts, source: Source, split_rule: SplitRule, validator: Validator) -> None:
        self._relations, self._labels = verdicts.relations, verdicts.labels
        self._source, self._split_rule, self._validator = source, split_rule, validator
        self.n_duplicates = 0
        self.labels: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.results: list[RuleResult] = []

    def reasons_against(self, block: list[dict[str, Any]]) -> dict[int, list[Reason]]:
        """Return what the rows of a block have against them, by line."""
        lines = [row["line"] for row in block]
        table: dict[str, list[object]] = {
            "line": list(lines),
            "label_fault": [self._labels.fault_of(row["labels"]) for row in block],
            "contradiction": [self._relations.contradictions.get(line) for line in lines],
            "duplicate_of": [self._relations.duplicates.get(line) for line in lines],
        }
        found = self._validator.check(table, RELATION_RULES)
        self.results = list(merge((*self.results, *found)))
        place = {line: index for index, line in enumerate(lines)}
        reasons: dict[int, list[Reason]] = {}
        for result in found:
            for line in result.lines:
                words = str(table[result.rule.column][place[line]])
                reasons.setdefault(line, []).append(Reason(result.rule.code, words))
        return reasons

    def accept(self, row: dict[str, Any]) -> dict[str, object]:
        """Return a labelled row as it is stored, with its split for life."""
        split = split_beside(split_of(row["group"], self._split_rule.key, self._split_rule.shares), kin=())
        self.splits[split.value] += 1
        self.labels.update(row["labels"])
        return {**self.locate(row, ROWS), "split": split.value}

    def locate(self, row: dict[str, Any], columns: Mapping[str, str]) -> dict[str, object]:
        """Return the columns that are stored of a row, with its name and where it came from."""
        line = row["line"]
        where = {"row_id": row_id_of(self._source.sha256, line), "source": f"{self._source.name}:{line}"}
        return {**{name: row.get(name) for name in columns}, **where}

    def refuse(self, block: list[dict[str, Any]], reasons: Mapping[int, list[Reason]]) -> list[RefusedRow]:
        """Return the rows with reasons against them, as quarantine keeps them."""
        refused = [
            RefusedRow(
                line=row["line"],
                raw=row["raw"],
                text=row["text"],
                target=None if row["target"] is None else json.loads(row["target"]),
                reasons=tuple(reasons[row["line"]]),
                source=f"{self._source.name}:{row['line']}",
            )
            for row in block
            if row["line"] in reasons
        ]
        self.n_duplicates += sum(row.is_duplicate for row in refused)
        return refused
