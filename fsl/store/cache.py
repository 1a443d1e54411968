"""Files of versions on this machine, by digest: a second load needs no network, and a damaged file is found.

| path | what |
|---|---|
| `blobs/<sha256>` | a file's bytes, read-only |
| `versions/<registry>/<version>/manifest.json` | the version's manifest, as it was fetched |
| `versions/<registry>/<version>/files/` | the version's folder, hard-linked to the blobs |

Several processes may use one cache at once: every file appears whole, by a rename, and is checked before it is used.
"""

import hashlib
import logging
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from fsl.store import layout
from fsl.store.errors import DamagedObject, ObjectMissing
from fsl.store.manifests import FileEntry, Manifest, digest_of
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)


def version_folder(store: ObjectStore, version: str, cache: Path) -> Path:
    """Return where a version of this registry lies in the cache."""
    registry = hashlib.sha256(store.where().encode()).hexdigest()[:16]
    return cache / "versions" / registry / version


def place_files(store: ObjectStore, manifest: Manifest, cache: Path) -> Path:
    """Return a folder that holds exactly the manifest's files, each checked against its digest just now."""
    folder = version_folder(store, manifest.version, cache) / "files"
    for file in manifest.files:
        _place(store, file, folder / file.path, cache)
    _remove_others(manifest, folder)
    return folder


def is_whole(path: Path, file: FileEntry) -> bool:
    """Return whether the file is there, byte for byte as it was published."""
    try:
        return not path.is_symlink() and path.stat().st_size == file.size and digest_of(path) == file.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False


def fetch_blob(store: ObjectStore, file: FileEntry, blob: Path, *, key: str | None = None) -> None:
    """Write a file of a version to this very path, read-only. Raises DamagedObject where it is not as published.

    Args:
        key: where it lies; default: among the blobs.
    """
    key = key or layout.blob(file.sha256)
    fetched = blob.with_name(f".{file.sha256}.{uuid.uuid4().hex}")
    try:
        store.download(key, fetched, max_bytes=file.size)
        if not is_whole(fetched, file):
            got = digest_of(fetched)
            raise DamagedObject(store.where(key), f"{file.path} has SHA-256 {got[:16]}…, not {file.sha256[:16]}…")
        fetched.chmod(0o444)
        fetched.replace(blob)
    except ObjectMissing as error:
        raise DamagedObject(store.where(key), f"{file.path} is listed in the manifest, and is not there") from error
    finally:
        fetched.unlink(missing_ok=True)


def fault_of_blob(store: ObjectStore, file: FileEntry, *, key: str | None = None) -> str | None:
    """Return what is wrong with a version's file in the store, or None. It passes by way of the disk, not by memory."""
    with TemporaryDirectory(prefix="fsl-proof-") as scratch:
        try:
            fetch_blob(store, file, Path(scratch) / "blob", key=key)
        except DamagedObject as error:
            return error.reason
    return None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _place(store: ObjectStore, file: FileEntry, target: Path, cache: Path) -> None:
    if is_whole(target, file):
        return
    blob = cache / "blobs" / file.sha256
    if not is_whole(blob, file):
        if blob.exists():
            log.warning("%s was damaged in the cache: fetching it again", blob)
        fetch_blob(store, file, blob)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = blob.with_name(f".{file.sha256}.{uuid.uuid4().hex}")
    try:
        _link(blob, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _link(blob: Path, target: Path) -> None:
    try:
        os.link(blob, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(blob, target)


def _remove_others(manifest: Manifest, folder: Path) -> None:
    listed = {folder / file.path for file in manifest.files}
    for path in folder.rglob("*"):
        if path not in listed and not (path.is_dir() and not path.is_symlink()):
            log.warning("%s is not of version %s: removed", path, manifest.version)
            with suppress(FileNotFoundError):
                path.unlink()
