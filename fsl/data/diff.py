"""What changed between two snapshots: batches, and rows of each label by split. Only counts, never a text."""

from collections.abc import Iterable
from dataclasses import dataclass

from fsl.data.snapshots import LabelCounts, SnapshotRef, load_labels, load_snapshot
from fsl.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One label before and now. `before` is None where it is new, `now` where it is gone."""

    label: str
    before: LabelCounts | None
    now: LabelCounts | None

    @property
    def is_new(self) -> bool:
        return self.before is None

    @property
    def is_gone(self) -> bool:
        return self.now is None

    def added(self, split: str) -> int:
        """Return how many rows of a split, or `n` of them all, came in; below 0 where some went."""
        return _count(self.now, split) - _count(self.before, split)

    @property
    def is_changed(self) -> bool:
        return any(self.added(split) for split in ("train", "tune", "judge", "barred"))


@dataclass(frozen=True)
class SnapshotDiff:
    """Two snapshots side by side."""

    before: SnapshotRef | None  # None: there was nothing
    now: SnapshotRef
    batches: tuple[int, ...]  # numbers of those that came in between
    labels: tuple[LabelChange, ...]  # every label of either, sorted
    n_pool_files: int  # files of unlabelled texts and of served ones that the earlier one does not name

    @property
    def new_labels(self) -> tuple[str, ...]:
        return tuple(change.label for change in self.labels if change.is_new)

    @property
    def gone_labels(self) -> tuple[str, ...]:
        return tuple(change.label for change in self.labels if change.is_gone)


def compare_snapshots(store: ObjectStore, before: SnapshotRef | None, now: SnapshotRef) -> SnapshotDiff:
    """Return what came in, and what went, since the earlier snapshot; all of it where there was none."""
    earlier = {count.label: count for count in (load_labels(store, before) if before else ())}
    later = {count.label: count for count in load_labels(store, now)}
    old_seqs, old_pool = _parts(store, before) if before else (frozenset[int](), frozenset[str]())
    seqs, pool = _parts(store, now)
    changes = (LabelChange(label, earlier.get(label), later.get(label)) for label in sorted({*earlier, *later}))
    return SnapshotDiff(before, now, tuple(sorted(seqs - old_seqs)), tuple(changes), len(pool - old_pool))


def find_unjudged(counts: Iterable[LabelCounts], min_judge_rows: int) -> tuple[LabelCounts, ...]:
    """Return the labels that the gate cannot judge yet, for want of judge rows."""
    return tuple(count for count in counts if count.judge < min_judge_rows)


def _parts(store: ObjectStore, ref: SnapshotRef) -> tuple[frozenset[int], frozenset[str]]:
    snapshot = load_snapshot(store, ref)
    pool = {batch.pool.key for batch in snapshot.batches if batch.pool.n}
    served = {file.key for file in snapshot.predictions}
    return frozenset(batch.seq for batch in snapshot.batches), frozenset(pool | served)


def _count(counts: LabelCounts | None, split: str) -> int:
    return int(getattr(counts, split)) if counts else 0
