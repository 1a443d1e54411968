"""Rows with any number of labels, from each format to what is stored."""

import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fsl.data.batches import BatchRecord, StoredTable
from fsl.data.errors import BatchRefused
from fsl.data.quarantine import RefusedRow
from fsl.data.snapshots import load_labels, take_snapshot
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Table = Callable[[StoredTable], list[dict[str, Any]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]

ROWS = [
    {"text": "you charged me twice and the parcel never came", "labels": ["delivery", "billing"]},
    {"text": "charged twice again", "labels": ["billing"]},
    {"text": "where is my parcel", "labels": ["delivery"]},
    {"text": "thanks, all good", "labels": []},
    {"text": "nobody has looked at this one"},
]
STORED = {
    "you charged me twice and the parcel never came": ["billing", "delivery"],
    "charged twice again": ["billing"],
    "where is my parcel": ["delivery"],
    "thanks, all good": [],
}


def as_parquet() -> bytes:
    buffer = io.BytesIO()
    schema = pa.schema([("text", pa.string()), ("labels", pa.list_(pa.string()))])
    pq.write_table(pa.Table.from_pylist(ROWS, schema=schema), buffer)
    return buffer.getvalue()


def as_csv(delimiter: str) -> bytes:
    cells = [delimiter.join(row["labels"]) or "[]" if "labels" in row else "" for row in ROWS]
    return "".join(
        f'"{text}",{cell}\n' for text, cell in [("text", "labels"), *zip((r["text"] for r in ROWS), cells, strict=True)]
    ).encode()


@pytest.mark.parametrize(
    ("name", "contents", "config"),
    [
        ("a.jsonl", ROWS, {}),
        ("a.csv", as_csv("|"), {}),
        ("b.csv", as_csv(" + "), {"label_delimiter": " + "}),
        ("a.parquet", as_parquet(), {}),
    ],
)
def test_every_format_says_some_labels_none_and_nobody_has_looked(
    ingest: Ingest, table: Table, name: str, contents: Any, config: dict[str, Any]
) -> None:
    record = ingest(name, contents, kind="multilabel", new_label_min_rows=1, **config)

    assert {row["text"]: json.loads(row["target"]) for row in table(record.rows)} == STORED
    assert [row["text"] for row in table(record.pool)] == ["nobody has looked at this one"]
    assert record.labels == {"billing": 2, "delivery": 2}


def test_a_file_that_knows_one_label_comes_in_since_a_text_may_have_none(ingest: Ingest) -> None:
    rows = [{"text": f"charged twice {row}", "labels": ["billing"]} for row in range(3)]

    record = ingest("a.jsonl", [*rows, {"text": "thanks", "labels": []}], kind="multilabel")

    assert record.labels == {"billing": 3}


def test_the_same_text_with_another_set_is_refused_and_with_the_same_set_is_merged(
    ingest: Ingest, refused: Refused
) -> None:
    rows = [
        {"text": "charged twice, no parcel", "labels": ["billing", "delivery"]},
        {"text": "Charged twice, no parcel!", "labels": ["delivery", "billing", "billing"]},
        {"text": "where is it", "labels": ["delivery"]},
        {"text": "Where is it?", "labels": []},
        {"text": "charged twice", "labels": ["billing"]},
        {"text": "my parcel is late", "labels": ["delivery"]},
    ]

    record = ingest("a.jsonl", rows, kind="multilabel", new_label_min_rows=1)

    reasons = {row.line: row.reasons[0] for row in refused(record)}
    assert record.rows.n == 3
    assert [(line, reason.code) for line, reason in reasons.items() if reason.code != "duplicate"] == [
        (3, "contradiction"),
        (4, "contradiction"),
    ]
    assert reasons[3].words == (
        "line 3 ('delivery') has the same text as line 4 (no labels), with another set of labels"
    )
    assert record.n_duplicates == 1


def test_an_unknown_label_costs_its_rows_alone_and_the_near_one_is_named(ingest: Ingest, refused: Refused) -> None:
    known = [{"text": f"charged {row}", "labels": ["billing", "delivery"]} for row in range(4)]
    ingest("first.jsonl", known, kind="multilabel")

    later = [{"text": "again", "labels": ["billing"]}, {"text": "late", "labels": ["delivery", "biling"]}]
    record = ingest("second.jsonl", later, kind="multilabel")

    (row,) = refused(record)
    assert record.rows.n == 1
    assert [reason.words for reason in row.reasons] == [
        "label 'biling' is not known (1 row); 'biling' is close to 'billing'"
    ]


def test_a_new_label_is_accepted_when_enough_rows_have_it_beside_others(ingest: Ingest) -> None:
    ingest("first.jsonl", [{"text": f"charged {row}", "labels": ["billing"]} for row in range(4)], kind="multilabel")
    later = [{"text": f"cracked {row}", "labels": ["billing", "damage"]} for row in range(3)]

    record = ingest("second.jsonl", later, kind="multilabel", on_unknown_label="accept", new_label_min_rows=3)

    assert record.labels == {"billing": 3, "damage": 3}


def test_a_file_with_an_unknown_label_is_refused_whole_where_the_config_says_so(ingest: Ingest) -> None:
    ingest("first.jsonl", [{"text": f"charged {row}", "labels": ["billing"]} for row in range(4)], kind="multilabel")

    with pytest.raises(Exception, match="'damage' is not known"):
        ingest("b.jsonl", [{"text": "x", "labels": ["damage"]}], kind="multilabel", on_unknown_label="refuse")


def test_rows_that_hold_no_set_of_labels_are_told_why(ingest: Ingest, refused: Refused) -> None:
    bad = [{"billing": 1}, 7, ["billing", 7], [""], "|", '["billing"']
    rows = [{"text": f"message {place}", "labels": labels} for place, labels in enumerate(bad)]

    with pytest.raises(BatchRefused, match=r"6 × target_invalid \(line 1: the labels are \{'billing': 1\}, but a list"):
        ingest("bad.jsonl", rows, kind="multilabel")
    record = ingest("some.jsonl", [*ROWS, *ROWS[:0], *rows[:3]], kind="multilabel", new_label_min_rows=1)
    assert [row.reasons[0].code for row in refused(record)] == ["target_invalid"] * 3


def test_splits_are_counted_label_by_label(
    store: ObjectStore, ingest: Ingest, build_config: Callable[..., Any]
) -> None:
    rows = [{"text": f"charged {row}", "labels": ["billing", "delivery"] if row % 2 else []} for row in range(20)]
    ingest("a.jsonl", rows, kind="multilabel")

    labels = load_labels(store, take_snapshot(store, build_config(kind="multilabel")))

    assert [(counts.label, counts.n) for counts in labels] == [("billing", 10), ("delivery", 10)]
    assert labels[0].train == labels[1].train
