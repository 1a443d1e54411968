"""Small files that wait together, while another writer takes some of them or somebody replaces one."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord, StoredTable
from fsl.data.history import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.quarantine import RefusedRow
from fsl.data.together import TakenIn, ingest_together
from fsl.store import layout
from fsl.store.objects import ObjectInfo, ObjectStore
from tests.fsl.data.conftest import small_files

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Drop = Callable[[str, Any], str]
Table = Callable[[StoredTable], list[dict[str, Any]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]
Configure = Callable[..., RunConfig]
Take = Callable[..., TakenIn]


class _Meeting(ObjectStore):
    """A store in which all writers wait for one another before they take the first number."""

    def create(self, key: str, data: bytes) -> bool:
        barrier: threading.Barrier = self._barrier  # type: ignore[attr-defined]
        if key == layout.commit(1):
            barrier.wait(timeout=60)
        return super().create(key, data)


def test_two_groups_with_files_in_common_at_once_take_each_file_once_and_cannot_leak(
    store: ObjectStore, drop: Drop, build_config: Configure, table: Table, refused: Refused
) -> None:
    kin = "somebody took money out of my savings last night"
    files = small_files(16) | {
        "k0.jsonl": [{"text": kin, "label": "refund"}],
        "k1.jsonl": [{"text": f"{kin}s", "label": "refund"}],
    }
    keys = [drop(name, rows) for name, rows in files.items()]
    met = _Meeting(**vars(store))
    object.__setattr__(met, "_barrier", threading.Barrier(2))
    halves = [keys[:12] + keys[16:17], keys[4:16] + keys[17:]]

    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(lambda some: ingest_together(met, build_config(), some, now=NOW), halves))

    history = read_history(store)
    assert sorted(seq for one in taken for seq in one.new) == [1, 2]
    assert Counter(source.name for record in history for source in record.sources) == dict.fromkeys(files, 1)
    rows = [row for record in history for row in table(record.rows)]
    assert Counter(row["source"] for row in rows) == {
        f"{name}:{line}": 1 for name, some in files.items() for line in range(1, len(some) + 1)
    }
    assert len({row["split"] for row in rows if row["text"].startswith(kin)}) == 1
    assert pending_objects(store) == ()


class _Replacing(ObjectStore):
    """A store in which somebody replaces a file as soon as it was read."""

    def fetch(self, key: str, *, max_bytes: int) -> tuple[ObjectInfo, bytes]:
        found = super().fetch(key, max_bytes=max_bytes)
        if key == layout.inbox("03.jsonl"):
            self.put(key, b'{"text": "something else", "label": "refund"}\n')
        return found


def test_a_file_that_is_replaced_meanwhile_comes_in_as_it_was_and_waits_as_it_is(
    store: ObjectStore, drop: Drop, build_config: Configure, table: Table
) -> None:
    keys = [drop(name, rows) for name, rows in small_files().items()]

    ingest_together(_Replacing(**vars(store)), build_config(), keys, now=NOW)

    texts = {row["text"] for row in table(read_history(store)[0].rows)}
    assert "refund number 3" in texts
    assert pending_objects(store) == (layout.inbox("03.jsonl"),)
    assert ingest_object(store, build_config(), layout.inbox("03.jsonl"), now=NOW).seq == 2
