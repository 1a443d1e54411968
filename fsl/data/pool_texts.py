"""The unlabelled texts of a snapshot: those that were dropped, and those that were served.

No text of the pool is a labelled row's, none would be a tune or judge row if it were labelled, and none is a
near-duplicate of one that is: what the gate judges by never reaches training, not even without its label.
"""

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice

import numpy as np

from fsl.data.checking.rows import row_id_of
from fsl.data.minhash import build_signatures
from fsl.data.near_duplicates import mark_kin, needed_agreement
from fsl.data.normalise import group_of, has_control, normal_form, visible_part
from fsl.data.pinned import PinnedPredictions, Snapshot
from fsl.data.signed_rows import join_signed, load_signed
from fsl.data.splits import FLAGS, SplitRule, load_split_key
from fsl.data.tables import load_table
from fsl.errors import DigestMismatch
from fsl.samples import Sample, Split
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

HELD_OUT = FLAGS[Split.TUNE] | FLAGS[Split.JUDGE]


@dataclass(frozen=True, slots=True)
class _Text:
    row_id: str
    text: str
    group: str
    time: datetime | None
    seen: datetime  # its own time, or when its batch came in
    split: Split | None = None  # as intake gave it; None where it gave none


def collect_pool(store: ObjectStore, snapshot: Snapshot) -> list[Sample]:
    """Return the pool: each text once, at most `max_pool_texts` of them, the newest first.

    The order follows from the texts alone, so the same snapshot always gives the same list.
    """
    rule = SplitRule(_load_split_key(store, snapshot), snapshot.shares)
    taken = _labelled_groups(store, snapshot)
    newest: dict[str, _Text] = {}
    for text in (*_dropped_texts(store, snapshot), *_served_texts(store, snapshot)):
        if text.group in taken or (text.split or rule.split_of(text.group)) is not Split.TRAIN:
            continue
        other = newest.get(text.group)
        if other is None or _rank(text) < _rank(other):
            newest[text.group] = text
    texts = _without_kin(store, snapshot, rule, sorted(newest.values(), key=_rank))
    kept = islice(texts, snapshot.max_pool_texts)
    return [Sample(text.row_id, text.text, None, Split.TRAIN, text.group, text.time) for text in kept]


def _without_kin(store: ObjectStore, snapshot: Snapshot, rule: SplitRule, texts: list[_Text]) -> Iterator[_Text]:
    """Yield the texts that are no near-duplicates of tune or judge rows.

    Only served texts and those of older batches can be: intake gives a dropped one the split of its near-duplicates.
    """
    if snapshot.near_duplicate_similarity is None or not texts:
        return iter(texts)
    tables = (batch.rows for batch in snapshot.batches if batch.rows.n)
    held_out = join_signed(part.of(HELD_OUT) for part in load_signed(store, tables, rule))
    signatures = build_signatures([normal_form(text.text) for text in texts])
    marks = np.zeros(len(texts), dtype=np.uint8)
    needed = needed_agreement(snapshot.near_duplicate_similarity)
    mark_kin(signatures, np.arange(len(texts)), held_out.signatures, held_out.flags, needed, marks)
    return (text for text, mark in zip(texts, marks, strict=True) if not mark)


def _rank(text: _Text) -> tuple[float, str, str]:
    return -text.seen.timestamp(), text.group, text.row_id


def _load_split_key(store: ObjectStore, snapshot: Snapshot) -> bytes:
    key = load_split_key(store, snapshot.project)
    found = sha256(key).hexdigest()
    if found != snapshot.split_key_sha256:
        raise DigestMismatch("the project's split key", snapshot.split_key_sha256, found)
    return key


def _labelled_groups(store: ObjectStore, snapshot: Snapshot) -> set[str]:
    tables = (load_table(store, batch.rows.key, batch.rows.sha256, ("group",)) for batch in snapshot.batches)
    return {row["group"] for table in tables for row in table}


def _dropped_texts(store: ObjectStore, snapshot: Snapshot) -> Iterator[_Text]:
    for batch in snapshot.batches:
        for row in load_table(store, batch.pool.key, batch.pool.sha256, ("row_id", "text", "group", "time", "split")):
            split = Split(row["split"]) if "split" in row else None
            yield _Text(row["row_id"], row["text"], row["group"], row["time"], row["time"] or batch.when, split)


def _served_texts(store: ObjectStore, snapshot: Snapshot) -> Iterator[_Text]:
    """Yield usable texts of the prediction log, the newest files first, until there are enough of them."""
    groups: set[str] = set()
    for file in snapshot.predictions:
        if len(groups) >= snapshot.max_pool_texts:
            return
        for text in _read_predictions(store, file, snapshot.max_text_chars):
            groups.add(text.group)
            yield text


def _read_predictions(store: ObjectStore, file: PinnedPredictions, max_chars: int) -> Iterator[_Text]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = store.find(file.key)
    if data is None:
        log.warning("%s was cleaned away since the snapshot; its texts are not in the pool", store.where(file.key))
        return
    try:
        rows = pq.read_table(io.BytesIO(data), columns=["text", "time"]).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        log.warning("%s cannot be read (%s); its texts are not in the pool", store.where(file.key), error)
        return
    for index, row in enumerate(rows, start=1):
        text, time = row.get("text"), row.get("time")
        if not isinstance(text, str) or not isinstance(time, datetime) or len(text) > max_chars:
            continue
        if visible_part(text) and not has_control(text):
            time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
            yield _Text(row_id_of(file.key, index), text, group_of(text), time, time)
