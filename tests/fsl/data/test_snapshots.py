"""What a run learns from: the same tomorrow, and never a word of what it is judged by."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fsl.config import RunConfig
from fsl.data import snapshots
from fsl.data.batches import BatchRecord
from fsl.data.errors import NothingAccepted
from fsl.data.normalise import group_of
from fsl.data.snapshots import SnapshotRef, load_labels, load_pool, load_samples, load_snapshot, take_snapshot
from fsl.data.splits import load_split_key, split_of
from fsl.errors import DigestMismatch
from fsl.samples import Split
from fsl.store import layout
from fsl.store.errors import DamagedObject, NewerSchema
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Rows = Callable[..., list[dict[str, Any]]]
Config = Callable[..., RunConfig]
DAY = datetime(2026, 3, 1, tzinfo=UTC)
APART = {"near_duplicate_similarity": 1.0}  # texts that differ in a number alone each have a split of their own


def serve(store: ObjectStore, texts: list[Any], when: datetime, part: str = "a") -> str:
    """Log texts as served, a second apart."""
    rows = [{"text": text, "time": when + timedelta(seconds=i), "answer": "x"} for i, text in enumerate(texts)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    key = layout.predictions(when, part)
    store.put(key, sink.getvalue())
    return key


def is_train(store: ObjectStore, config: RunConfig, text: str) -> bool:
    key = load_split_key(store, config.project)
    return split_of(group_of(text), key, config.data.splits) is Split.TRAIN


def test_every_accepted_row_is_loaded_under_exactly_one_split(
    store: ObjectStore, ingest: Ingest, build_config: Config, sound_rows: Rows
) -> None:
    ingest("a.jsonl", sound_rows(n=50), **APART)
    ref = take_snapshot(store, build_config(**APART))

    by_split = {split: load_samples(store, ref, {split}) for split in Split}
    everything = load_samples(store, ref, set(Split))

    assert [(sample.text, sample.target) for sample in everything] == [
        (row["text"], row["label"]) for row in sound_rows(n=50)
    ]
    assert sum(map(len, by_split.values())) == 100
    assert all(sample.split is split for split, samples in by_split.items() for sample in samples)
    assert {split for split, samples in by_split.items() if samples} == {Split.TRAIN, Split.TUNE, Split.JUDGE}


def test_a_snapshot_is_the_same_until_something_comes_in(
    store: ObjectStore, ingest: Ingest, build_config: Config, sound_rows: Rows
) -> None:
    config = build_config()
    ingest("a.jsonl", sound_rows())
    first = take_snapshot(store, config)
    assert take_snapshot(store, config) == first

    ingest("b.jsonl", sound_rows(first=50))
    second = take_snapshot(store, config)
    serve(store, ["a question"], DAY)
    third = take_snapshot(store, config)

    assert len({first, second, third}) == 3
    assert len(load_samples(store, first, set(Split))) == 10
    assert len(load_samples(store, second, set(Split))) == 20


def test_the_split_of_a_row_outlives_new_shares(
    store: ObjectStore, ingest: Ingest, build_config: Config, sound_rows: Rows
) -> None:
    ingest("a.jsonl", sound_rows(n=30))
    before = load_samples(store, take_snapshot(store, build_config()), set(Split))
    shares = {"train": 0.0, "tune": 0.0, "judge": 1.0}

    after = load_samples(store, take_snapshot(store, build_config(splits=shares)), set(Split))

    assert after == before


def test_labels_are_counted_by_split(store: ObjectStore, ingest: Ingest, build_config: Config) -> None:
    spans = [{"text": f"Acme {i}", "spans": [[0, 4, "ORG"], [5, 6, "NUM"]] if i < 2 else []} for i in range(6)]
    record = ingest("a.jsonl", spans, kind="tagging")
    ref = take_snapshot(store, build_config(kind="tagging"))

    labels = load_labels(store, ref)

    assert [(counts.label, counts.n) for counts in labels] == [("NUM", 2), ("ORG", 2)]
    assert sum(record.splits.values()) == 6
    mentioned = [sample for sample in load_samples(store, ref, {Split.TRAIN}) if sample.target]
    assert labels[0].train == len(mentioned)


def test_the_pool_holds_each_text_once_and_no_labelled_one(
    store: ObjectStore, ingest: Ingest, build_config: Config, sound_rows: Rows
) -> None:
    config = build_config(**APART)
    texts = [f"loose {i}" for i in range(40)]
    ingest("a.jsonl", [*sound_rows(n=20), *[{"text": text} for text in texts], {"text": "refund message 3"}], **APART)
    ingest("b.jsonl", [{"text": text.upper()} for text in texts[:10]], **APART)
    serve(store, [*texts[:5], "Greeting message 4!", "served once", "served twice", "served twice"], DAY)

    pool = load_pool(store, take_snapshot(store, config))

    expected = {group_of(t) for t in [*texts, "served once", "served twice"] if is_train(store, config, t)}
    assert sorted(sample.group for sample in pool) == sorted(expected)
    assert all(sample.target is None and sample.split is Split.TRAIN for sample in pool)


def test_the_newest_texts_fill_a_small_pool(store: ObjectStore, ingest: Ingest, build_config: Config) -> None:
    config = build_config(max_pool_texts=4)
    ingest("a.jsonl", [{"text": f"old {i}"} for i in range(30)])
    for day in range(5):
        serve(store, [f"day {day} text {i}" for i in range(30)], DAY + timedelta(days=day))

    pool = load_pool(store, take_snapshot(store, config))

    newest = [f"day 4 text {i}" for i in reversed(range(30)) if is_train(store, config, f"day 4 text {i}")]
    assert [sample.text for sample in pool] == newest[:4]
    assert pool[0].time is not None
    assert pool[0].time.date() == (DAY + timedelta(days=4)).date()


def test_the_pool_of_a_snapshot_stays_as_it_was(store: ObjectStore, ingest: Ingest, build_config: Config) -> None:
    ingest("a.jsonl", [{"text": f"loose {i}"} for i in range(20)])
    serve(store, [f"served {i}" for i in range(20)], DAY)
    ref = take_snapshot(store, build_config())
    before = load_pool(store, ref)

    ingest("b.jsonl", [{"text": f"later {i}"} for i in range(20)])
    serve(store, [f"served later {i}" for i in range(20)], DAY, part="b")

    assert load_pool(store, ref) == before


def test_traffic_stays_out_where_the_config_says_so(store: ObjectStore, ingest: Ingest, build_config: Config) -> None:
    ingest("a.jsonl", [{"text": f"loose {i}"} for i in range(20)])
    serve(store, [f"served {i}" for i in range(20)], DAY)

    pool = load_pool(store, take_snapshot(store, build_config(pool_from_traffic=False)))

    assert {sample.text.split()[0] for sample in pool} == {"loose"}


def test_served_texts_that_no_row_may_hold_are_left_out(
    store: ObjectStore, ingest: Ingest, build_config: Config
) -> None:
    ingest("a.jsonl", [{"text": "loose"}])
    good = [f"served {i}" for i in range(20)]
    serve(store, ["", " \u200b", "a\0b", "x" * 10_001, None, *good], DAY)
    store.put(layout.predictions(DAY, "damaged"), b"PAR1 no more")
    store.put(layout.predictions(DAY, "other").replace(".parquet", ".tmp"), b"half")

    ref = take_snapshot(store, build_config())
    pool = load_pool(store, ref)

    assert {sample.text for sample in pool} <= {"loose", *good}
    assert len(pool) > 5
    assert len(load_snapshot(store, ref).predictions) == 2  # the half-written file is none of them


def test_only_the_newest_files_of_served_texts_are_pinned(
    store: ObjectStore, ingest: Ingest, build_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MAX_PREDICTION_FILES", 2)
    ingest("a.jsonl", [{"text": "loose"}])
    keys = [serve(store, ["served"], DAY + timedelta(hours=hour)) for hour in (9, 10, 23, 24)]

    pinned = load_snapshot(store, take_snapshot(store, build_config())).predictions

    assert [file.key for file in pinned] == keys[:1:-1]


def test_nothing_accepted_yet_is_told(store: ObjectStore, build_config: Config) -> None:
    with pytest.raises(NothingAccepted, match="run `fsl ingest` first"):
        take_snapshot(store, build_config())


def test_what_was_changed_behind_a_snapshots_back_is_not_loaded(
    store: ObjectStore, ingest: Ingest, build_config: Config, sound_rows: Rows
) -> None:
    record = ingest("a.jsonl", sound_rows())
    ref = take_snapshot(store, build_config())
    rows = store.get(record.rows.key)
    store.put(record.rows.key, rows[:-1] + b"x")
    with pytest.raises(DigestMismatch):
        load_samples(store, ref, set(Split))

    store.put(record.rows.key, rows)
    facts = json.loads(store.get(layout.LAYOUT))
    store.put(layout.LAYOUT, json.dumps({**facts, "split_key": "0" * 64}).encode())
    with pytest.raises(DigestMismatch, match="split key"):
        load_pool(store, ref)

    store.put(layout.snapshot(ref.digest), b"{}")
    with pytest.raises(DamagedObject):
        load_samples(store, ref, set(Split))


def test_a_snapshot_of_a_later_schema_is_refused(store: ObjectStore) -> None:
    contents = b'{"schema": 2}'
    ref = SnapshotRef(sha256(contents).hexdigest())
    store.put(layout.snapshot(ref.digest), contents)

    with pytest.raises(NewerSchema):
        load_snapshot(store, ref)
