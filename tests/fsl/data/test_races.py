"""Two writers at once: every row ends in exactly one place, exactly once. A writer that is killed is `test_kills`."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data import committing
from fsl.data.batches import BatchRecord
from fsl.data.errors import NumberContended
from fsl.data.history import read_history
from fsl.data.intake import ingest_object
from fsl.data.quarantine import RefusedRow
from fsl.store.objects import ObjectStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Drop = Callable[[str, Any], str]
Rows = Callable[..., list[dict[str, Any]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]


def places(history: tuple[BatchRecord, ...], table: Rows, refused: Refused) -> Counter[str]:
    """Count how often each line of each file is anywhere."""
    found: Counter[str] = Counter()
    for record in history:
        found.update(row["source"] for stored in (record.rows, record.pool) for row in table(stored))
        found.update(row.source for row in refused(record))
    return found


class _Meeting(ObjectStore):
    """A store in which all writers wait for one another before they take their first number."""

    def create(self, key: str, data: bytes) -> bool:
        barrier: threading.Barrier = self._barrier  # type: ignore[attr-defined]
        if key.startswith("batches/commits/") and key.endswith("1.json"):
            barrier.wait(timeout=60)
        return super().create(key, data)


def meet(store: ObjectStore, n: int) -> ObjectStore:
    met = _Meeting(**vars(store))
    object.__setattr__(met, "_barrier", threading.Barrier(n))
    return met


def ingest_at_once(store: ObjectStore, config: RunConfig, keys: list[str]) -> list[BatchRecord]:
    store = meet(store, len(keys))
    with ThreadPoolExecutor(len(keys)) as workers:
        return list(workers.map(lambda key: ingest_object(store, config, key, now=NOW), keys))


def test_two_files_at_once_both_come_in_and_no_row_twice(
    store: ObjectStore,
    build_config: Callable[..., RunConfig],
    drop: Drop,
    table: Rows,
    refused: Refused,
    sound_rows: Rows,
) -> None:
    # Each holds five rows of its own for each label, and ten that the other holds as well.
    keys = [drop("a.jsonl", sound_rows(n=10)), drop("b.jsonl", sound_rows(n=10, first=5))]

    records = ingest_at_once(store, build_config(), keys)

    assert sorted(record.seq for record in records) == [1, 2]
    first, second = history = read_history(store)
    assert (first.rows.n, second.rows.n, second.n_duplicates) == (20, 10, 10)
    texts = [row["text"] for record in history for row in table(record.rows)]
    assert len(texts) == len(set(texts)) == 30
    assert sum(places(history, table, refused).values()) == 40


def test_two_files_that_contradict_each_other_are_not_both_believed(
    store: ObjectStore, build_config: Callable[..., RunConfig], drop: Drop, refused: Refused, sound_rows: Rows
) -> None:
    rows = sound_rows()
    other = [*sound_rows(first=50), {"text": rows[0]["text"], "label": "greeting"}]
    keys = [drop("a.jsonl", rows), drop("b.jsonl", other)]

    ingest_at_once(store, build_config(), keys)

    second = read_history(store)[1]
    assert second.reasons == {"contradiction": 1}
    assert "batch 1" in refused(second)[0].reasons[0].words


TEXTS = (
    "the parcel that I ordered on monday has not come yet",
    "my new card was declined at the supermarket twice",
    "I would like to close the account of my late father",
    "the app asks me for a code that never arrives here",
    "somebody took money out of my savings last night",
    "can I pay in dollars while I travel through Peru",
    "your agent promised to ring me back and never did",
)


def test_two_files_at_once_cannot_leak_into_each_other(
    store: ObjectStore, build_config: Callable[..., RunConfig], drop: Drop, table: Rows
) -> None:
    rows = [{"text": text, "label": "ab"[index % 2]} for index, text in enumerate(TEXTS)]
    near = [{**row, "text": f"{row['text']}s"} for row in rows]

    ingest_at_once(store, build_config(), [drop("a.jsonl", rows), drop("b.jsonl", near)])

    by_text = {row["text"]: row["split"] for record in read_history(store) for row in table(record.rows)}
    assert [by_text[text] for text in TEXTS] == [by_text[f"{text}s"] for text in TEXTS]
    assert len(by_text) == 14


def test_the_same_file_at_once_is_one_batch(
    store: ObjectStore, build_config: Callable[..., RunConfig], drop: Drop, sound_rows: Rows
) -> None:
    keys = [drop("a.jsonl", sound_rows()), drop("copy.jsonl", sound_rows())]

    records = ingest_at_once(store, build_config(), keys)

    assert len(read_history(store)) == 1
    assert {record.seq for record in records} == {1}


def test_a_writer_that_never_wins_says_that_trying_again_can_help(
    store: ObjectStore,
    build_config: Callable[..., RunConfig],
    drop: Drop,
    sound_rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(committing, "save_record", lambda *_: False)

    with pytest.raises(NumberContended, match="20 times in a row") as caught:
        ingest_object(store, build_config(), drop("a.jsonl", sound_rows()), now=NOW)

    assert caught.value.retryable
