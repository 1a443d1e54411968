"""Which refused rows still wait to be mended: those that no later row stands for.

Quarantine files never change. A mended row clears an older one in either of two ways, whether it came in or was
refused again: it names the row (the column `_row` of an export), or it holds the same text in a later batch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fsl.data.batches import BatchRecord
from fsl.data.checking.rows import mended_by, values_of
from fsl.data.normalise import group_of
from fsl.data.quarantine import RefusedRow, load_refused
from fsl.data.tables import load_blocks
from fsl.store.objects import ObjectStore


@dataclass(frozen=True)
class OpenRows:
    """What lies in quarantine and was not cleared since."""

    rows: tuple[RefusedRow, ...]
    n_cleared: int


def load_open(store: ObjectStore, history: Iterable[BatchRecord]) -> OpenRows:
    """Return the refused rows that still wait, and how many were cleared."""
    refused = [(record.seq, row) for record in history for row in load_refused(store, [record])]
    named = {row for _, one in refused if (row := mended_by(values_of(one.raw) or {}))}
    groups = {id(row): group_of(row.text) for _, row in refused if row.text and not row.is_duplicate}
    latest = dict.fromkeys(groups.values(), 0)
    if refused:
        for record in history:
            for group, mends in _accepted(store, record):
                if group in latest:
                    latest[group] = record.seq
                if mends:
                    named.add(mends)
    waiting = [row for seq, row in refused if row.row_id not in named and latest.get(groups.get(id(row), ""), 0) <= seq]
    return OpenRows(tuple(waiting), len(refused) - len(waiting))


def _accepted(store: ObjectStore, record: BatchRecord) -> Iterator[tuple[str, str | None]]:
    """Yield the group of each accepted row, with the id of what it mends. Unlabelled texts mend by their id alone."""
    for stored, is_labelled in ((record.rows, True), (record.pool, False)):
        for block in load_blocks(store, stored.key, stored.sha256, ("group", "mends")) if stored.n else ():
            groups = block["group"].to_pylist()
            mends = block["mends"].to_pylist() if "mends" in block.column_names else [None] * len(groups)
            yield from ((group if is_labelled else "", mended) for group, mended in zip(groups, mends, strict=True))
