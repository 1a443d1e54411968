"""Audit rows: served texts that were drawn by chance alone, with the probability of that, and labelled afterwards.

They are the only rows that say how a model does on traffic: each counts by the inverse of its probability. They judge
and are never trained on. How a row becomes one is `fsl.data.checking.placing`'s; what follows from them is the gate's
(`fsl.evaluation.comparison.recent`) and drift's.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from fsl.data.batches import StoredTable
from fsl.data.history import read_history
from fsl.data.snapshots import SnapshotRef, load_snapshot
from fsl.data.tables import load_blocks
from fsl.samples import Split
from fsl.store.objects import ObjectStore

COLUMNS = ("row_id", "text", "target", "split", "group", "time", "inclusion")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One served text with what is true of it."""

    row_id: str
    text: str
    target: JsonValue  # canonical form of the problem
    time: datetime  # when it was served; where its file does not say, when it came in
    inclusion: float  # the probability, above 0 and up to 1, with which it was drawn
    split: Split  # judge; or barred, where it lay too close to rows that were trained on
    group: str


def read_audit_rows(
    store: ObjectStore, *, since: datetime | None = None, until: datetime | None = None
) -> list[AuditRow]:
    """Return the audit rows that were served from `since` on and before `until`, the oldest first.

    Barred rows are among them: they were drawn like the others, so what is said of traffic must count them. What
    compares models leaves them out, since one of the two may have learnt from their like.

    Not among them are drawn texts that a labelled row held already: those merge with that row, or are refused.
    """
    tables = ((record.rows, record.when) for record in read_history(store) if record.n_audit)
    found = (row for stored, when in tables for row in _read(store, stored, when))
    chosen = (row for row in found if (since is None or row.time >= since) and (until is None or row.time < until))
    return sorted(chosen, key=_age)


def find_recent_audit(store: ObjectStore, ref: SnapshotRef, *, days: int) -> dict[str, float]:
    """Return the probabilities, by row id, of the audit rows of a snapshot by which models may be compared lately.

    Args:
        days: counted back from the newest batch of the snapshot, so that the same snapshot gives the same rows.
    """
    batches = load_snapshot(store, ref).batches
    start = max(batch.when for batch in batches) - timedelta(days=days)
    tables = ((batch.rows, batch.when) for batch in batches)
    return {row.row_id: row.inclusion for row in _judging(store, tables) if row.time >= start}


def _judging(store: ObjectStore, tables: Iterable[tuple[StoredTable, datetime]]) -> Iterator[AuditRow]:
    return (row for stored, when in tables for row in _read(store, stored, when) if row.split is Split.JUDGE)


def _read(store: ObjectStore, stored: StoredTable, when: datetime) -> Iterator[AuditRow]:
    for block in load_blocks(store, stored.key, stored.sha256, COLUMNS):
        if "inclusion" not in block.column_names:
            return  # written before there were audit rows
        for row in block.filter(block["inclusion"].is_valid()).to_pylist():
            yield AuditRow(
                row["row_id"],
                row["text"],
                json.loads(row["target"]),
                row["time"] or when,
                row["inclusion"],
                Split(row["split"]),
                row["group"],
            )


def _age(row: AuditRow) -> tuple[datetime, str]:
    return row.time, row.row_id
