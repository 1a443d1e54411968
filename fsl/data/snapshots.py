"""What a run learns from, pinned: which batches, which prediction files, which split key, which bounds.

A snapshot is named by the digest of its own bytes, so equal inputs give the same one, and what was loaded from it
today is loaded from it in a year. How it is stored is `pinned`; which texts make its pool is `pool_texts`.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass

from fsl.config import RunConfig
from fsl.data.errors import NothingAccepted
from fsl.data.forgetting.forget import sweep
from fsl.data.history import read_history
from fsl.data.pinned import PinnedBatch, PinnedPredictions, Snapshot, SnapshotRef, load_snapshot, save_snapshot
from fsl.data.pool_texts import collect_pool
from fsl.data.splits import load_split_key
from fsl.data.tables import load_table
from fsl.data.tombstones import Tombstones, read_tombstones
from fsl.problems import find_problem
from fsl.samples import Sample, Split
from fsl.store import layout
from fsl.store.objects import ObjectStore

__all__ = ["LabelCounts", "SnapshotRef", "load_labels", "load_pool", "load_samples", "load_snapshot", "take_snapshot"]

# Each holds one row at least, and mostly hundreds: the newest of them fill any pool, and the list stays short.
MAX_PREDICTION_FILES = 2_000


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """How many accepted rows mention a label, by split."""

    label: str
    train: int
    tune: int
    judge: int
    barred: int

    @property
    def n(self) -> int:
        return self.train + self.tune + self.judge + self.barred


def take_snapshot(store: ObjectStore, config: RunConfig) -> SnapshotRef:
    """Pin everything accepted so far; with nothing new, it is the same snapshot as before. Raises NothingAccepted."""
    if not all(map(read_tombstones(store).is_searched, read_history(store))):
        sweep(store, config)  # a killed ingest left a batch that nobody searched for what was to be forgotten
    history = read_history(store)
    if not history:
        raise NothingAccepted(store.where())
    data, tombstones = config.data, read_tombstones(store)
    snapshot = Snapshot(
        project=config.project,
        problem=config.problem.kind,
        batches=tuple(PinnedBatch(record.seq, record.rows, record.pool, record.when) for record in history),
        predictions=_pin_predictions(store, tombstones) if data.pool_from_traffic else (),
        split_key_sha256=hashlib.sha256(load_split_key(store, config.project)).hexdigest(),
        shares=data.drawn_splits,
        max_pool_texts=data.max_pool_texts,
        max_text_chars=data.max_text_chars,
        near_duplicate_similarity=data.near_duplicate_similarity,
        # What retention took of a pool shows in its batch. Nothing else of it is a reason to learn anew.
        n_tombstones=max((one.seq for one in tombstones.every if one.why != "retention"), default=0),
    )
    return save_snapshot(store, snapshot)


def load_samples(store: ObjectStore, ref: SnapshotRef, splits: Collection[Split]) -> list[Sample]:
    """Return the accepted labelled rows of these splits, in the order in which they came in."""
    wanted = {split.value for split in splits}
    columns = ("row_id", "text", "target", "split", "group", "time", "attributes", "inclusion")
    return [
        Sample(
            row["row_id"],
            row["text"],
            json.loads(row["target"]),
            Split(row["split"]),
            row["group"],
            row["time"],
            json.loads(row.get("attributes") or "{}"),
            row.get("inclusion"),
        )
        for batch in load_snapshot(store, ref).batches
        for row in load_table(store, batch.rows.key, batch.rows.sha256, columns)
        if row["split"] in wanted
    ]


def load_pool(store: ObjectStore, ref: SnapshotRef) -> list[Sample]:
    """Return the unlabelled texts that may be trained on: each once, at most `max_pool_texts`, the newest first."""
    return collect_pool(store, load_snapshot(store, ref))


def load_labels(store: ObjectStore, ref: SnapshotRef) -> tuple[LabelCounts, ...]:
    """Return every label of the snapshot with its rows by split, sorted by label."""
    snapshot = load_snapshot(store, ref)
    problem = find_problem(snapshot.problem)
    counts: dict[str, dict[str, int]] = {}
    for batch in snapshot.batches:
        for row in load_table(store, batch.rows.key, batch.rows.sha256, ("target", "split")):
            for label in problem.labels_in(json.loads(row["target"])):
                by_split = counts.setdefault(label, dict.fromkeys(Split, 0))
                by_split[row["split"]] += 1
    return tuple(LabelCounts(label, **by_split) for label, by_split in sorted(counts.items()))


def _pin_predictions(store: ObjectStore, tombstones: Tombstones) -> tuple[PinnedPredictions, ...]:
    listed = (info for info in store.list(layout.PREDICTIONS) if info.key.endswith(".parquet"))
    found = (info for info in listed if info.key not in tombstones.replaced)
    newest = sorted(found, key=lambda info: info.key, reverse=True)[:MAX_PREDICTION_FILES]
    return tuple(PinnedPredictions(info.key, info.size, info.etag) for info in newest)
