"""One row by itself: what becomes of its text, its target and its time."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from fsl.data.checking.rows import Columns, Row, build_row, row_id_of
from fsl.data.reading.raw_rows import RawRow, UnreadableRow
from fsl.problems import find_problem

COLUMNS = Columns("text", "label", "date")


def build(values: Mapping[str, Any], kind: str = "classification") -> Row:
    return build_row(RawRow(7, values), COLUMNS, find_problem(kind))


def test_a_sound_row_keeps_its_text_as_it_came() -> None:
    row = build({"text": "  Wo ist's? 你好 ", "label": " track ", "date": "2024-09-05", "extra": 1})

    assert row.text == "  Wo ist's? 你好 "
    assert (row.target, row.labels, row.target_fault) == ('"track"', ("track",), None)
    assert row.time == datetime(2024, 9, 5, tzinfo=UTC)
    assert json.loads(row.raw)["extra"] == 1


@pytest.mark.parametrize("values", [{"text": "a"}, {"text": "a", "label": None}])
def test_a_row_without_a_target_is_unlabelled_and_not_at_fault(values: Mapping[str, Any]) -> None:
    row = build(values)

    assert not row.is_labelled
    assert row.target_fault is None


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("", "the label is empty"),
        ("  ", "the label is empty"),
        (3, "the label is 3, but a label is a text"),
        (float("nan"), "the label is nan, but a label is a text"),
        (True, "the label is True, but a label is a text"),
        ({"name": "x"}, "the label is {'name': 'x'}, but a label is a text"),
        ("a\u202eb", "holds characters that cannot be shown"),
        ("x" * 201, "has 201 characters, more than 200"),
    ],
)
def test_a_bad_target_is_told_in_words(label: Any, reason: str) -> None:
    row = build({"text": "a", "label": label})

    assert row.target is None
    assert reason in (row.target_fault or "")


def test_an_empty_list_of_spans_is_a_target() -> None:
    row = build({"text": "nothing here", "label": []}, kind="tagging")

    assert (row.target, row.labels, row.is_labelled) == ("[]", (), True)


def test_spans_in_a_cell_of_csv_are_read_as_json() -> None:
    row = build({"text": "Acme rose", "label": '[{"start": 0, "end": 4, "label": "ORG"}]'}, kind="tagging")

    assert row.target == '[[0,4,"ORG"]]'


@pytest.mark.parametrize("cell", ["[", "[[0, 99, 'ORG']]", '[[0, 99, "ORG"]]', "[" * 100_000])
def test_a_cell_that_holds_no_usable_spans_is_told_in_words(cell: str) -> None:
    assert build({"text": "Acme rose", "label": cell}, kind="tagging").target_fault


def test_the_words_of_a_huge_target_are_short() -> None:
    assert len(build({"text": "a", "label": ["x" * 1_000_000]}).target_fault or "") <= 301


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2024-09-05T14:30:00+02:00", datetime(2024, 9, 5, 12, 30, tzinfo=UTC)),
        ("2024-09-05T14:30:00Z", datetime(2024, 9, 5, 14, 30, tzinfo=UTC)),
        (date(2024, 9, 5), datetime(2024, 9, 5, tzinfo=UTC)),
        (datetime(2024, 9, 5, 1, 2), datetime(2024, 9, 5, 1, 2, tzinfo=UTC)),  # noqa: DTZ001
        (None, None),
    ],
)
def test_times_are_read_as_utc(given: Any, expected: datetime | None) -> None:
    row = build({"text": "a", "date": given})

    assert (row.time, row.time_fault) == (expected, None)


@pytest.mark.parametrize("given", ["yesterday", "", 1725494400, "0001-01-01T00:00:00+14:00", "2024-13-01", ["2024"]])
def test_a_time_that_is_none_is_told_in_words(given: Any) -> None:
    assert "is not an ISO 8601 date or time" in (build({"text": "a", "date": given}).time_fault or "")


def test_half_a_surrogate_pair_can_be_kept_as_it_came() -> None:
    row = build({"text": "broken \ud83d"})

    assert row.raw.encode()
    assert json.loads(row.raw) == {"text": "broken \ud83d"}


def test_a_line_that_could_not_be_read_keeps_its_reason() -> None:
    row = build_row(UnreadableRow(3, "{", "no JSON"), COLUMNS, find_problem("classification"))

    assert (row.line, row.raw, row.reading_fault) == (3, "{", "no JSON")


def test_rows_of_one_source_have_different_names_and_the_same_ones_tomorrow() -> None:
    assert len({row_id_of("aa", 1), row_id_of("aa", 2), row_id_of("bb", 1)}) == 3
    assert row_id_of("aa", 1) == row_id_of("aa", 1)
