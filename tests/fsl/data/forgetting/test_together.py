"""A row of one of many files that came in together is forgotten: its file gives up its claim, and no other does."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fsl.config import RunConfig
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.data.history import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.together import ingest_together
from fsl.store import layout
from fsl.store.objects import ObjectStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Holders = Callable[[str], set[str]]
HERS = layout.inbox("07.jsonl")


@pytest.fixture
def many(store: ObjectStore, config: RunConfig, secret: str) -> ObjectStore:
    """Twelve files of two rows that came in together; the secret is in one of them."""
    keys = []
    for index in range(12):
        rows = [{"text": f"{label} number {index}", "label": label} for label in ("refund", "greeting")]
        rows += [{"text": secret, "label": "refund"}] if index == 7 else []
        key = layout.inbox(f"{index:02d}.jsonl")
        store.put(key, "".join(f"{json.dumps(row)}\n" for row in rows).encode())
        keys.append(key)
    ingest_together(store, config, keys, now=NOW)
    return store


def forget_maria(store: ObjectStore, config: RunConfig) -> None:
    forget(store, config, Selection((parse_condition("text contains maria sand"),)), who="person:ada", now=NOW)


@pytest.mark.parametrize("is_dropped_file_kept", [True, False])
def test_a_forgotten_row_leaves_one_of_many_files_and_the_others_claim_as_before(
    many: ObjectStore, config: RunConfig, secret: str, holders: Holders, is_dropped_file_kept: bool
) -> None:
    original = many.get(HERS)
    (before,) = read_history(many)
    if not is_dropped_file_kept:
        many.delete(HERS)

    forget_maria(many, config)

    (after,) = read_history(many)
    assert holders(secret) == set()
    assert after.rows.n == 24
    assert pending_objects(many) == ()
    changed = [new.source.name for old, new in zip(before.files, after.files, strict=True) if old != new]
    assert changed == ["07.jsonl"]

    many.put(HERS, original)
    assert pending_objects(many) == (HERS,)
    again = ingest_object(many, config, HERS, now=NOW)
    assert (again.seq, again.rows.n, again.n_duplicates) == (2, 0, 2)
    assert holders(secret) == set()


def test_a_row_that_comes_again_among_many_files_is_not_kept_and_its_file_is_cleaned(
    many: ObjectStore, config: RunConfig, secret: str, holders: Holders
) -> None:
    forget_maria(many, config)
    files = {f"inbox/later-{n}.jsonl": [{"text": f"later {n}", "label": "refund"}] for n in range(10)}
    files |= {"inbox/hers.jsonl": [{"text": secret, "label": "refund"}]}
    for key, rows in files.items():
        many.put(key, "".join(f"{json.dumps(row)}\n" for row in rows).encode())

    taken = ingest_together(many, config, list(files), now=NOW)

    assert taken.faults == {}
    record = read_history(many)[1]
    assert (record.rows.n, record.reasons) == (10, {"forgotten": 1})
    assert holders(secret) == set()
    assert pending_objects(many) == ()
