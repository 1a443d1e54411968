"""Near-duplicates through the whole intake: they share a split for life, and none of the judge's is ever trained on."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fsl.config import RunConfig
from fsl.data.batches import RECORDS, BatchRecord, StoredTable
from fsl.data.history import read_history
from fsl.data.normalise import group_of
from fsl.data.snapshots import load_pool, load_samples, take_snapshot
from fsl.data.splits import SplitRule, load_split_key
from fsl.samples import Split
from fsl.store import layout
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Table = Callable[[StoredTable], list[dict[str, Any]]]
Rows = Callable[..., list[dict[str, Any]]]

ENDINGS = (
    "the parcel that I ordered on monday has not come yet",
    "my new card was declined at the supermarket twice",
    "I would like to close the account of my late father",
    "the app asks me for a code that never arrives here",
    "somebody took money out of my savings last night",
    "can I pay in dollars while I travel through Peru",
    "your agent promised to ring me back and never did",
    "the exchange rate on my statement looks quite wrong",
    "how do I change the address that letters are sent to",
    "the cash machine kept my card and gave me nothing",
)


def family(text: str, n: int = 4) -> list[dict[str, str]]:
    """Return a text in several spellings, each a letter or two away from the others."""
    forms = (text, f"{text}s", f"{text} x", f"{text}!! s", f"{text} y")
    return [{"text": form, "label": "ab"[index % 2]} for index, form in enumerate(forms[:n])]


def one_each() -> list[dict[str, str]]:
    return [{"text": text, "label": "ab"[index % 2]} for index, text in enumerate(ENDINGS)]


def splits_of(rows: list[dict[str, Any]], texts: list[str]) -> set[str]:
    return {row["split"] for row in rows if row["text"] in texts}


def test_near_duplicates_of_one_file_share_a_split(ingest: Ingest, table: Table) -> None:
    families = [[row["text"] for row in family(text)] for text in ENDINGS]

    even = {"train": 0.4, "tune": 0.3, "judge": 0.3}  # the project's key is drawn: one split for all is most unlikely
    rows = table(ingest("a.jsonl", [row for text in ENDINGS for row in family(text)], splits=even).rows)

    splits = [splits_of(rows, texts) for texts in families]
    assert all(len(found) == 1 for found in splits)
    assert len(set.union(*splits)) > 1, "all families in one split would prove nothing"


def test_near_duplicates_of_a_later_file_take_the_split_of_the_earlier_row(ingest: Ingest, table: Table) -> None:
    first = table(ingest("a.jsonl", one_each()).rows)

    later = table(ingest("b.jsonl", [row for text in ENDINGS for row in family(text)[1:]]).rows)

    for row in first:
        texts = [one["text"] for one in family(row["text"])]
        assert splits_of(later, texts) == {row["split"]}


def test_a_pool_text_takes_the_split_of_its_near_duplicate_and_only_train_is_trained_on(
    ingest: Ingest, table: Table, store: ObjectStore, build_config: Callable[..., RunConfig]
) -> None:
    rows = table(ingest("a.jsonl", one_each()).rows)
    unlabelled = [{"text": f"{text} s"} for text in ENDINGS]

    pool = table(ingest("pool.jsonl", unlabelled).pool)

    assert [row["split"] for row in pool] == [row["split"] for row in rows]
    trained = {sample.text for sample in load_pool(store, take_snapshot(store, build_config()))}
    assert trained == {row["text"] for row in pool if row["split"] == "train"}


def test_a_row_beside_a_pool_text_that_may_be_trained_on_is_a_train_row(ingest: Ingest, table: Table) -> None:
    pool = table(ingest("pool.jsonl", [{"text": text} for text in ENDINGS]).pool)

    rows = table(ingest("a.jsonl", [row for text in ENDINGS for row in family(text)[1:]]).rows)

    for text in pool:
        assert splits_of(rows, [one["text"] for one in family(text["text"])[1:]]) == {text["split"]}


def test_a_served_text_close_to_a_held_out_row_is_never_trained_on(
    ingest: Ingest, table: Table, store: ObjectStore, build_config: Callable[..., RunConfig]
) -> None:
    rows = table(ingest("a.jsonl", one_each()).rows)
    served = [f"{text} {ending}" for text in ENDINGS for ending in ("s", "x", "y", "z", "q")]
    sink = io.BytesIO()
    when = datetime(2026, 3, 1, tzinfo=UTC)
    pq.write_table(pa.Table.from_pylist([{"text": text, "time": when} for text in served]), sink)
    store.put(layout.predictions(when, "a"), sink.getvalue())

    trained = [sample.text for sample in load_pool(store, take_snapshot(store, build_config()))]

    held_out = tuple(row["text"] for row in rows if row["split"] in ("judge", "tune"))
    assert held_out
    assert trained
    assert not [text for text in trained if text.startswith(held_out)]


CHANGED = "{} in the north of the old town beside the river please end the standing order for all rent of my small flat"


def bridge(store: ObjectStore, config: RunConfig) -> tuple[str, str, str]:
    """Return a text, and two that are close to it but not to each other, one of train and one of judge."""
    rule = SplitRule(load_split_key(store, config.project), config.data.splits)
    for number in range(1_000):
        text = CHANGED.format(number)
        one, other = text.replace("north", "wilder parts"), text.replace("order", "arrangement")
        if (rule.split_of(group_of(one)), rule.split_of(group_of(other))) == (Split.TRAIN, Split.JUDGE):
            return text, one, other
    raise AssertionError("no such number")


def test_a_row_between_two_splits_is_barred_counted_and_told(
    ingest: Ingest, table: Table, store: ObjectStore, build_config: Callable[..., RunConfig]
) -> None:
    text, one, other = bridge(store, build_config())
    first = ingest("a.jsonl", [{"text": one, "label": "a"}, {"text": other, "label": "b"}], new_label_min_rows=1)
    assert [row["split"] for row in table(first.rows)] == ["train", "judge"]

    record = ingest("bridge.jsonl", [{"text": text, "label": "a"}])

    assert [row["split"] for row in table(record.rows)] == ["barred"]
    assert record.splits == {"barred": 1}
    assert load_samples(store, take_snapshot(store, build_config()), (Split.TRAIN, Split.TUNE))[0].text == one
    page = store.get(record.report).decode()
    assert "Rows between two splits" in page
    assert "it is close to earlier rows of train and judge" in page


def test_a_barred_row_passes_nothing_on(
    ingest: Ingest, table: Table, store: ObjectStore, build_config: Callable[..., RunConfig]
) -> None:
    text, one, other = bridge(store, build_config())
    ingest("a.jsonl", [{"text": one, "label": "a"}, {"text": other, "label": "b"}], new_label_min_rows=1)
    ingest("bridge.jsonl", [{"text": text, "label": "a"}])

    beside = text.replace("small flat", "tiny flat")  # close to the barred row alone
    record = ingest("c.jsonl", [{"text": beside, "label": "a"}])

    assert "barred" not in record.splits


def test_a_batch_from_before_signatures_were_stored_counts_as_well(
    ingest: Ingest, table: Table, store: ObjectStore
) -> None:
    record = ingest("a.jsonl", [*one_each(), {"text": "a text of the pool that nobody has labelled so far"}])
    _strip(store, record)

    later = table(ingest("b.jsonl", [row for text in ENDINGS for row in family(text)[1:]]).rows)

    (old,) = read_history(store)[:1]
    for row in table(old.rows):
        assert set(row) == {"row_id", "text", "target", "split", "group", "time", "source"}
        assert splits_of(later, [one["text"] for one in family(row["text"])]) == {row["split"]}


def _strip(store: ObjectStore, record: BatchRecord) -> None:
    """Write a batch as it was written before signatures, and what came with them, were stored."""
    new = dict.fromkeys(("signature", "mends", "attributes", "inclusion"), ("rows", "pool")) | {"split": ("pool",)}
    tables = {}
    for name, stored in (("rows", record.rows), ("pool", record.pool)):
        found = pq.read_table(io.BytesIO(store.get(stored.key)))
        sink = io.BytesIO()
        pq.write_table(found.drop_columns([column for column, places in new.items() if name in places]), sink)
        data = sink.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        key = layout.rows(digest) if name == "rows" else layout.pool(digest)
        store.put(key, data)
        tables[name] = StoredTable(key, digest, stored.n)
    store.put(layout.commit(record.seq), RECORDS.to_bytes(replace(record, **tables)))
