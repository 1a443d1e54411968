"""What a snapshot holds and how it is stored: JSON under the digest of its own bytes.

Taking one, and loading rows by one, is `snapshots`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from fsl.config import SplitConfig
from fsl.data.batches import StoredTable
from fsl.data.stored import Documents
from fsl.store import layout
from fsl.store.errors import DamagedObject
from fsl.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """Names a snapshot."""

    digest: str


@dataclass(frozen=True, slots=True)
class PinnedBatch:
    """One batch of a snapshot."""

    seq: int
    rows: StoredTable
    pool: StoredTable
    when: datetime


@dataclass(frozen=True, slots=True)
class PinnedPredictions:
    """One file of served texts. The size and etag say that it is still the same."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Snapshot:
    """Everything that decides which rows a run sees."""

    project: str
    problem: str
    batches: tuple[PinnedBatch, ...]
    predictions: tuple[PinnedPredictions, ...]  # the newest first; none where traffic does not join the pool
    split_key_sha256: str
    shares: SplitConfig
    max_pool_texts: int
    max_text_chars: int
    near_duplicate_similarity: float | None = None  # None where it was taken before they were looked for


SNAPSHOTS = Documents(Snapshot, schema=1)


def save_snapshot(store: ObjectStore, snapshot: Snapshot) -> SnapshotRef:
    """Store a snapshot, and name it. Storing the same one again is harmless. Raises DamagedObject."""
    contents = SNAPSHOTS.to_bytes(snapshot)
    ref = SnapshotRef(hashlib.sha256(contents).hexdigest())
    key = layout.snapshot(ref.digest)
    if not store.create(key, contents):
        raise DamagedObject(store.where(key), "other bytes lie under this digest")
    return ref


def load_snapshot(store: ObjectStore, ref: SnapshotRef) -> Snapshot:
    """Read a snapshot back. Raises DamagedObject, NewerSchema."""
    key = layout.snapshot(ref.digest)
    contents = store.get(key)
    if hashlib.sha256(contents).hexdigest() != ref.digest:
        raise DamagedObject(store.where(key), "its bytes are not those of its digest")
    return SNAPSHOTS.parse(contents, where=store.where(key))
