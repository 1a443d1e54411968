"""What a backup holds: every key with its size and digest. Written last, so that without an index there is no backup.

An index bears its own digest in its name, and is read as if a stranger had written it.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from fsl.store import documents, layout
from fsl.store.backups.order import turn_of
from fsl.store.errors import BadName, DamagedObject
from fsl.store.keys import checked_key
from fsl.store.transfer_errors import BackupDamaged

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of the project."""

    key: str
    size: int
    sha256: str
    etag: str  # as the store told it: the next backup need not read again what has not changed


@dataclass(frozen=True, slots=True)
class Index:
    """One backup."""

    project: str
    registry: str  # its id; "" before layout 2
    when: datetime
    without: tuple[str, ...]
    entries: tuple[Entry, ...]

    def find(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)


class _EntryDocument(documents.Document):
    key: str
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    etag: str


class _IndexDocument(documents.Document):
    project: str
    registry: str
    when: AwareDatetime
    without: list[str]
    objects: list[_EntryDocument]


def write_index(index: Index) -> bytes:
    """Return an index's bytes."""
    return documents.to_bytes(
        {
            "schema": SCHEMA,
            "project": index.project,
            "registry": index.registry,
            "when": index.when.astimezone(UTC).isoformat(),
            "without": list(index.without),
            "objects": [
                {"key": entry.key, "size": entry.size, "sha256": entry.sha256, "etag": entry.etag}
                for entry in sorted(index.entries, key=lambda entry: entry.key)
            ],
        }
    )


def name_index(data: bytes, when: datetime) -> str:
    """Return the name under which an index lies: names sort by time, and hold the index's own digest."""
    return f"{when.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{hashlib.sha256(data).hexdigest()[:16]}.json"


def parse_index(data: bytes, where: str, *, name: str | None = None) -> Index:
    """Read an index that may be anything.

    Args:
        name: whose digest must be that of the bytes; None for one that is not finished.

    Raises:
        BackupDamaged: it is not the index that was written, or names what no project holds.
        NewerSchema: a newer fsl wrote it.
    """
    if name is not None and name.removesuffix(".json")[-16:] != hashlib.sha256(data).hexdigest()[:16]:
        raise BackupDamaged(where, "is not as it was written: its digest is not the one in its name")
    try:
        found = documents.parse(_IndexDocument, data, where, schema_key="schema", schema=SCHEMA)
        entries = tuple(Entry(checked_key(item.key), item.size, item.sha256, item.etag) for item in found.objects)
    except DamagedObject as error:
        raise BackupDamaged(where, f"cannot be used: {error.reason}") from error
    except BadName as error:
        raise BackupDamaged(where, f"names a key that no project holds: {error}") from error
    never = next((entry.key for entry in entries if turn_of(entry.key) is None), None)
    if never is not None:
        raise BackupDamaged(where, f"names a key that no project holds: {never}")
    if len({entry.key for entry in entries}) != len(entries):
        raise BackupDamaged(where, "names a key twice")
    if name is not None and layout.LAYOUT not in {entry.key for entry in entries}:
        raise BackupDamaged(where, f"names no {layout.LAYOUT}")
    return Index(found.project, found.registry, found.when, tuple(found.without), entries)
