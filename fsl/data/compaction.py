"""The small files of the prediction log made one for each hour that is over, so that reading it stays quick.

One file of the log is written for each call that serves, so a busy hour has thousands. Their rows go, each once, into
one new file of the same hour; then a tombstone of retention names the small ones, and `fsl.data.retention` removes them
as it removes what is old: once no young snapshot names them, and only where the new file lies there.

It may be killed anywhere. A new file that no tombstone names is removed by the next run, since the small ones are all
still there. Whoever forgets rows meanwhile takes the tombstone's number first or searches again, so that no row comes
back. Readers of the log take each id once, so they may see both.
"""

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fsl.data.forgetting.findings import digest_of
from fsl.data.forgetting.tables import write_table
from fsl.data.tombstones import Replacement, Tombstones, read_tombstones, retirement, save_tombstone
from fsl.project import Project
from fsl.runs.retrain_log import HOUSEKEEPING
from fsl.scheduling.claims import Busy, claim, worker_name
from fsl.store import layout
from fsl.store.objects import ObjectInfo, ObjectStore

log = logging.getLogger(__name__)

PREDICTED = "predictions"
MERGED = "merged-"  # how the name of a new file begins
LATE = timedelta(hours=6)  # rows of an hour may come so long after it
MIN_FILES = 8  # of an hour; fewer are no trouble
MAX_HOUR_BYTES = 64_000_000
MAX_HOURS = 200  # of one run: a month takes four


@dataclass(frozen=True, slots=True)
class Compacted:
    """What one run did."""

    n_hours: int
    n_files: int  # small ones, which now go
    said: str


def compact_predictions(project: Project, *, now: datetime, holder: str | None = None) -> Compacted:
    """Make one file of the log's small ones, hour by hour. One worker does it at a time."""
    expiry = timedelta(seconds=project.config.claims.expiry_seconds)
    with claim(project.store, "compaction", PREDICTED, expiry=expiry, holder=holder or worker_name()) as got:
        if isinstance(got, Busy):
            return Compacted(0, 0, f"nothing was merged: {got}")
        got.outcome = HOUSEKEEPING
        tombstones = read_tombstones(project.store)
        listed = [info for info in project.store.list(layout.PREDICTIONS) if info.key.endswith(".parquet")]
        left = _remove_unnamed(project.store, listed, tombstones)
        hours = _hours(left, tombstones, now)[:MAX_HOURS]
        replaced = [one for hour in hours for one in _merge(project.store, hour)]
        got.ensure()
        if not replaced:
            return Compacted(0, 0, "no hour of the prediction log has many files")
        if not save_tombstone(project.store, retirement(tombstones.n + 1, "compaction", replaced, now)):
            _remove_unnamed(project.store, project.store.list(layout.PREDICTIONS), read_tombstones(project.store))
            return Compacted(0, 0, "nothing was merged: somebody removed rows meanwhile; the next run does it")
        n_hours = len({one.becomes for one in replaced})
        log.info("%d files of the prediction log became %d", len(replaced), n_hours)
        return Compacted(n_hours, len(replaced), f"{len(replaced)} files of the prediction log became {n_hours}")


def _remove_unnamed(store: ObjectStore, listed: Iterable[ObjectInfo], tombstones: Tombstones) -> list[ObjectInfo]:
    """Remove new files that a killed run left; return the others."""
    named = {one.becomes for tombstone in tombstones.every for one in tombstone.replaced} | {*tombstones.replaced}
    kept = []
    for info in listed:
        if info.key.rpartition("/")[2].startswith(MERGED) and info.key not in named:
            store.delete(info.key)
            store.delete_versions(info.key)
        else:
            kept.append(info)
    return kept


def _hours(listed: Iterable[ObjectInfo], tombstones: Tombstones, now: datetime) -> list[list[ObjectInfo]]:
    """Return the files of each hour that is over and has many, the oldest hour first."""
    last = layout.predictions(now.astimezone(UTC) - LATE - timedelta(hours=1), "").rpartition("/")[0]
    hours: dict[str, list[ObjectInfo]] = {}
    for info in listed:
        folder = info.key.rpartition("/")[0]
        if folder <= last and info.key not in tombstones.replaced:
            hours.setdefault(folder, []).append(info)
    many = (files for _, files in sorted(hours.items()) if len(files) >= MIN_FILES)
    return [files for files in many if sum(info.size for info in files) <= MAX_HOUR_BYTES]


def _merge(store: ObjectStore, files: Iterable[ObjectInfo]) -> list[Replacement]:
    """Write the new file of an hour; return what it stands for. Files of another form stay as they are."""
    import pyarrow as pa

    read = {info.key: table for info in files if (table := _read(store, info.key)) is not None}
    forms = [table.schema for table in read.values()]
    main = max(forms, key=forms.count, default=None)
    tables = {key: table for key, table in read.items() if table.schema.equals(main)}
    if len(tables) < MIN_FILES:
        return []
    table = pa.concat_tables(tables.values()).sort_by([("time", "ascending"), ("id", "ascending")])
    ids = table["id"].to_pylist()
    first = {row_id: row for row, row_id in reversed([*enumerate(ids)])}  # of rows that were logged twice
    content = write_table(table.take(sorted(first.values())))
    folder = next(iter(tables)).rpartition("/")[0]
    becomes = f"{folder}/{MERGED}{digest_of(content)[:16]}.parquet"
    store.put(becomes, content)
    return [Replacement(PREDICTED, key, "", 0, becomes, is_ready=True) for key in tables if key != becomes]


def _read(store: ObjectStore, key: str) -> Any:
    """Return a file's table, or None where it is none of the log's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(io.BytesIO(store.find(key) or b"")).read()
    except (pa.ArrowException, OSError, ValueError):
        return None
    has_ids = {"id", "time", "text"} <= set(table.column_names) and table["id"].null_count == 0
    return table if has_ids else None
