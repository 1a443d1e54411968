"""Restoring a backup: into an empty prefix, or one that holds some of the very same objects.

Everything in the backup is read and digested before the first write. Then `layout.json` says that the project is being
restored, so that nobody opens half of it; what is named comes before what names it (`fsl.store.backups.order`), and the
true `layout.json` comes last. A restore that was cut off goes on when it is run again.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from fsl.store import layout
from fsl.store.backups.index import Entry, Index, parse_index
from fsl.store.backups.order import PROBES, folders_above, restore_rank
from fsl.store.backups.places import INDEXES, Place, newest_index
from fsl.store.cache import fault_of_blob
from fsl.store.errors import StoreFaulty
from fsl.store.layout_file import layout_version, restoring_layout
from fsl.store.manifests import FileEntry
from fsl.store.objects import ObjectStore
from fsl.store.transfer_errors import BackupOfAnother, PrefixInUse

log = logging.getLogger(__name__)

N_WRITERS = 8


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore put back."""

    index: Index
    name: str
    n_sent: int
    n_there: int  # that lay there already, the very same
    n_bytes_sent: int


def restore(store: ObjectStore, place: Place, project: str, *, at: str | None = None) -> Restored:
    """Put a project back as it was.

    Args:
        at: the beginning of a backup's name; default: the newest.

    Raises:
        NoBackup, BackupOfAnother, BackupDamaged, NewerSchema: found before anything was written.
        PrefixInUse: something else lies there; nothing was written.
    """
    name = newest_index(place, at)
    where = place.where(INDEXES + name)
    index = parse_index(place.read(INDEXES + name) or b"", where, name=name)
    if index.project != project:
        raise BackupOfAnother(place.where(), repr(index.project), repr(project))
    with TemporaryDirectory(prefix="fsl-restore-") as scratch:
        final = _check_objects(place, index, Path(scratch))
        layout_version(final, where)
        there = _check_prefix(store, index, name, final)
        missing = [entry for entry in index.entries if entry.key not in there]
        _mark(store, name, final)
        _send_all(store, place, missing, Path(scratch))
    _check_sent(store, index)
    store.put(layout.LAYOUT, final)
    log.info("restored %s from %s: %d objects sent", store.where(), where, len(missing))
    return Restored(index, name, len(missing), len(there), sum(entry.size for entry in missing))


def _check_objects(place: Place, index: Index, scratch: Path) -> bytes:
    """Digest everything that the backup names; returns the project's `layout.json`. Raises BackupDamaged."""

    def check(entry: Entry) -> bytes | None:
        with _lent(place, entry, scratch) as path:
            return path.read_bytes() if entry.key == layout.LAYOUT else None

    once = {(entry.sha256, entry.key == layout.LAYOUT): entry for entry in index.entries}
    with ThreadPoolExecutor(N_WRITERS) as pool:
        return next(data for data in list(pool.map(check, once.values())) if data is not None)


def _check_prefix(store: ObjectStore, index: Index, name: str, final: bytes) -> set[str]:
    """Return the keys that lie there already, the very same. Raises PrefixInUse where anything else does."""
    found = store.find(layout.LAYOUT)
    if found not in (None, final, restoring_layout(name)):
        raise PrefixInUse(store.where(layout.LAYOUT), "is of another project or another restore")
    entries = {entry.key: entry for entry in index.entries}
    there = []
    for info in store.list():
        if info.key == layout.LAYOUT or info.key.startswith(PROBES):
            continue
        if info.key not in entries:
            raise PrefixInUse(store.where(info.key), "is not in the backup")
        there.append(entries[info.key])
    with ThreadPoolExecutor(N_WRITERS) as pool:
        for entry, fault in zip(there, pool.map(lambda entry: _fault(store, entry), there), strict=True):
            if fault:
                raise PrefixInUse(store.where(entry.key), f"is not the same as in the backup ({fault})")
    return {entry.key for entry in there} | ({layout.LAYOUT} if found == final else set())


def _fault(store: ObjectStore, entry: Entry) -> str | None:
    return fault_of_blob(store, FileEntry(entry.key, entry.sha256, entry.size), key=entry.key)


def _mark(store: ObjectStore, name: str, final: bytes) -> None:
    """Keep everybody out until the project is whole."""
    mark = restoring_layout(name)
    if not store.create(layout.LAYOUT, mark) and store.find(layout.LAYOUT) not in (mark, final):
        raise PrefixInUse(store.where(layout.LAYOUT), "was made by somebody just now")


def _send_all(store: ObjectStore, place: Place, entries: list[Entry], scratch: Path) -> None:
    def send(entry: Entry) -> None:
        with _lent(place, entry, scratch) as path:
            store.upload(entry.key, path)

    keys = {entry.key for entry in entries}

    def turn(entry: Entry) -> tuple[int, int]:
        return restore_rank(entry.key), folders_above(entry.key, keys)

    wanted = sorted((entry for entry in entries if entry.key != layout.LAYOUT), key=turn)
    with ThreadPoolExecutor(N_WRITERS) as pool:
        for _, together in groupby(wanted, key=turn):
            list(pool.map(send, together))


@contextmanager
def _lent(place: Place, entry: Entry, scratch: Path) -> Iterator[Path]:
    path = place.find(entry.sha256, entry.size, scratch)
    try:
        yield path
    finally:
        if path.parent == scratch:
            path.unlink()


def _check_sent(store: ObjectStore, index: Index) -> None:
    sizes = {info.key: info.size for info in store.list()}
    for entry in index.entries:
        size = sizes.get(entry.key)
        if entry.key != layout.LAYOUT and size != entry.size:
            found = "no listing names it" if size is None else f"{size} bytes are there"
            raise StoreFaulty(store.where(entry.key), f"{entry.size} bytes were sent, and {found}")
