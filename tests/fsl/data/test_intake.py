"""From the inbox to a batch: what comes in, what does not and why, and that nothing is lost or counted twice."""

import json
import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord
from fsl.data.errors import (
    MissingColumn,
    SourceChanged,
    UnknownLabelsRefused,
)
from fsl.data.history import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.quarantine import RefusedRow
from fsl.data.snapshots import load_samples, take_snapshot
from fsl.samples import Split
from fsl.store.errors import ForeignProject, ObjectMissing
from fsl.store.layout_file import open_layout
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Rows = Callable[..., list[dict[str, Any]]]
Codes = Callable[[BatchRecord], dict[int, tuple[str, ...]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]


def test_sound_rows_become_one_batch_with_all_that_a_reader_needs(
    ingest: Ingest, table: Rows, sound_rows: Rows
) -> None:
    rows = [*sound_rows(n=3), {"text": "no label yet 你好"}]

    record = ingest("monday.jsonl", rows)

    stored = table(record.rows)
    assert (record.seq, record.n_read, record.rows.n, record.pool.n, record.quarantine.n) == (1, 7, 6, 1, 0)
    assert [(row["text"], json.loads(row["target"])) for row in stored] == [(r["text"], r["label"]) for r in rows[:6]]
    assert [row["source"] for row in stored] == [f"monday.jsonl:{line}" for line in range(1, 7)]
    assert len({row["row_id"] for row in stored}) == 6
    assert set(stored[0]) == {
        "row_id",
        "text",
        "target",
        "split",
        "group",
        "time",
        "source",
        "signature",
        "mends",
        "attributes",
        "inclusion",
    }
    (unlabelled,) = table(record.pool)
    assert set(unlabelled) == set(stored[0]) - {"target"}
    assert unlabelled["text"] == "no label yet 你好"
    assert record.labels == {"refund": 3, "greeting": 3}
    assert record.new_labels == ("greeting", "refund")
    assert record.splits == Counter(row["split"] for row in stored)


def test_a_refusal_calls_the_file_by_the_name_under_which_it_was_dropped(ingest: Ingest) -> None:
    with pytest.raises(MissingColumn) as refused:
        ingest("0123456789ab-tickets 票.csv", b"body,label\nwhere is my parcel,parcel\n")

    assert str(refused.value).startswith("tickets 票.csv has no column 'text'")


BAD_ROWS: list[tuple[str, bytes, tuple[str, ...]]] = [
    ("not JSON", b'{"text": "a"', ("unreadable",)),
    ("not an object", b"[1]", ("unreadable",)),
    ("wrong encoding", b'{"text": "caf\xe9", "label": "refund"}', ("unreadable",)),
    ("a raw NUL", b'{"text": "a\0", "label": "refund"}', ("unreadable",)),
    ("an escaped NUL", b'{"text": "a\\u0000b", "label": "refund"}', ("control_characters",)),
    ("an escape code", b'{"text": "a\\u001b[31mb", "label": "refund"}', ("control_characters",)),
    ("half a character", b'{"text": "a \\ud83d b", "label": "refund"}', ("control_characters",)),
    ("no text", b'{"label": "refund"}', ("text_missing",)),
    ("a number as text", b'{"text": 5, "label": "refund"}', ("text_type",)),
    ("nested JSON as text", b'{"text": {"a": {"b": 1}}, "label": "refund"}', ("text_type",)),
    ("an empty text", b'{"text": "", "label": "refund"}', ("text_empty",)),
    ("a blank text", b'{"text": " \\u200b\\n", "label": "refund"}', ("text_empty",)),
    ("20,000 characters", b'{"text": "' + b"x" * 20_000 + b'", "label": "refund"}', ("text_too_long",)),
    ("a number as label", b'{"text": "a b", "label": 3}', ("target_invalid",)),
    ("an empty label", b'{"text": "a b", "label": ""}', ("target_invalid",)),
    ("nested JSON as label", b'{"text": "a b", "label": {"x": []}}', ("target_invalid",)),
    ("a rare label", b'{"text": "a b", "label": "refnd"}', ("label_unknown",)),
    ("no time", b'{"text": "a b", "label": "refund", "date": "soon"}', ("time_invalid",)),
    ("two faults", b'{"text": "", "label": 5}', ("text_empty", "target_invalid")),
]


@pytest.mark.parametrize(("line", "expected"), [bad[1:] for bad in BAD_ROWS], ids=[bad[0] for bad in BAD_ROWS])
def test_a_bad_row_is_refused_with_its_reasons_and_costs_no_other(
    ingest: Ingest,
    codes: Codes,
    sound_rows: Rows,
    jsonl: Callable[[Any], bytes],
    line: bytes,
    expected: tuple[str, ...],
) -> None:
    record = ingest("a.jsonl", jsonl(sound_rows()) + line + b"\n", time_column="date")

    assert codes(record) == {11: expected}
    assert record.rows.n == 10
    assert record.reasons == dict.fromkeys(expected, 1)
    assert record.n_refused == 1


@pytest.mark.parametrize("text", ["🙂🎉", "我的订单在哪里？", "أين طلبي؟", "<script>alert(1)</script>", "=1+1", "?!"])
def test_any_visible_text_comes_in_as_it_is(ingest: Ingest, table: Rows, sound_rows: Rows, text: str) -> None:
    record = ingest("a.jsonl", [*sound_rows(), {"text": text, "label": "refund"}])

    assert table(record.rows)[-1]["text"] == text


def test_every_line_is_in_exactly_one_place(
    ingest: Ingest, table: Rows, refused: Refused, sound_rows: Rows, jsonl: Callable[[Any], bytes]
) -> None:
    rows = [*sound_rows(), *sound_rows(n=2), {"text": "unlabelled"}, {"text": "Unlabelled!"}, {"text": ""}]
    record = ingest("a.jsonl", jsonl(rows) + b"broken\n")

    lines = [int(row["source"].partition(":")[2]) for stored in (record.rows, record.pool) for row in table(stored)]
    assert sorted(lines + [row.line for row in refused(record)]) == list(range(1, len(rows) + 2))
    assert record.n_read == record.rows.n + record.pool.n + record.quarantine.n == 18
    assert record.n_duplicates == 5
    assert record.n_refused == 2


def test_a_refused_row_is_kept_whole_with_words_that_say_why(
    ingest: Ingest, refused: Refused, sound_rows: Rows
) -> None:
    bad = {"text": "pay me back", "label": "refnd", "agent": "Łukasz"}

    (row,) = refused(ingest("monday.jsonl", [*sound_rows(), bad]))

    assert json.loads(row.raw) == bad
    assert (row.line, row.text, row.target, row.source) == (11, "pay me back", "refnd", "monday.jsonl:11")
    assert row.reasons[0].words == "label 'refnd' has 1 row, new labels need 2; 'refnd' is close to 'refund'"


def test_a_contradiction_within_a_file_bars_both_rows_and_names_both_lines(
    ingest: Ingest, refused: Refused, sound_rows: Rows
) -> None:
    rows = [*sound_rows(), {"text": "Send it back", "label": "refund"}, {"text": "send it back!", "label": "greeting"}]

    one, other = refused(ingest("a.jsonl", rows))

    assert [reason.words for reason in one.reasons + other.reasons] == [
        "line 11 ('refund') has the same text as line 12 ('greeting'), with another label",
        "line 12 ('greeting') has the same text as line 11 ('refund'), with another label",
    ]


def test_a_contradiction_of_an_earlier_batch_names_it_and_leaves_it_alone(
    ingest: Ingest, refused: Refused, sound_rows: Rows
) -> None:
    first = ingest("monday.jsonl", sound_rows())
    rows = [*sound_rows(first=50), {"text": "Refund message 3", "label": "greeting"}]

    second = ingest("tuesday.jsonl", rows)

    (row,) = refused(second)
    assert row.reasons[0].words == ("batch 1 (monday.jsonl:4) holds the same text with another target ('refund')")
    assert (first.rows.n, second.rows.n) == (10, 10)


def test_a_row_that_an_earlier_batch_holds_is_merged(ingest: Ingest, refused: Refused, sound_rows: Rows) -> None:
    ingest("monday.jsonl", sound_rows())

    second = ingest("tuesday.jsonl", [*sound_rows(n=1), *sound_rows(first=50)])

    assert (second.rows.n, second.n_duplicates, second.n_refused) == (10, 2, 0)
    assert refused(second)[0].reasons[0].words == "duplicate of batch 1 (monday.jsonl:1)"


def test_a_file_of_nothing_new_is_a_batch_of_duplicates_and_not_an_error(ingest: Ingest, sound_rows: Rows) -> None:
    ingest("monday.jsonl", sound_rows())

    second = ingest("again.jsonl", sound_rows()[::-1])

    assert (second.seq, second.rows.n, second.n_duplicates) == (2, 0, 10)


def test_the_same_drop_twice_is_one_batch(ingest: Ingest, store: ObjectStore, sound_rows: Rows) -> None:
    first = ingest("monday.jsonl", sound_rows())

    assert ingest("monday.jsonl", sound_rows()) == first
    assert ingest("another-name.jsonl", sound_rows()) == first
    assert read_history(store) == (first,)


def test_an_object_is_pending_until_its_bytes_are_claimed_under_any_name(
    ingest: Ingest, drop: Callable[[str, Any], str], store: ObjectStore, sound_rows: Rows
) -> None:
    keys = drop("a.jsonl", sound_rows()), drop("copy.jsonl", sound_rows()), drop("b.jsonl", sound_rows(first=9))
    store.put("inbox/new-folder.jsonl/part.jsonl", b"x")
    assert pending_objects(store) == ("inbox/a.jsonl", "inbox/b.jsonl", keys[1], "inbox/new-folder.jsonl/part.jsonl")

    ingest("a.jsonl", sound_rows())

    assert pending_objects(store) == ("inbox/b.jsonl", "inbox/new-folder.jsonl/part.jsonl")


def test_a_name_dropped_again_with_other_bytes_is_another_batch(
    ingest: Ingest, drop: Callable[[str, Any], str], store: ObjectStore, sound_rows: Rows
) -> None:
    ingest("daily.jsonl", sound_rows())
    drop("daily.jsonl", sound_rows(first=50))

    assert pending_objects(store) == ("inbox/daily.jsonl",)
    assert ingest("daily.jsonl", sound_rows(first=50)).seq == 2


def test_the_second_file_of_a_project_follows_the_config_on_unknown_labels(
    ingest: Ingest, codes: Codes, sound_rows: Rows
) -> None:
    ingest("first.jsonl", sound_rows(), on_unknown_label="refuse")
    rows = [*sound_rows(first=50), *sound_rows(("loan",), n=3)]

    with pytest.raises(UnknownLabelsRefused, match=r"label 'loan' is not known \(3 rows\)"):
        ingest("second.jsonl", rows, on_unknown_label="refuse")
    quarantined = ingest("third.jsonl", rows, on_unknown_label="quarantine")
    accepted = ingest("fourth.jsonl", rows[10:], on_unknown_label="accept")

    assert set(codes(quarantined).values()) == {("label_unknown",)}
    assert quarantined.new_labels == ()
    assert (accepted.rows.n, accepted.new_labels) == (3, ("loan",))


def test_a_later_file_of_one_label_comes_in(ingest: Ingest, sound_rows: Rows) -> None:
    ingest("first.jsonl", sound_rows())

    assert ingest("second.jsonl", sound_rows(("refund",), first=50)).rows.n == 5


def test_csv_and_parquet_come_in_as_json_lines_do(ingest: Ingest, sound_rows: Rows, table: Rows) -> None:
    csv = "id;body;intent;on\n" + "".join(
        f"{i};{row['text']};{row['label']};2026-02-0{1 + i % 9}\n" for i, row in enumerate(sound_rows())
    )
    columns = {"text_column": "body", "target_column": "intent", "time_column": "on"}

    record = ingest("a.csv", csv.encode("utf-16"), **columns)

    assert record.rows.n == 10
    assert (record.source.format, record.source.encoding, record.source.delimiter) == ("csv", "utf-16", ";")
    assert table(record.rows)[0]["time"] == datetime(2026, 2, 1, tzinfo=UTC)
    assert table(record.rows)[0]["source"] == "a.csv:2"


def test_an_object_that_is_not_there_is_named(store: ObjectStore, build_config: Callable[..., RunConfig]) -> None:
    with pytest.raises(ObjectMissing, match=r"inbox/gone\.jsonl"):
        ingest_object(store, build_config(), "inbox/gone.jsonl", now=datetime.now(UTC))


def test_another_projects_bucket_is_left_alone(store: ObjectStore, ingest: Ingest, sound_rows: Rows) -> None:
    open_layout(store, "somebody-else")

    with pytest.raises(ForeignProject):
        ingest("a.jsonl", sound_rows())


class _Impatient(ObjectStore):
    """A store in which somebody replaces each object while it is read."""

    def download(self, key: str, path: Any, **options: Any) -> None:
        super().download(key, path, **options)
        self.put(key, b"something else")


def test_an_object_replaced_while_it_is_read_is_tried_again_later(
    store: ObjectStore, drop: Callable[[str, Any], str], build_config: Callable[..., RunConfig], sound_rows: Rows
) -> None:
    key = drop("a.jsonl", sound_rows())

    with pytest.raises(SourceChanged) as caught:
        ingest_object(_Impatient(**vars(store)), build_config(), key, now=datetime.now(UTC))

    assert caught.value.retryable
    assert read_history(store) == ()


def test_a_batch_is_logged_in_one_line(ingest: Ingest, sound_rows: Rows, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="fsl.data")

    ingest("monday.jsonl", [*sound_rows(), {"text": ""}])

    assert (
        "monday.jsonl became batch 1: 11 rows read, 10 accepted, 0 unlabelled, 0 duplicates, 1 refused" in caplog.text
    )


def test_attributes_are_kept_beside_the_row_and_reach_its_sample(
    store: ObjectStore, ingest: Ingest, build_config: Callable[..., RunConfig], sound_rows: Rows
) -> None:
    rows = [{**row, "channel": "电话" if n % 2 else "email", "age": n} for n, row in enumerate(sound_rows(n=3))]
    rows[0] |= {"channel": ["a", "list"], "age": None}

    ingest("monday.jsonl", rows, attribute_columns=("channel", "age"))

    config = build_config(attribute_columns=("channel", "age"))
    found = load_samples(store, take_snapshot(store, config), set(Split))
    expected = [{}, *({"channel": "电话" if n % 2 else "email", "age": str(n)} for n in range(1, 6))]
    assert [sample.attributes for sample in found] == expected
