"""The project's own suite: its rows are refused in words like any others, and a hostile file is only ever refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fsl.data.batches import BatchRecord
from fsl.data.checking.suite import parse_suite
from fsl.data.errors import SuiteFault
from fsl.data.quarantine import RefusedRow
from fsl.store import layout
from fsl.store.objects import ObjectStore
from fsl.workspace import init_workspace

Ingest = Callable[..., BatchRecord]
Rows = Callable[..., list[dict[str, Any]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]


def suite_of(*expectations: Any) -> bytes:
    return json.dumps({"name": "mine", "expectations": expectations}).encode()


def expect(kind: str, column: str = "channel", **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_column_{kind}", "kwargs": {"column": column, **kwargs}, "meta": {}, "id": "x"}


SUITE = suite_of(
    expect("values_to_be_in_set", value_set=["mail", "chat", 5]),
    expect("values_to_not_be_null"),
    expect("values_to_be_between", column="stars", min_value=1, max_value=5),
    expect("value_lengths_to_be_between", column="text", max_value=40) | {"severity": "warning"},
    expect("values_to_not_match_regex", column="text", regex="(?i)password"),
)


def test_rows_against_the_suite_are_refused_in_words_and_warnings_are_noted(
    ingest: Ingest, refused: Refused, store: ObjectStore, sound_rows: Rows
) -> None:
    store.put(layout.SUITE, SUITE)
    rows = [{**row, "channel": "mail", "stars": 3} for row in sound_rows()]
    odd = [
        {"text": "by fax", "label": "refund", "channel": "fax", "stars": 6},
        {"text": "by nothing", "label": "refund", "stars": "<b>five</b>"},
        {"text": "my Password is x", "label": "refund", "channel": 5, "stars": 5},
        {"text": "a text that is a little longer than forty characters", "label": "refund", "channel": "chat"},
    ]

    record = ingest("a.jsonl", [*rows, *odd], suite="my_suite.json")

    assert [[reason.words for reason in row.reasons] for row in refused(record)] == [
        [
            "it should be that 'channel' is one of 'mail', 'chat', 5 (own suite), but the value is 'fax'",
            "it should be that 'stars' is from 1 to 5 (own suite), but the value is '6'",
        ],
        [
            "it should be that 'channel' is there (own suite), but there is no value",
            "it should be that 'stars' is from 1 to 5 (own suite), but the value is '<b>five</b>'",
        ],
        ["it should be that 'text' does not match (?i)password (own suite), but the value is 'my Password is x'"],
    ]
    assert record.rows.n == 11
    page = store.get(record.report).decode()
    assert "own suite" in page
    assert "<b>five" not in page
    assert "to any" not in page.partition("40 characters")[0][-80:]


def test_a_column_of_parquet_is_read_because_the_suite_names_it(
    ingest: Ingest, refused: Refused, store: ObjectStore, sound_rows: Rows
) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    store.put(layout.SUITE, SUITE)
    sink = io.BytesIO()
    rows = [{**row, "channel": "mail", "stars": 3.0} for row in sound_rows()]
    pq.write_table(pa.Table.from_pylist([*rows, {**rows[0], "text": "by fax", "channel": "fax"}]), sink)

    record = ingest("a.parquet", sink.getvalue(), suite="my_suite.json")

    assert [row.reasons[0].code for row in refused(record)] == ["suite_1"]


BAD: list[tuple[str, bytes, str]] = [
    ("no JSON", b"{", "Expecting"),
    ("a list", b"[]", 'no list "expectations"'),
    ("code", suite_of({"type": "os.system", "kwargs": {"column": "a"}}), "'os.system' is not known here"),
    ("a table's", suite_of({"type": "expect_table_row_count_to_equal", "kwargs": {}}), "is not known here"),
    ("mostly", suite_of(expect("values_to_not_be_null", mostly=0.9)), "would make a row's fate hang on the others"),
    ("a condition", suite_of(expect("values_to_not_be_null", row_condition="__import__('os')")), "has no argument"),
    ("no column", suite_of(expect("values_to_not_be_null", column="")), '"column" is no name'),
    ("a broken regex", suite_of(expect("values_to_match_regex", regex="(")), '"regex" is none'),
    ("a huge regex", suite_of(expect("values_to_match_regex", regex="a" * 1_000)), "at most 300 characters"),
    ("a nested set", suite_of(expect("values_to_be_in_set", value_set=[{}])), '"value_set" is no list of values'),
    ("a text as limit", suite_of(expect("values_to_be_between", min_value="1")), "'min_value' is no number"),
    ("no limit", suite_of(expect("values_to_be_between")), 'it needs "min_value" or "max_value"'),
    ("too many", suite_of(*[expect("values_to_not_be_null")] * 201), "201 expectations, more than 200"),
    ("too deep", b'{"expectations": ' + b"[" * 100_000, "cannot be used"),
    ("no object", suite_of(5), 'no object with "type" and "kwargs"'),
    ("a wild severity", suite_of(expect("values_to_not_be_null") | {"severity": "x"}), "is neither critical"),
]


@pytest.mark.parametrize(("data", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_suite_that_cannot_be_used_says_why(data: bytes, words: str) -> None:
    with pytest.raises(SuiteFault) as caught:
        parse_suite(data, where="my_suite.json")

    assert words in str(caught.value)
    assert "Mend it, or remove `data.suite` from fsl.yaml" in str(caught.value)


def test_the_suite_travels_with_the_config(tmp_path: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = init_workspace(tmp_path / "p", "support-intents")
    monkeypatch.setenv("FSL_STORE__ENDPOINT_URL", s3.url)
    monkeypatch.setenv("FSL_STORE__BUCKET", "fsl-tests")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.credentials.secret_key)
    monkeypatch.setenv("FSL_PROJECT", f"suite-{tmp_path.name.replace('_', '-')[-20:].strip('-')}")
    monkeypatch.setenv("FSL_DATA__SUITE", "my_suite.json")

    with pytest.raises(SuiteFault, match="No such file"), workspace.open():
        pass
    (workspace.folder / "my_suite.json").write_bytes(SUITE)
    with workspace.open() as project:
        assert project.store.get(layout.SUITE) == SUITE

    monkeypatch.setenv("FSL_DATA__SUITE", "../my_suite.json")
    with pytest.raises(SuiteFault, match="outside of the project's folder"), workspace.open():
        pass


def test_a_worker_without_the_suite_says_how_to_push_it(ingest: Ingest, sound_rows: Rows) -> None:
    with pytest.raises(SuiteFault, match="run `fsl config push`"):
        ingest("a.jsonl", sound_rows(), suite="my_suite.json")
