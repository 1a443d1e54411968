"""The second pass: sound rows beside one another and beside earlier batches, and each into the file it belongs in.

Done again from the staged rows where another writer committed in between and that changed what holds.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsl.data.checking.kin import KEPT_OUT, MEANT_TO_JUDGE, N_PLACES
from fsl.data.checking.labels import LabelDecision
from fsl.data.checking.relations import Relations
from fsl.data.checking.rules import BRIDGE, RELATION_RULES
from fsl.data.checking.staging import Staged, refuse
from fsl.data.checking.validation import RuleResult, Validator, merge
from fsl.data.quarantine import N_EXAMPLES, Reason, ReasonGroup, RefusedRow, save_refused
from fsl.data.splits import splits_in
from fsl.data.tables import POOL, ROWS, LocalFile, TableWriter, read_blocks, sha256_of
from fsl.samples import Split


@dataclass(frozen=True)
class Verdicts:
    """All that earlier batches and other rows decide about a file. Equal verdicts give equal files."""

    relations: Relations
    labels: LabelDecision
    splits: bytes  # flags for each sound row: of its split, or of those that it lies between


@dataclass(slots=True)
class Accepted:
    """What came in of one file of a batch."""

    n_rows: int = 0
    n_pool: int = 0
    labels: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sifted:
    """A batch after its second pass: three files ready to be stored, and what is in them."""

    rows: LocalFile
    pool: LocalFile
    quarantine: LocalFile
    n_duplicates: int
    labels: Mapping[str, int]
    splits: Mapping[str, int]
    n_audit: int
    accepted: Mapping[int, "Accepted"]  # by file, where there are many
    results: tuple[RuleResult, ...]
    barred: ReasonGroup | None  # rows that are kept and used for nothing


def sift(staged: Staged, verdicts: Verdicts, validator: Validator, folder: Path) -> Sifted:
    """Put every staged row into rows, pool or quarantine."""
    sieve = _Sieve(verdicts, validator, staged)
    refused = folder / "quarantine.jsonl"
    shutil.copyfile(staged.refused, refused)
    n_quarantine = staged.n_refused
    with (
        TableWriter(folder / "rows.parquet", ROWS) as rows,
        TableWriter(folder / "pool.parquet", POOL) as pool,
        refused.open("ab") as quarantine,
    ):
        for block in read_blocks(staged.sound):
            sieve.place(block)
            reasons = sieve.reasons_against(block)
            kept = [row for row in block if row["line"] not in reasons]
            rows.write([sieve.accept(row) for row in kept if row["target"] is not None])
            pool.write([sieve.accept_unlabelled(row) for row in kept if row["target"] is None])
            sieve.note_barred(kept)
            n_quarantine += save_refused(quarantine, sieve.refuse(block, reasons))
    return Sifted(
        rows=rows.finish(),
        pool=pool.finish(),
        quarantine=LocalFile(refused, sha256_of(refused), n_quarantine),
        n_duplicates=sieve.n_duplicates,
        labels=dict(sorted(sieve.labels.items())),
        splits=dict(sorted(sieve.splits.items())),
        n_audit=sieve.n_audit,
        accepted=sieve.accepted,
        results=merge(sieve.results),
        barred=ReasonGroup(BRIDGE.code, sieve.n_barred, tuple(sieve.barred)) if sieve.n_barred else None,
    )


class _Sieve:
    """What the second pass asks, and gathers on its way."""

    def __init__(self, verdicts: Verdicts, validator: Validator, staged: Staged) -> None:
        self._relations, self._labels, self._splits = verdicts.relations, verdicts.labels, verdicts.splits
        self._validator, self._signed, self._places = validator, staged.signed, staged.places
        self.accepted: dict[int, Accepted] = {}
        self._n_placed = 0
        self.n_duplicates = 0
        self.n_barred = 0
        self.n_audit = 0
        self.barred: list[RefusedRow] = []
        self.labels: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.results: list[RuleResult] = []

    def place(self, block: list[dict[str, Any]]) -> None:
        """Give each row of the next block its split and its signature."""
        first, self._n_placed = self._n_placed, self._n_placed + len(block)
        signatures = self._signed.signatures[first : self._n_placed]
        for row, flags, signature in zip(block, self._splits[first : self._n_placed], signatures, strict=True):
            row["split"], row["between"] = PLACES[flags]
            row["signature"] = signature.tobytes()

    def reasons_against(self, block: list[dict[str, Any]]) -> dict[int, list[Reason]]:
        """Return what the rows of a block have against them, by line."""
        lines = [row["line"] for row in block]
        table: dict[str, list[object]] = {
            "line": list(lines),
            "label_fault": [self._labels.fault_of(row["labels"]) for row in block],
            "contradiction": [self._relations.contradictions.get(line) for line in lines],
            "leak": [self._relations.leaks.get(line) for line in lines],
            "duplicate_of": [self._relations.duplicates.get(line) for line in lines],
            "between": [row["between"] for row in block],
        }
        found = self._validator.check(table, RELATION_RULES)
        self.results = list(merge((*self.results, *found)))
        place = {line: index for index, line in enumerate(lines)}
        reasons: dict[int, list[Reason]] = {}
        for result in found:
            for line in result.lines if result.rule is not BRIDGE else ():
                words = str(table[result.rule.column][place[line]])
                reasons.setdefault(line, []).append(Reason(result.rule.code, words))
        return reasons

    def accept(self, row: dict[str, Any]) -> dict[str, object]:
        """Return a labelled row as it is stored, with its split for life."""
        self.splits[row["split"]] += 1
        self.n_audit += row["inclusion"] is not None
        self.labels.update(row["labels"])
        if not self._places.is_one:
            own = self._of_its_file(row)
            own.n_rows += 1
            own.labels.update(row["labels"])
        return self.locate(row, ROWS)

    def accept_unlabelled(self, row: dict[str, Any]) -> dict[str, object]:
        """Return a row of the pool as it is stored."""
        if not self._places.is_one:
            self._of_its_file(row).n_pool += 1
        return self.locate(row, POOL)

    def _of_its_file(self, row: dict[str, Any]) -> Accepted:
        return self.accepted.setdefault(self._places.of(row["line"]).file, Accepted())

    def locate(self, row: dict[str, Any], columns: Mapping[str, str]) -> dict[str, object]:
        """Return the columns that are stored of a row, with its name and where it came from."""
        number = row["line"]
        where = {"row_id": self._places.row_id_of(number), "source": self._places.source_of(number)}
        return {**{name: row.get(name) for name in columns}, **where}

    def refuse(self, block: list[dict[str, Any]], reasons: Mapping[int, list[Reason]]) -> list[RefusedRow]:
        """Return the rows with reasons against them, as quarantine keeps them."""
        refused = [self._with_reasons(row, reasons[row["line"]]) for row in block if row["line"] in reasons]
        self.n_duplicates += sum(row.is_duplicate for row in refused)
        return refused

    def note_barred(self, kept: list[dict[str, Any]]) -> None:
        """Count the rows that lie between two splits, and remember the first of them."""
        for row in kept:
            if row["between"] is not None:
                self.n_barred += 1
                if len(self.barred) < N_EXAMPLES:
                    self.barred.append(self._with_reasons(row, [Reason(BRIDGE.code, row["between"])]))

    def _with_reasons(self, row: dict[str, Any], reasons: list[Reason]) -> RefusedRow:
        target = None if row["target"] is None else json.loads(row["target"])
        return refuse(self._places, row["line"], row["raw"], row["text"], target, reasons)


def _place(flags: int) -> tuple[str, str | None]:
    """Return the split for these flags, with the reason where it is none of them."""
    between = splits_in(flags)
    names = " and ".join(between)
    if flags & KEPT_OUT:
        return Split.BARRED.value, "it is close to a row that judges, and only declared rows may, so it is not used"
    if flags & MEANT_TO_JUDGE:
        words = f"it may only judge, and it is close to earlier rows of {names}, or to a row that is, so it is not used"
        return Split.BARRED.value, words
    if len(between) == 1:
        return between[0].value, None
    return Split.BARRED.value, f"it is close to earlier rows of {names}, or to a row that is, so it is used for neither"


PLACES = tuple(map(_place, range(N_PLACES)))
