"""The records of batches: numbered without gaps, readable by later and by earlier versions."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fsl.data.batches import BatchRecord
from fsl.data.history import read_history
from fsl.store import layout
from fsl.store.errors import DamagedObject, NewerSchema
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]


@pytest.fixture
def three(ingest: Ingest, sound_rows: Callable[..., Any]) -> tuple[BatchRecord, ...]:
    return tuple(ingest(f"{first}.jsonl", sound_rows(first=first)) for first in (0, 10, 20))


def edit(store: ObjectStore, seq: int, change: Callable[[dict[str, Any]], object]) -> None:
    facts = json.loads(store.get(layout.commit(seq)))
    change(facts)
    store.put(layout.commit(seq), json.dumps(facts).encode())


def test_the_history_is_what_was_committed_in_order(store: ObjectStore, three: tuple[BatchRecord, ...]) -> None:
    assert read_history(store) == three
    assert [record.seq for record in three] == [1, 2, 3]


def test_known_records_are_not_read_again(store: ObjectStore, three: tuple[BatchRecord, ...]) -> None:
    store.delete(layout.commit(1))

    assert read_history(store, three[:2]) == three


def test_a_project_without_batches_has_no_history(store: ObjectStore) -> None:
    assert read_history(store) == ()


def test_a_missing_record_is_told_and_not_passed_over(store: ObjectStore, three: tuple[BatchRecord, ...]) -> None:
    store.delete(layout.commit(2))

    with pytest.raises(DamagedObject, match=r"00000002\.json is damaged: it is missing"):
        read_history(store)


def test_a_record_under_another_number_is_not_believed(store: ObjectStore, three: tuple[BatchRecord, ...]) -> None:
    store.put(layout.commit(2), store.get(layout.commit(1)))

    with pytest.raises(DamagedObject, match="it says that it is batch 1"):
        read_history(store)


def test_keys_that_a_later_version_adds_are_left_alone(store: ObjectStore, three: tuple[BatchRecord, ...]) -> None:
    edit(store, 3, lambda facts: facts.update(translated={"email": 3}))

    assert read_history(store) == three


def test_a_later_schema_is_refused_with_a_sentence(store: ObjectStore, three: tuple[BatchRecord, ...]) -> None:
    edit(store, 3, lambda facts: facts.update(schema=3))

    with pytest.raises(NewerSchema, match="Update fsl here"):
        read_history(store)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"schema": 1}', b'{"schema": "1"}', b"\xff", b"[" * 100_000])
def test_a_record_that_is_none_is_told(store: ObjectStore, three: tuple[BatchRecord, ...], data: bytes) -> None:
    store.put(layout.commit(3), data)

    with pytest.raises(DamagedObject, match=r"00000003\.json is damaged"):
        read_history(store)


def test_a_record_of_the_first_schema_stays_readable(store: ObjectStore) -> None:
    stored = {"key": "k", "sha256": "s", "n": 1}
    facts = {
        "schema": 1,
        "seq": 1,
        "source": {"key": "inbox/a.csv", "name": "a.csv", "sha256": "s", "size": 9, "etag": "e", "format": "csv"},
        "n_read": 3,
        "rows": stored,
        "pool": stored,
        "quarantine": stored,
        "n_duplicates": 1,
        "reasons": {"duplicate": 1},
        "labels": {"退款": 1},
        "new_labels": ["退款"],
        "splits": {"train": 1},
        "report": "batches/reports/s.html",
        "when": "2026-03-01T12:00:00Z",
    }
    store.put(layout.commit(1), json.dumps(facts).encode())

    (record,) = read_history(store)

    assert (record.source.name, record.rows.n, record.labels, record.n_refused) == ("a.csv", 1, {"退款": 1}, 0)
