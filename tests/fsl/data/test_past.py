"""Many small files: what a run remembers gives the same batches as reading all again, at a cost that does not grow."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord, StoredTable, save_record
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.data.history import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.kin_index import MIN_TAIL, KinIndex
from fsl.data.minhash import N_HASHES
from fsl.data.near_duplicates import mark_kin
from fsl.data.past import Past
from fsl.data.signed_rows import SignedRows
from fsl.project import push_config
from fsl.store.objects import ObjectStore

Drop = Callable[[str, Any], str]
Configure = Callable[..., RunConfig]
N_BATCHES = 200


def apart(n: int) -> str:
    return " ".join(hashlib.sha256(f"{n} {word}".encode()).hexdigest()[:7] for word in range(5))


def row(n: int, label: str = "refund", ending: str = "") -> dict[str, str]:
    return {"text": f"{apart(n)}{ending}", "label": label}


SMALL_FILES = (
    [row(n, label) for n in range(4) for label in (("refund", "parcel")[n % 2],)],
    [row(9)],
    [row(9)],
    [row(9, "parcel"), row(10)],
    [row(1, ending=" s"), row(2, "parcel", ending=" s")],
    [{"text": apart(11)}, row(12)],
    [row(11, ending=" x"), row(12, "parcel", ending=" y"), row(0, "parcel")],
)


def test_what_a_run_remembers_changes_nothing_about_any_batch(
    store: ObjectStore, build_config: Configure, now: datetime, jsonl: Callable[..., bytes]
) -> None:
    config, found = build_config(max_refused_share=1.0), {}
    for name, past in (("anew", None), ("remembered", Past(max_remembered=100_000)), ("full", Past(max_remembered=5))):
        part = store.within(f"{name}/")
        push_config(config, part, split_key="7" * 64)
        for index, rows in enumerate(SMALL_FILES):
            part.put(f"inbox/{index}.jsonl", jsonl([{**one, "file": index} for one in rows]))
            ingest_object(part, config, f"inbox/{index}.jsonl", now=now, past=past)
        found[name] = [replace(record, report="") for record in read_history(part)]

    assert [record.n_duplicates for record in found["anew"]] == [0, 0, 1, 0, 0, 0, 0]
    assert found["anew"][3].reasons["contradiction"] == 1
    assert found["remembered"] == found["anew"] == found["full"]


def test_a_file_costs_as_much_behind_two_hundred_batches_as_behind_two(
    store: ObjectStore, drop: Drop, build_config: Configure, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, past, n_asked = build_config(), Past(max_remembered=100_000), [0]
    first = ingest_object(store, config, drop("0.jsonl", SMALL_FILES[0]), now=now, past=past)
    _count_requests(monkeypatch, n_asked)

    def cost(name: str, n: int) -> int:
        key, before = drop(name, [row(n)]), n_asked[0]
        ingest_object(store, config, key, now=now, past=past)
        return n_asked[0] - before

    cost("warm.jsonl", 100)
    early = cost("early.jsonl", 101)
    _repeat(store, first, N_BATCHES)
    catching_up = cost("after.jsonl", 102)
    late = cost("late.jsonl", 103)

    assert catching_up > N_BATCHES
    assert late == early < 30
    assert len(read_history(store)) == N_BATCHES + 5
    assert pending_objects(store) == ()


def _count_requests(monkeypatch: pytest.MonkeyPatch, n_asked: list[int]) -> None:
    for name in ("find", "get", "head", "list", "put", "create", "upload", "download"):
        real = getattr(ObjectStore, name)

        def counted(self: ObjectStore, *args: Any, real: Any = real, **kwargs: Any) -> Any:
            n_asked[0] += 1
            return real(self, *args, **kwargs)

        monkeypatch.setattr(ObjectStore, name, counted)


def _repeat(store: ObjectStore, record: BatchRecord, n: int) -> None:
    """Commit batches with the same tables, each from a file of its own."""
    last = len(read_history(store))
    for seq in range(last + 1, last + n + 1):
        source = replace(record.source, sha256=hashlib.sha256(str(seq).encode()).hexdigest(), etag=str(seq))
        assert save_record(store, replace(record, seq=seq, source=source))


def test_what_was_forgotten_meanwhile_is_not_remembered_either(
    store: ObjectStore, drop: Drop, build_config: Configure, now: datetime, table: Callable[[StoredTable], Any]
) -> None:
    config, past = build_config(), Past(max_remembered=100_000)
    ingest_object(store, config, drop("0.jsonl", SMALL_FILES[0]), now=now, past=past)
    ingest_object(store, config, drop("1.jsonl", [row(5), row(6)]), now=now, past=past)
    words = apart(5).split()[0]
    forget(store, config, Selection((parse_condition(f"text contains {words}"),)), who="person:ada", now=now)

    record = ingest_object(store, config, drop("2.jsonl", [row(5), row(6), row(7)]), now=now, past=past)

    assert [one["text"] for one in table(record.rows)] == [apart(7)]
    assert (record.reasons, record.n_duplicates) == ({"duplicate": 1, "forgotten": 1}, 1)
    assert past.labels["refund"] == sum(one.labels.get("refund", 0) for one in read_history(store)[:2])


def test_the_index_finds_for_each_file_what_a_search_through_everything_finds() -> None:
    generator = np.random.default_rng(3)
    earlier = generator.integers(0, 3, (MIN_TAIL + 700, N_HASHES), dtype=np.uint8)
    flags = generator.choice(np.array([1, 2, 4], dtype=np.uint8), len(earlier))
    file = earlier[::97].copy()
    file[::2, :40] = generator.integers(0, 3, file[::2, :40].shape)
    file[::3] = generator.integers(4, 9, file[::3].shape)
    index = KinIndex()
    for part in range(0, len(earlier), 500):
        index.add([SignedRows(earlier[part : part + 500], flags[part : part + 500])])

    near = index.near(file)

    clusters, expected, found = np.arange(len(file)), *np.zeros((2, len(file)), dtype=np.uint8)
    mark_kin(file, clusters, earlier, flags, 90, expected)
    mark_kin(file, clusters, near.signatures, near.flags, 90, found)
    assert 0 < len(near.flags) < len(earlier)
    assert found.tolist() == expected.tolist()
    assert 0 < np.count_nonzero(found) < len(found)
