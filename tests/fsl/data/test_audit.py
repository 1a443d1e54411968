"""Audit rows and declared judge rows: they judge and nothing else, and what is trained on already cannot judge."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data.audit import find_recent_audit, read_audit_rows
from fsl.data.batches import BatchRecord, StoredTable
from fsl.data.errors import BatchRefused
from fsl.data.quarantine import RefusedRow
from fsl.data.snapshots import load_pool, load_samples, take_snapshot
from fsl.samples import Split
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Table = Callable[[StoredTable], list[dict[str, Any]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]
Row = dict[str, Any]

ALL_TRAIN = {"train": 1.0, "tune": 0.0, "judge": 0.0}
TEXTS = (
    "the parcel that I ordered on monday has not come yet",
    "my new card was declined at the supermarket twice",
    "I would like to close the account of my late father",
    "the app asks me for a code that never arrives here",
    "somebody took money out of my savings last night",
    "can I pay in dollars while I travel through Peru",
    "付款后一直没有收到确认短信，请帮我查一下",
    "how do I change the address that letters are sent to",
)


@pytest.fixture
def ingest(ingest: Ingest) -> Ingest:
    """Drop a file and ingest it; few rows of a label are enough."""

    def run(name: str, contents: Any, **config: Any) -> BatchRecord:
        return ingest(name, contents, new_label_min_rows=1, **config)

    return run


def rows_of(texts: tuple[str, ...], **columns: Any) -> list[Row]:
    return [{"text": text, "label": "ab"[index % 2], **columns} for index, text in enumerate(texts)]


def placed(rows: list[Row]) -> dict[str, str]:
    return {row["text"]: row["split"] for row in rows}


def test_audit_rows_judge_whatever_the_shares_are_and_keep_their_probability(ingest: Ingest, table: Table) -> None:
    rows = [*rows_of(TEXTS[:4], audit=0.2), *rows_of(TEXTS[4:6], audit=True), *rows_of(TEXTS[6:])]

    record = ingest("a.jsonl", rows, splits=ALL_TRAIN)

    found = table(record.rows)
    assert [row["split"] for row in found] == ["judge"] * 6 + ["train"] * 2
    assert [row["inclusion"] for row in found] == [0.2] * 4 + [1.0] * 2 + [None] * 2
    assert record.n_audit == 6


def test_a_cell_of_csv_says_the_same(ingest: Ingest, table: Table) -> None:
    cells = ("0.25", "true", "", "FALSE", "1")
    lines = [f"{text},{'ab'[index % 2]},{cell}" for index, (text, cell) in enumerate(zip(TEXTS, cells, strict=False))]

    record = ingest("a.csv", "\n".join(["text,label,audit", *lines]).encode(), splits=ALL_TRAIN)

    assert [row["inclusion"] for row in table(record.rows)] == [0.25, 1.0, None, None, 1.0]


def test_a_mark_that_is_no_probability_refuses_its_row_in_words(ingest: Ingest, refused: Refused) -> None:
    marks = (0, 0.0, -0.2, 1.5, "often", "nan", [0.5], {"p": 0.5})
    sound = [{"text": f"{text} now", "label": "ab"[n % 2]} for n, text in enumerate(TEXTS)]

    record = ingest(
        "a.jsonl", [*sound, *({**row, "audit": mark} for row, mark in zip(rows_of(TEXTS), marks, strict=True))]
    )

    rows = refused(record)
    assert [row.reasons[0].code for row in rows] == ["placing_invalid"] * 8
    words = "in the column 'audit' is no probability with which a row can have been drawn for audit: above 0 and up to"
    assert [words in row.reasons[0].words for row in rows] == [True] * 8
    assert record.rows.n == 8


def test_a_column_of_that_name_that_means_something_else_is_left_alone_on_request(ingest: Ingest, table: Table) -> None:
    record = ingest("a.jsonl", rows_of(TEXTS, audit="KPMG"), audit_column=None, splits=ALL_TRAIN)

    assert {row["split"] for row in table(record.rows)} == {"train"}
    assert record.n_audit == 0


def test_an_audit_row_that_is_trained_on_already_is_refused_with_the_place(ingest: Ingest, refused: Refused) -> None:
    ingest("monday.jsonl", rows_of(TEXTS[:2]), splits=ALL_TRAIN)

    record = ingest("audit.jsonl", rows_of(TEXTS, audit=0.5), splits=ALL_TRAIN)

    rows = refused(record)
    assert [row.line for row in rows] == [1, 2]
    assert [row.reasons[0].code for row in rows] == ["leak", "leak"]
    assert "batch 1 (monday.jsonl:1) holds the same text as a train row, so it cannot judge" in rows[0].reasons[0].words
    assert record.n_audit == 6


def test_an_audit_row_close_to_a_trained_one_is_barred_and_says_so(
    ingest: Ingest, table: Table, store: ObjectStore
) -> None:
    ingest("monday.jsonl", rows_of(TEXTS[:2]), splits=ALL_TRAIN)
    ingest("pool.jsonl", [{"text": TEXTS[2]}], splits=ALL_TRAIN)
    near = tuple(f"{text} s" for text in TEXTS[:3])

    record = ingest("audit.jsonl", rows_of((*near, *TEXTS[3:5]), audit=0.5), splits=ALL_TRAIN)

    assert placed(table(record.rows)) == {**dict.fromkeys(near, "barred"), **dict.fromkeys(TEXTS[3:5], "judge")}
    page = store.get(record.report).decode()
    assert "it may only judge, and it is close to earlier rows of train" in page


def test_what_comes_close_to_an_audit_row_judges_too(ingest: Ingest, table: Table) -> None:
    first = ingest("audit.jsonl", [*rows_of(TEXTS[:4], audit=0.5), *rows_of((f"{TEXTS[0]} s",))], splits=ALL_TRAIN)
    later = ingest("b.jsonl", [*rows_of((f"{TEXTS[1]} s",)), *rows_of(TEXTS[5:])], splits=ALL_TRAIN)

    assert set(placed(table(first.rows)).values()) == {"judge"}
    assert placed(table(later.rows))[f"{TEXTS[1]} s"] == "judge"


def test_the_same_text_twice_in_a_file_stays_as_its_audit_row(ingest: Ingest, table: Table) -> None:
    rows = [*rows_of(TEXTS[:1]), *rows_of(TEXTS[:1], audit=0.5), *rows_of(TEXTS[1:4])]

    record = ingest("a.jsonl", rows, splits=ALL_TRAIN)

    kept = next(row for row in table(record.rows) if row["text"] == TEXTS[0])
    assert (kept["split"], kept["inclusion"]) == ("judge", 0.5)
    assert record.n_duplicates == 1


def test_a_text_drawn_and_not_labelled_yet_is_never_trained_on(
    ingest: Ingest, table: Table, store: ObjectStore, build_config: Callable[..., RunConfig]
) -> None:
    ingest("rows.jsonl", rows_of(TEXTS[:4]), splits=ALL_TRAIN)
    record = ingest("drawn.jsonl", [{"text": text, "audit": 0.1} for text in TEXTS[4:]], splits=ALL_TRAIN)

    assert {row["split"] for row in table(record.pool)} == {"judge"}
    assert load_pool(store, take_snapshot(store, build_config(splits=ALL_TRAIN))) == []


def test_audit_rows_are_read_back_by_the_time_at_which_they_were_served(
    ingest: Ingest, store: ObjectStore, now: datetime
) -> None:
    ingest("monday.jsonl", rows_of((TEXTS[0], TEXTS[7])), splits=ALL_TRAIN)
    times = ("2026-02-03", "2026-02-01", None, "2026-02-02")
    rows = [
        {**row, "time": time}
        for row, time in zip(rows_of((*TEXTS[1:4], f"{TEXTS[0]} s"), audit=0.5), times, strict=True)
    ]
    ingest("audit.jsonl", [*rows, *rows_of(TEXTS[5:7])], splits=ALL_TRAIN, time_column="time")

    found = read_audit_rows(store)

    assert [(row.text, row.split.value) for row in found] == [
        (TEXTS[2], "judge"),
        (f"{TEXTS[0]} s", "barred"),
        (TEXTS[1], "judge"),
        (TEXTS[3], "judge"),
    ]
    assert found[-1].time == now
    assert {row.inclusion for row in found} == {0.5}
    since = datetime(2026, 2, 2, tzinfo=UTC)
    assert [row.text for row in read_audit_rows(store, since=since, until=since + timedelta(days=1))] == [
        f"{TEXTS[0]} s"
    ]


def test_the_recent_ones_of_a_snapshot_are_those_that_judge(
    ingest: Ingest, store: ObjectStore, build_config: Callable[..., RunConfig], now: datetime
) -> None:
    ingest("monday.jsonl", rows_of((TEXTS[0], TEXTS[7])), splits=ALL_TRAIN)
    texts = (*TEXTS[1:4], f"{TEXTS[0]} s")
    times = (now - timedelta(days=40), now - timedelta(days=29), None, now)
    rows = [
        {**row, "time": time and time.isoformat()} for row, time in zip(rows_of(texts, audit=0.2), times, strict=True)
    ]
    ingest("audit.jsonl", rows, splits=ALL_TRAIN, time_column="time")
    ref = take_snapshot(store, build_config())

    found = find_recent_audit(store, ref, days=30)

    by_id = {sample.row_id: sample for sample in load_samples(store, ref, set(Split))}
    assert {by_id[row_id].text for row_id in found} == {TEXTS[2], TEXTS[3]}
    assert {by_id[row_id].inclusion for row_id in found} == {0.2} == set(found.values())


def test_rows_of_a_declared_test_file_judge_and_all_others_train_or_tune(ingest: Ingest, table: Table) -> None:
    declared = {"test_files": ("test*.jsonl", "held-out/*")}

    test = ingest("0123456789ab-test-2026.jsonl", rows_of(TEXTS[:3]), **declared)
    rest = ingest("day.jsonl", rows_of(TEXTS[3:]), **declared)
    more = ingest(
        "held-out/x.jsonl", [{"text": f"message {n} {'qwxz' * n}", "label": "a"} for n in range(4)], **declared
    )

    assert set(placed(table(test.rows)).values()) == {"judge"}
    assert set(placed(table(rest.rows)).values()) <= {"train", "tune"}
    assert set(placed(table(more.rows)).values()) == {"judge"}
    assert test.n_audit == 0


def test_a_row_close_to_a_declared_one_is_kept_out_rather_than_added_to_the_test(ingest: Ingest, table: Table) -> None:
    declared = {"test_files": ("test*",)}
    ingest("test.jsonl", rows_of(TEXTS[:2]), **declared)

    record = ingest("day.jsonl", [*rows_of((f"{TEXTS[0]} s",)), *rows_of(TEXTS[3:])], **declared)

    assert placed(table(record.rows))[f"{TEXTS[0]} s"] == "barred"


def test_a_test_file_of_rows_that_are_trained_on_is_stopped_whole_and_says_why(
    ingest: Ingest, store: ObjectStore
) -> None:
    declared = {"test_files": ("test*",), "splits": ALL_TRAIN}
    ingest("day.jsonl", rows_of(TEXTS), **declared)

    with pytest.raises(
        BatchRefused, match=r"8 × leak \(line 1: batch 1 \(day.jsonl:1\) holds the same text as a train"
    ):
        ingest("test.jsonl", [{**row, "id": 1} for row in rows_of(TEXTS)], **declared)


def test_a_column_declares_each_row_and_a_word_it_does_not_know_refuses_one(
    ingest: Ingest, table: Table, refused: Refused
) -> None:
    names = ("train", "Validation", "test", "judge", "dev", "holdout", None)
    rows = [{**row, "part": name} for row, name in zip(rows_of(TEXTS[:7]), names, strict=True)]

    record = ingest("a.jsonl", rows, split_column="part", splits=ALL_TRAIN)

    found = [row["split"] for row in table(record.rows)]
    assert found == ["train", "tune", "judge", "judge", "tune", "train"]
    (row,) = refused(record)
    assert "the split 'holdout' in the column 'part' is none of train, tune" in row.reasons[0].words


def test_a_train_row_beside_a_test_row_of_the_same_file_is_not_trained_on(ingest: Ingest, table: Table) -> None:
    rows = [
        {"text": TEXTS[0], "label": "a", "part": "test"},
        {"text": f"{TEXTS[0]} s", "label": "b", "part": "train"},
        {"text": TEXTS[1], "label": "b", "part": "train"},
        {"text": TEXTS[1], "label": "b", "part": "test"},
    ]

    record = ingest("a.jsonl", rows, split_column="part")

    assert placed(table(record.rows)) == {TEXTS[0]: "judge", f"{TEXTS[0]} s": "barred", TEXTS[1]: "judge"}
