"""A file that was refused whole leaves the inbox with a reason, and not a byte of it is lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord
from fsl.data.errors import AlreadyTakenIn, AmbiguousName, BatchRefused, NotInInbox, SourceChanged
from fsl.data.history import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.setting_aside import list_set_aside, set_aside
from fsl.store import layout
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Drop = Callable[[str, Any], str]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_refused_file_is_moved_whole_and_is_no_longer_pending(store: ObjectStore, ingest: Ingest) -> None:
    data = b"no\n" * 10
    with pytest.raises(BatchRefused):
        ingest("bad.jsonl", data)

    note = set_aside(store, "bad.jsonl", reason="it is a shopping list", now=NOW)

    assert pending_objects(store) == ()
    assert store.get(note.key) == data
    assert list_set_aside(store) == (note,)
    assert (note.name, note.size, note.reason) == ("bad.jsonl", 30, "it is a shopping list")


def test_a_file_is_found_by_the_name_under_which_it_was_dropped(store: ObjectStore) -> None:
    store.put(layout.inbox("bad.jsonl", "0123456789abcdef"), b"x")

    assert set_aside(store, "bad.jsonl", reason="r", now=NOW).name == "0123456789ab-bad.jsonl"


def test_two_files_of_one_name_are_not_guessed_between(store: ObjectStore) -> None:
    for digest in ("0123456789abcdef", "fedcba9876543210"):
        store.put(layout.inbox("bad.jsonl", digest), digest.encode())

    with pytest.raises(AmbiguousName, match=r"one of them: 0123456789ab-bad\.jsonl, fed"):
        set_aside(store, "bad.jsonl", reason="r", now=NOW)

    assert len(pending_objects(store)) == 2


def test_a_name_that_is_not_there_is_answered_with_those_that_are(store: ObjectStore, drop: Drop) -> None:
    drop("bad.jsonl", b"x")

    with pytest.raises(NotInInbox, match=r"holds no good\.jsonl.*It holds: bad\.jsonl"):
        set_aside(store, "good.jsonl", reason="r", now=NOW)


def test_a_file_that_is_a_batch_stays(store: ObjectStore, ingest: Ingest, sound_rows: Callable[..., Any]) -> None:
    ingest("good.jsonl", sound_rows())

    with pytest.raises(AlreadyTakenIn, match="is batch 1 already"):
        set_aside(store, "good.jsonl", reason="r", now=NOW)

    assert store.head("inbox/good.jsonl") is not None


class _Impatient(ObjectStore):
    """A store in which somebody replaces each object while it is read."""

    def download(self, key: str, path: Any, **options: Any) -> None:
        super().download(key, path, **options)
        self.put(key, b"something else")


def test_a_file_replaced_meanwhile_stays_in_the_inbox(store: ObjectStore, drop: Drop) -> None:
    drop("bad.jsonl", b"x")

    with pytest.raises(SourceChanged):
        set_aside(_Impatient(**vars(store)), "bad.jsonl", reason="r", now=NOW)

    assert store.get("inbox/bad.jsonl") == b"something else"


def test_the_same_bytes_uploaded_in_other_parts_are_fetched_once_and_then_known(
    store: ObjectStore,
    ingest: Ingest,
    drop: Drop,
    build_config: Callable[..., RunConfig],
    sound_rows: Callable[..., Any],
) -> None:
    first = ingest("good.jsonl", sound_rows())
    key = drop("copy.jsonl", sound_rows())
    other = _OtherEtag(**vars(store))
    assert pending_objects(other) == (key,)

    assert ingest_object(other, build_config(), key, now=NOW) == first

    assert pending_objects(other) == ()
    assert read_history(store) == (first,)


class _OtherEtag(ObjectStore):
    """A store that gives the copy an etag of its own, as for an upload in parts."""

    def head(self, key: str) -> Any:
        return _renamed(super().head(key))

    def list(self, *args: Any, **options: Any) -> Any:
        return map(_renamed, super().list(*args, **options))


def _renamed(info: Any) -> Any:
    return replace(info, etag="parts-2") if info and info.key.endswith("copy.jsonl") else info
