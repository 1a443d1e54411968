"""A file that was refused whole, moved out of the inbox on request: kept byte for byte, with the reason.

The copy and its note are stored before the object is removed, so a kill at any point loses nothing, and doing it
again ends the same way.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fsl.data.batches import find_claim
from fsl.data.errors import AlreadyTakenIn, AmbiguousName, NotInInbox, SourceChanged
from fsl.data.history import read_history
from fsl.data.stored import Documents
from fsl.data.tables import sha256_of
from fsl.store import layout
from fsl.store.objects import ObjectInfo, ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SetAside:
    """One file that was set aside."""

    name: str  # as it lay in the inbox
    sha256: str
    size: int
    reason: str
    when: datetime
    key: str  # where its bytes lie now


NOTES = Documents(SetAside, schema=1)


def set_aside(store: ObjectStore, name: str, *, reason: str, now: datetime) -> SetAside:
    """Move a file from the inbox to quarantine, whole.

    Args:
        name: as it lies in the inbox, or as it was dropped (without the digest that `fsl ingest` puts before it).

    Raises:
        NotInInbox, AmbiguousName, AlreadyTakenIn: nothing was changed.
        SourceChanged: the file was replaced meanwhile; the new one stays in the inbox.
    """
    found = _find(store, name)
    inbox_name = found.key.removeprefix(layout.INBOX)
    with TemporaryDirectory(prefix="fsl-set-aside-") as folder:
        path = Path(folder) / "file"
        store.download(found.key, path)
        sha256 = sha256_of(path)
        claim = find_claim(read_history(store), sha256)
        if claim is not None:
            raise AlreadyTakenIn(inbox_name, claim.seq)
        key = layout.set_aside(sha256, inbox_name)
        store.upload(key, path)
        n_bytes = path.stat().st_size
    note = SetAside(inbox_name, sha256, n_bytes, reason, now, key)
    store.put(layout.set_aside_note(sha256, inbox_name), NOTES.to_bytes(note))
    after = store.head(found.key)
    if after is not None and (after.etag, after.size) != (found.etag, found.size):
        raise SourceChanged(inbox_name)
    store.delete(found.key)
    log.info("%s was set aside: %s", inbox_name, reason)
    return note


def list_set_aside(store: ObjectStore) -> tuple[SetAside, ...]:
    """Return every file that was set aside, the oldest first."""
    notes = (
        NOTES.parse(store.get(info.key), where=store.where(info.key)) for info in store.list(layout.SET_ASIDE_NOTES)
    )
    return tuple(sorted(notes, key=lambda note: (note.when, note.key)))


def _find(store: ObjectStore, name: str) -> ObjectInfo:
    name = name.removeprefix(layout.INBOX)
    dropped = [info for info in store.list(layout.INBOX) if not info.key.endswith("/")]
    exact = [info for info in dropped if info.key == layout.inbox(name)]
    found = exact or [info for info in dropped if layout.dropped_name(info.key) == name]
    if not found:
        raise NotInInbox(name, tuple(sorted(_name(info) for info in dropped))[:10])
    if len(found) > 1:
        raise AmbiguousName(name, tuple(sorted(_name(info) for info in found)))
    return found[0]


def _name(info: ObjectInfo) -> str:
    return info.key.removeprefix(layout.INBOX)
