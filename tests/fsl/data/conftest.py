"""A project with an inbox: drop bytes, ingest them, look at what became of them."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from fsl.config import DataConfig, ProblemConfig, RunConfig
from fsl.data.batches import BatchRecord, StoredTable
from fsl.data.intake import ingest_object
from fsl.data.quarantine import RefusedRow, parse_refused
from fsl.store import layout
from fsl.store.objects import ObjectStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def to_jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as JSON Lines, in UTF-8 and not escaped."""
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()


def build_rows(labels: Sequence[str] = ("refund", "greeting"), n: int = 5, *, first: int = 0) -> list[dict[str, str]]:
    """Return `n` sound rows for each label, no two alike."""
    return [
        {"text": f"{label} message {index}", "label": label} for label in labels for index in range(first, first + n)
    ]


def small_files(n: int = 12) -> dict[str, Any]:
    """Return so many files of two rows each, no two rows alike."""
    return {
        f"{index:02d}.jsonl": [{"text": f"{label} number {index}", "label": label} for label in ("refund", "greeting")]
        for index in range(n)
    }


@pytest.fixture
def jsonl() -> Callable[[Sequence[Mapping[str, Any]]], bytes]:
    return to_jsonl


@pytest.fixture
def sound_rows() -> Callable[..., list[dict[str, str]]]:
    return build_rows


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def build_config() -> Callable[..., RunConfig]:
    """Return a project's config; keywords are keys of its section `data`, and `kind` is the problem's."""

    def build(kind: Any = "classification", **data: Any) -> RunConfig:
        return RunConfig(project="tickets", problem=ProblemConfig(kind=kind), data=DataConfig(**data))

    return build


@pytest.fixture
def drop(store: ObjectStore) -> Callable[[str, Any], str]:
    """Put bytes, or rows as JSON Lines, into the inbox."""

    def put(name: str, contents: Any) -> str:
        key = layout.inbox(name)
        store.put(key, contents if isinstance(contents, bytes) else to_jsonl(contents))
        return key

    return put


@pytest.fixture
def ingest(
    store: ObjectStore, drop: Callable[[str, Any], str], build_config: Callable[..., RunConfig]
) -> Callable[..., BatchRecord]:
    """Drop a file and ingest it; keywords as for `build_config`."""

    def run(name: str, contents: Any, **config: Any) -> BatchRecord:
        return ingest_object(store, build_config(**config), drop(name, contents), now=NOW)

    return run


@pytest.fixture
def table(store: ObjectStore) -> Callable[[StoredTable], list[dict[str, Any]]]:
    """Read a stored table as anybody would."""

    def read(stored: StoredTable) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(store.get(stored.key))).to_pylist()
        assert len(rows) == stored.n
        return rows

    return read


@pytest.fixture
def refused(store: ObjectStore) -> Callable[[BatchRecord], list[RefusedRow]]:
    """Return the refused rows of a batch in the order of their lines."""

    def read(record: BatchRecord) -> list[RefusedRow]:
        rows = list(parse_refused(store.get(record.quarantine.key).split(b"\n")))
        assert len(rows) == record.quarantine.n
        return sorted(rows, key=lambda row: row.line)

    return read


@pytest.fixture
def codes(refused: Callable[[BatchRecord], list[RefusedRow]]) -> Callable[[BatchRecord], dict[int, tuple[str, ...]]]:
    """Return the codes of a batch's refused rows by line."""

    def read(record: BatchRecord) -> dict[int, tuple[str, ...]]:
        return {row.line: tuple(reason.code for reason in row.reasons) for row in refused(record)}

    return read
