"""Backing a whole project up, while others write. In which order, and why that is sound, is `fsl.store.backups.order`.

A backup that was cut off goes on, and the next one into the same place sends what is new alone. Its index comes last.
"""

import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fsl.store import layout
from fsl.store.backups.index import Entry, Index, name_index, parse_index, write_index
from fsl.store.backups.order import MUTABLE, N_TURNS, is_left_out, list_turn
from fsl.store.backups.places import INDEXES, PARTIAL, BucketPlace, Place
from fsl.store.errors import BadName, DamagedObject, NewerSchema, ObjectMissing
from fsl.store.keys import checked_key
from fsl.store.layout_file import registry_id
from fsl.store.manifests import digest_of, parse_manifest
from fsl.store.objects import ObjectInfo, ObjectStore
from fsl.store.transfer_errors import BackupDamaged, BackupOfAnother, NoProjectThere, PlaceInside

log = logging.getLogger(__name__)

N_READERS = 8
N_AT_ONCE = 256  # objects, after which a backup that is cut off need not read them again
_MANIFEST = "/manifest.json"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds, and what is to be known of it."""

    name: str
    n_objects: int
    n_bytes: int
    n_new: int  # that the place did not have
    n_new_bytes: int
    n_vanished: int  # cleaned away while it was made
    left_out: tuple[str, ...]  # keys that no project makes, and that cannot be restored
    damaged: tuple[str, ...]  # sentences: what is damaged in the project itself


@dataclass
class _Progress:
    """What has been copied so far."""

    index: Index
    known: dict[tuple[str, int, str], str]  # key, size, etag: digest
    entries: list[Entry] = field(default_factory=list)
    new: dict[str, int] = field(default_factory=dict)  # digest: size; two readers may send the same
    n_vanished: int = 0
    left_out: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def back_up(store: ObjectStore, place: Place, project: str, *, now: datetime, without: Collection[str] = ()) -> Backup:
    """Copy every object of a project to a place.

    Args:
        without: parts that are not needed there, of `backup_order.PARTS`.

    Raises:
        NoProjectThere, PlaceInside, FolderTrouble: nothing was written.
        BackupOfAnother: the place holds another project's.
        RestoreUnfinished, LayoutTooNew: the project cannot be read as a whole.
    """
    data = store.find(layout.LAYOUT)
    if data is None:
        raise NoProjectThere(store.where())
    if isinstance(place, BucketPlace) and place.where().startswith(store.where()):
        raise PlaceInside(place.where(), store.where())
    place.prepare()
    index = Index(project, registry_id(data, store.where(layout.LAYOUT)), now, tuple(sorted(without)), ())
    progress = _Progress(index, dict(_known(place, index)))
    with TemporaryDirectory(prefix="fsl-backup-") as scratch, ThreadPoolExecutor(N_READERS) as pool:
        for turn in range(N_TURNS):
            wanted = [info for info in list_turn(store, turn) if not is_left_out(info.key, without)]
            for start in range(0, len(wanted), N_AT_ONCE):
                _copy_some(store, place, wanted[start : start + N_AT_ONCE], progress, Path(scratch), pool)
        _close(store, place, progress, Path(scratch))
    return _finish(place, progress, now)


def _known(place: Place, index: Index) -> Iterator[tuple[tuple[str, int, str], str]]:
    """Yield what earlier backups here read, so that it is not read again. Raises BackupOfAnother."""
    names = [*(INDEXES + name for name in place.indexes()[-1:]), PARTIAL]
    for name in names:
        data = place.read(name)
        if data is None:
            continue
        try:
            found = parse_index(data, place.where(name), name=None if name == PARTIAL else name)
        except (BackupDamaged, NewerSchema) as error:
            log.warning("everything is read anew: %s", error)
            continue
        if found.project != index.project or (found.registry and index.registry and found.registry != index.registry):
            here, theirs = (f"{one.project!r} (registry {one.registry[:8] or 'unknown'})" for one in (index, found))
            raise BackupOfAnother(place.where(), theirs, here)
        for entry in found.entries:
            if entry.key not in MUTABLE:
                yield (entry.key, entry.size, entry.etag), entry.sha256


def _copy_some(
    store: ObjectStore,
    place: Place,
    infos: Sequence[ObjectInfo],
    progress: _Progress,
    scratch: Path,
    pool: ThreadPoolExecutor,
) -> None:
    copied = list(pool.map(lambda info: _copy(store, place, info, progress, scratch), infos))
    progress.entries += [entry for entry in copied if entry is not None]
    if len(infos) == N_AT_ONCE:
        log.info("backed up %d objects to %s", len(progress.entries), place.where())
        place.write(PARTIAL, write_index(replace(progress.index, entries=tuple(progress.entries))))


def _copy(store: ObjectStore, place: Place, info: ObjectInfo, progress: _Progress, scratch: Path) -> Entry | None:
    try:
        checked_key(info.key)
    except BadName:
        progress.left_out.append(info.key)
        return None
    sha256 = progress.known.get((info.key, info.size, info.etag))
    if sha256 is not None and place.holds(sha256, info.size):
        return Entry(info.key, info.size, sha256, info.etag)
    path = scratch / uuid.uuid4().hex
    try:
        store.download(info.key, path)
        entry = Entry(info.key, path.stat().st_size, digest_of(path), info.etag)
        _keep(place, entry, path, progress)
    except ObjectMissing:
        progress.n_vanished += 1
        return None
    finally:
        path.unlink(missing_ok=True)
    if f"/{layout.BLOBS}" in f"/{info.key}" and not info.key.endswith(entry.sha256):
        progress.damaged.append(f"{store.where(info.key)} does not hold the bytes that its name says.")
    return entry


def _keep(place: Place, entry: Entry, path: Path, progress: _Progress) -> None:
    if not place.holds(entry.sha256, entry.size):
        place.add(entry.sha256, path)
        progress.new[entry.sha256] = entry.size


def _close(store: ObjectStore, place: Place, progress: _Progress, scratch: Path) -> None:
    """Leave out the versions that were cleaned away meanwhile; tell those whose files are missing."""
    keys = {entry.key for entry in progress.entries}
    gone = set()
    for entry in progress.entries:
        root, folder, version = entry.key.removesuffix(_MANIFEST).rpartition(layout.VERSIONS)
        if not folder or not entry.key.endswith(_MANIFEST):
            continue
        data = place.find(entry.sha256, entry.size, scratch).read_bytes()
        try:
            files = parse_manifest(data, version, store.where(entry.key)).files
        except (DamagedObject, NewerSchema) as error:
            progress.damaged.append(str(error))
            continue
        missing = [file.path for file in files if root + layout.blob(file.sha256) not in keys]
        if missing and store.head(entry.key) is None:
            gone.add(entry.key)
            progress.n_vanished += 1
        elif missing:
            progress.damaged.append(f"{store.where(entry.key)} names {missing[0]}, whose bytes are not there.")
    progress.entries = [entry for entry in progress.entries if entry.key not in gone]


def _finish(place: Place, progress: _Progress, now: datetime) -> Backup:
    index = replace(progress.index, entries=tuple(progress.entries))
    data = write_index(index)
    name = name_index(data, now)
    place.write(INDEXES + name, data)
    place.remove(PARTIAL)
    log.info("backup %s of %s is finished: %d objects", name, index.project, len(index.entries))
    return Backup(
        name=name,
        n_objects=len(index.entries),
        n_bytes=sum(entry.size for entry in index.entries),
        n_new=len(progress.new),
        n_new_bytes=sum(progress.new.values()),
        n_vanished=progress.n_vanished,
        left_out=tuple(sorted(progress.left_out)),
        damaged=tuple(progress.damaged),
    )
