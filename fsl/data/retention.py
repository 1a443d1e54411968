"""What is kept for how long: unlabelled texts, served texts and dropped files. Labelled rows are never touched.

It goes in two steps. First old files are *retired*: a tombstone says so, and from then on no new snapshot names them.
They are *removed* once no snapshot names them that is younger than the grace period, so a retrain that is at work, or
is picked up again tomorrow, finds what it began with. Both steps may be killed anywhere and run again.
"""

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fsl.data.batches import BatchRecord
from fsl.data.forgetting.findings import digest_of
from fsl.data.forgetting.tables import write_table
from fsl.data.history import read_history
from fsl.data.intake import pending_objects
from fsl.data.pinned import SnapshotRef, load_snapshot
from fsl.data.served import find_reference
from fsl.data.tombstones import Replacement, Rest, Tombstones, is_finished, read_tombstones, retirement, save_tombstone
from fsl.project import Project
from fsl.store import layout
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

PREDICTED = "predictions"
POOLED = "pool"
DROPPED = "dropped files"


@dataclass(frozen=True, slots=True)
class Aged:
    """A file that is kept no longer."""

    place: str
    key: str
    n_bytes: int
    when: datetime


@dataclass(frozen=True)
class Retained:
    """What one run did, or would do."""

    retired: tuple[Aged, ...]  # no new snapshot names them
    removed: tuple[str, ...]  # keys
    waiting: tuple[str, ...]  # retired, and still named by a young snapshot
    kept: tuple[str, ...]  # too old, and still needed: the champion's reference window


def apply_retention(project: Project, now: datetime, *, dry_run: bool = False) -> Retained:
    """Retire what is too old or too much, and remove what was retired and nobody uses. Judge rows are never in it."""
    aged, kept = _find_aged(project, now)
    dropped = tuple(one for one in aged if one.place == DROPPED)
    retired = tuple(one for one in aged if one.place != DROPPED)
    if not dry_run and retired:
        _retire(project.store, retired, now)
    tombstones = read_tombstones(project.store)
    left = {
        one.key: tombstone
        for tombstone in tombstones.every
        if tombstone.why == "retention" and not is_finished(project.store, tombstone.seq)
        for one in tombstone.replaced
    }
    used = _named_by_young_snapshots(project, now) | _still_alone(project.store, tombstones, left)
    removed = tuple(sorted({*left} - used)) + tuple(one.key for one in dropped)
    if not dry_run:
        for key in removed:
            project.store.delete(key)
            project.store.delete_versions(key)
        for tombstone in {one.seq: one for one in left.values()}.values():
            if not used & {one.key for one in tombstone.replaced}:
                project.store.create(layout.tombstone_done(tombstone.seq), b"{}\n")
        log.info("retention: %d files retired, %d removed, %d wait", len(retired), len(removed), len({*left} & used))
    return Retained(retired, removed, tuple(sorted({*left} & used)), kept)


def _find_aged(project: Project, now: datetime) -> tuple[tuple[Aged, ...], tuple[str, ...]]:
    rules = project.config.data.retention
    gone = read_tombstones(project.store).replaced
    history = read_history(project.store)
    pool = _too_many(_pool_files(project.store, history), rules.pool_days, rules.pool_mb, now)
    served = [one for one in _served_files(project.store) if one.key not in gone]
    old = _too_many(served, rules.predictions_days, rules.predictions_mb, now)
    needed = find_reference(project, [one.key for one in served]) if old else frozenset[str]()
    predictions = tuple(one for one in old if one.key not in needed)
    kept = tuple(one.key for one in old if one.key in needed)
    return (*pool, *predictions, *_dropped_files(project.store, rules.inbox_days, now)), kept


def _too_many(files: Iterable[Aged], days: int | None, mb: int | None, now: datetime) -> tuple[Aged, ...]:
    """Return the files over age, and the oldest of the rest while they weigh too much together."""
    ordered = sorted(files, key=lambda one: (one.when, one.key), reverse=True)
    kept_bytes, aged = 0, []
    for one in ordered:
        is_old = days is not None and one.when < now - timedelta(days=days)
        kept_bytes += 0 if is_old else one.n_bytes
        if is_old or (mb is not None and kept_bytes > mb * 1_000_000):
            aged.append(one)
    return tuple(reversed(aged))


def _pool_files(store: ObjectStore, history: Iterable[BatchRecord]) -> list[Aged]:
    sizes = {info.key: info.size for info in store.list(layout.POOL)}
    pools = {record.pool.key: record for record in history if record.pool.n and record.pool.key in sizes}
    return [Aged(POOLED, key, sizes[key], record.when) for key, record in pools.items()]


def _served_files(store: ObjectStore) -> list[Aged]:
    found = ((info, _hour_of(info.key)) for info in store.list(layout.PREDICTIONS))
    return [Aged(PREDICTED, info.key, info.size, hour) for info, hour in found if hour is not None]


def _dropped_files(store: ObjectStore, days: int | None, now: datetime) -> list[Aged]:
    if days is None:
        return []
    pending = set(pending_objects(store))
    return [
        Aged(DROPPED, info.key, info.size, info.modified)
        for info in store.list(layout.INBOX)
        if info.key not in pending and not info.key.endswith("/") and info.modified <= now - timedelta(days=days)
    ]


def _hour_of(key: str) -> datetime | None:
    """Return the hour of a file of the log, by its name."""
    try:
        part = key.removeprefix(layout.PREDICTIONS).rpartition("/")[0]
        return datetime.strptime(part, "dt=%Y-%m-%d/hour=%H").replace(tzinfo=UTC)
    except ValueError:
        return None


def _named_by_young_snapshots(project: Project, now: datetime) -> frozenset[str]:
    grace = timedelta(days=project.config.data.retention.grace_days)
    named: set[str] = set()
    for info in project.store.list(layout.SNAPSHOTS):
        if info.modified >= now - grace:
            snapshot = load_snapshot(project.store, SnapshotRef(info.key.rpartition("/")[2].removesuffix(".json")))
            named |= {batch.pool.key for batch in snapshot.batches} | {file.key for file in snapshot.predictions}
    return frozenset(named)


def _still_alone(store: ObjectStore, tombstones: Tombstones, keys: Iterable[str]) -> frozenset[str]:
    """Return the files whose rows should lie in another one by now, and do not: they are not removed."""
    becomes = {key: tombstones.replaced[key][1].becomes for key in keys}
    missing = {
        one for one in {*becomes.values()} - {None} if one and one not in tombstones.replaced and not store.head(one)
    }
    return frozenset(key for key, one in becomes.items() if one in missing)


def _retire(store: ObjectStore, aged: Iterable[Aged], now: datetime) -> None:
    replaced = tuple(_replacement(store, one) for one in aged)
    while True:
        tombstone = retirement(read_tombstones(store).n + 1, "retention", replaced, now)
        # Somebody who wrote one meanwhile took nothing back: what is too old is still too old.
        if save_tombstone(store, tombstone):
            return


def _replacement(store: ObjectStore, one: Aged) -> Replacement:
    import pyarrow.parquet as pq

    if one.place != POOLED:
        return Replacement(one.place, one.key, "", 0, None)
    table = pq.read_table(io.BytesIO(store.get(one.key)))
    empty = write_table(table.slice(0, 0))
    key = layout.pool(digest_of(empty))
    store.put(key, empty)
    rest = Rest(digest_of(empty), 0)
    return Replacement(POOLED, one.key, "", table.num_rows, key, is_ready=True, rest=rest)
