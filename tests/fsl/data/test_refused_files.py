"""Files that are refused as a whole: a sentence that says why, and nothing of them anywhere."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord
from fsl.data.errors import (
    BatchRefused,
    EmptyBatch,
    FileTooLarge,
    MissingColumn,
    OneLabelOnly,
    UnknownFormat,
    UnreadableFile,
)
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.quarantine import RefusedRow
from fsl.errors import FslError
from fsl.store import layout
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Rows = Callable[..., list[dict[str, Any]]]
Codes = Callable[[BatchRecord], dict[int, tuple[str, ...]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]

REFUSED_FILES: list[tuple[str, Any, type[FslError], str]] = [
    ("empty.jsonl", b"", EmptyBatch, "empty.jsonl holds no rows"),
    ("blank.jsonl", b"\n\n\n", EmptyBatch, "holds no rows"),
    ("header.csv", b"text,label\n", EmptyBatch, "holds no rows"),
    (
        "bad.jsonl",
        b"no\n" * 7 + b'{"text": "a"}\n{"text": "b"}\n{"text": "c"}',
        BatchRefused,
        r"7 of 10 rows of bad\.jsonl were refused",
    ),
    ("one.jsonl", [{"text": f"m {i}", "label": "only"} for i in range(5)], OneLabelOnly, "one label only, 'only'"),
    ("rare.jsonl", [{"text": f"m {i}", "label": f"l{i}"} for i in range(5)], BatchRefused, "new labels need 2"),
    ("notes.txt", b"hello", UnknownFormat, r"Name it \.jsonl"),
    ("cut.parquet", b"PAR1", UnreadableFile, "it is not sound Parquet"),
    (
        "body.csv",
        b"Text ,label\na,b\n",
        MissingColumn,
        r"no column 'text'.*Did you mean 'Text'\? Set `data.text_column`",
    ),
    ("body.jsonl", [{"message": "a", "label": "b"}], MissingColumn, r"found: 'label', 'message'"),
    ("slip.csv", b"text,Lable\na,b\n", MissingColumn, r"no column 'label'.*Did you mean 'Lable'\?"),
]


@pytest.mark.parametrize(("name", "contents", "error", "words"), REFUSED_FILES, ids=[case[0] for case in REFUSED_FILES])
def test_a_refused_file_says_why_and_leaves_nothing(
    ingest: Ingest, store: ObjectStore, name: str, contents: Any, error: type[FslError], words: str
) -> None:
    with pytest.raises(error, match=words):
        ingest(name, contents)

    assert {info.key for info in store.list()} == {f"inbox/{name}", layout.LAYOUT}
    assert pending_objects(store) == (f"inbox/{name}",)


def test_a_refused_file_lists_its_reasons_by_count(ingest: Ingest) -> None:
    lines = [*["no"] * 3, *['{"text": ""}'] * 2, '{"text": "fine"}']

    with pytest.raises(BatchRefused) as caught:
        ingest("bad.jsonl", "\n".join(lines).encode())

    assert [(reason.code, reason.n) for reason in caught.value.reasons] == [("unreadable", 3), ("text_empty", 2)]
    assert "3 × unreadable (line 1: the line is not JSON" in str(caught.value)
    assert "raise `data.max_refused_share`" in str(caught.value)


def test_one_label_is_enough_where_spans_are_tagged_or_all_rows_are_unlabelled(
    ingest: Ingest, sound_rows: Rows
) -> None:
    pool = ingest("pool.jsonl", [{"text": f"message {i}"} for i in range(3)])
    assert (pool.rows.n, pool.pool.n) == (0, 3)

    spans = [{"text": f"Acme {i}", "spans": [[0, 4, "ORG"]]} for i in range(3)] + [{"text": "nothing", "spans": []}]
    assert ingest("spans.jsonl", spans, kind="tagging").labels == {"ORG": 3}


class _Unread(ObjectStore):
    """A store from which nothing may be downloaded."""

    def download(self, key: str, path: Any, **options: Any) -> None:
        pytest.fail(f"{key} was downloaded")


def test_a_large_object_is_refused_before_it_is_downloaded(
    store: ObjectStore, drop: Callable[[str, Any], str], build_config: Callable[..., RunConfig]
) -> None:
    key = drop("a.jsonl", b"x" * 1_000_001)

    with pytest.raises(FileTooLarge):
        ingest_object(_Unread(**vars(store)), build_config(max_file_mb=1), key, now=datetime.now(UTC))
