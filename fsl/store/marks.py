"""How cleaning and writing keep out of each other's way: marks, and one ruling for each object.

A cleaning first marks what it means to remove, and removes it a grace period later. Whoever needs a marked object
meanwhile has it spared. Both say so by creating the same object, create-only, so that exactly one of them is right:
a spared object stays, and a writer whose object is being deleted is told to come again. Who removes what, and when,
is `fsl.store.cleaning`.
"""

import hashlib
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime

from fsl.store import documents, layout
from fsl.store.errors import BeingCleaned
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

SCHEMA = 1
SPARE = b"spare\n"
DELETE = b"delete"  # and by whom
MIN_GRACE = timedelta(hours=1)  # no publication takes as long: it asks again after half of it


@dataclass(frozen=True, slots=True)
class Mark:
    """What one cleaning means to remove."""

    name: str
    when: datetime
    keys: tuple[str, ...]


class _MarkDocument(documents.Document):
    when: AwareDatetime
    keys: list[str]


def write_mark(store: ObjectStore, keys: Collection[str], now: datetime) -> Mark:
    """Announce what is to be removed."""
    keys = tuple(sorted(keys))
    when = now.astimezone(UTC)
    data = documents.to_bytes({"schema": SCHEMA, "when": when.isoformat(), "keys": list(keys)})
    name = f"{when:%Y%m%dT%H%M%S}-{hashlib.sha256(data).hexdigest()[:12]}"
    store.create(layout.mark(name), data)
    return Mark(name, when, keys)


def read_marks(store: ObjectStore) -> Iterator[Mark]:
    """Yield every mark that stands. Raises DamagedObject, NewerSchema."""
    for info in store.list(layout.MARKS):
        name, _, rest = info.key.removeprefix(layout.MARKS).partition("/")
        data = store.find(info.key) if rest == "mark.json" else None
        if data is not None:  # None: that cleaning ended just now
            found = documents.parse(_MarkDocument, data, store.where(info.key), schema_key="schema", schema=SCHEMA)
            yield Mark(name, found.when, tuple(found.keys))


def spare(store: ObjectStore, keys: Collection[str]) -> None:
    """Keep every cleaning from removing these objects. To be called before relying on one that is there already.

    Raises:
        BeingCleaned: one of them is being deleted just now.
    """
    for mark in read_marks(store):
        for key in sorted(set(keys) & set(mark.keys)):
            if rule(store, mark, key, SPARE) != SPARE:
                raise BeingCleaned(store.where(key), "a cleaning is removing it")
            log.info("%s is spared from the cleaning %s", key, mark.name)


def rule(store: ObjectStore, mark: Mark, key: str, ruling: bytes) -> bytes:
    """Say what shall become of a marked object, and return what was said first."""
    place = ruling_key(mark, key)
    # A ruling that is gone again: the cleaning ended, and the object with it.
    return ruling if store.create(place, ruling) else store.find(place) or DELETE


def ruling_key(mark: Mark, key: str) -> str:
    """Return where the ruling on an object lies."""
    return layout.ruling(mark.name, hashlib.sha256(key.encode()).hexdigest()[:32])
