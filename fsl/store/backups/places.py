"""Where backups lie: a folder, or a prefix of a bucket. Both hold the same.

| name | what |
|---|---|
| `objects/<sha256>` | what some object of the project held; never changed, and shared by all backups here |
| `indexes/<time>-<digest>.json` | one finished backup |
| `partial.json` | how far the one that is being made has come |

Keys of the project are never names here, so no key can climb out, hide, or meet another on a disk that knows no case.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from fsl.store.cache import fetch_blob, is_whole, write_whole
from fsl.store.errors import DamagedObject
from fsl.store.manifests import FileEntry
from fsl.store.objects import ObjectStore
from fsl.store.transfer_errors import BackupDamaged, FolderTrouble, NoBackup

OBJECTS = "objects/"
INDEXES = "indexes/"
PARTIAL = "partial.json"


class Place(Protocol):
    """What a backup needs of where it lies."""

    def where(self, name: str = "") -> str:
        """Name it for people."""

    def prepare(self) -> None:
        """Make it ready to be written to. Raises FolderTrouble where it holds anything else."""

    def holds(self, sha256: str, size: int) -> bool:
        """Return whether an object is there; a folder reads it to the end."""

    def add(self, sha256: str, path: Path) -> None:
        """Keep a file's bytes."""

    def find(self, sha256: str, size: int, scratch: Path) -> Path:
        """Return a file with an object's bytes, digested just now; in `scratch` if need be. Raises BackupDamaged."""

    def indexes(self) -> tuple[str, ...]:
        """Return the names of all finished backups, oldest first."""

    def read(self, name: str) -> bytes | None:
        """Return what lies under a name, or None."""

    def write(self, name: str, data: bytes) -> None:
        """Write over what lies under a name; it appears whole or not at all."""

    def remove(self, name: str) -> None:
        """Remove what lies under a name."""


class FolderPlace:
    """Backups in a folder, for the owner's eyes alone: they hold every text of the project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def where(self, name: str = "") -> str:
        return str(self._folder / name)

    def prepare(self) -> None:
        with self._asking():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            others = {path.name for path in self._folder.iterdir()} - {"objects", "indexes", PARTIAL}
            others = {name for name in others if not name.startswith(f".{PARTIAL}.")}  # what a kill left
            if others:
                raise FolderTrouble(str(self._folder), f"it holds {min(others)}, which is of no backup")
            for name in (OBJECTS, INDEXES):
                (self._folder / name).mkdir(exist_ok=True, mode=0o700)

    def holds(self, sha256: str, size: int) -> bool:
        with self._asking():
            return is_whole(self._folder / OBJECTS / sha256, FileEntry(sha256, sha256, size))

    def add(self, sha256: str, path: Path) -> None:
        target = self._folder / OBJECTS / sha256
        beside = target.with_name(f".{path.name}")
        try:
            with self._asking(), path.open("rb") as source, beside.open("wb") as sink:
                shutil.copyfileobj(source, sink)
                sink.flush()
                os.fsync(sink.fileno())  # an index must not outlive what it names
                beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def find(self, sha256: str, size: int, scratch: Path) -> Path:
        path = self._folder / OBJECTS / sha256
        with self._asking():
            if not path.exists():
                raise BackupDamaged(str(path), "is missing")
            if not self.holds(sha256, size):
                raise BackupDamaged(str(path), "does not hold the bytes that its name says")
        return path

    def indexes(self) -> tuple[str, ...]:
        if not (self._folder / INDEXES).is_dir():
            return ()
        with self._asking():
            paths = (self._folder / INDEXES).glob("[0-9]*.json")
            return tuple(sorted(path.name for path in paths if path.is_file()))

    def read(self, name: str) -> bytes | None:
        path = self._folder / name
        with self._asking():
            return path.read_bytes() if path.is_file() else None

    def write(self, name: str, data: bytes) -> None:
        with self._asking():
            write_whole(self._folder / name, data)

    def remove(self, name: str) -> None:
        with self._asking():
            (self._folder / name).unlink(missing_ok=True)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FolderTrouble(str(self._folder), error.strerror or str(error)) from error


class BucketPlace:
    """Backups under a prefix of a bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def where(self, name: str = "") -> str:
        return self.store.where(name)

    def prepare(self) -> None:
        known = (OBJECTS, INDEXES, PARTIAL)
        other = next((info.key for info in self.store.list() if not info.key.startswith(known)), None)
        if other is not None:
            raise FolderTrouble(self.where(), f"it holds {other}, which is of no backup")

    def holds(self, sha256: str, size: int) -> bool:
        found = self.store.head(OBJECTS + sha256)
        return found is not None and found.size == size

    def add(self, sha256: str, path: Path) -> None:
        self.store.upload(OBJECTS + sha256, path)

    def find(self, sha256: str, size: int, scratch: Path) -> Path:
        path = scratch / f"{sha256}.{uuid.uuid4().hex}"
        try:
            fetch_blob(self.store, FileEntry(sha256, sha256, size), path, key=OBJECTS + sha256)
        except DamagedObject as error:
            raise BackupDamaged(error.where, f"cannot be used ({error.reason})") from error
        return path

    def indexes(self) -> tuple[str, ...]:
        keys = (info.key.removeprefix(INDEXES) for info in self.store.list(INDEXES))
        return tuple(sorted(key for key in keys if key.endswith(".json")))

    def read(self, name: str) -> bytes | None:
        return self.store.find(name)

    def write(self, name: str, data: bytes) -> None:
        self.store.put(name, data)

    def remove(self, name: str) -> None:
        self.store.delete(name)


def newest_index(place: Place, at: str | None) -> str:
    """Return the name of the backup to restore. Raises NoBackup.

    Args:
        at: the beginning of its name, such as `20261123T10`; default: the newest.
    """
    names = place.indexes()
    fitting = [name for name in names if name.startswith(at or "")]
    if not names:
        raise NoBackup(place.where(), "it has no index")
    if not fitting:
        raise NoBackup(place.where(), f"none begins with {at!r}; the newest are {', '.join(names[-3:])}")
    return fitting[-1]
