"""A version as a folder that can be carried anywhere: `manifest.json` as it lies in the store, beside `files/`.

An export holds all that a version is, its signature too. What comes in is checked as if it came from a stranger: it
may be a folder that somebody made up. Between two stores that can both be reached, `fsl.store.transfer` is shorter.
"""

import logging
import os
import shutil
import uuid
from pathlib import Path

from fsl.errors import FslError
from fsl.store import layout
from fsl.store.cache import is_whole, place_files
from fsl.store.errors import BadName, DamagedObject
from fsl.store.manifests import FileEntry, Manifest, parse_manifest
from fsl.store.registry import Registry, manifest_bytes
from fsl.store.transfer import Transfer, take_over
from fsl.store.transfer_errors import FolderTrouble, NotAnExport

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
FILES = "files"
MAX_MANIFEST_BYTES = 16 << 20  # hundreds of thousands of files


def export_version(registry: Registry, version: str, folder: Path, cache: Path) -> Manifest:
    """Write a version to a folder that is not there yet. It appears whole, every file checked, or not at all.

    Raises:
        FolderTrouble: the folder is there, or cannot be written.
        NoSuchVersion, DamagedObject, NewerSchema, NotTrusted.
    """
    folder = folder.absolute()
    if os.path.lexists(folder):
        raise FolderTrouble(str(folder), "it is there already, and an export never writes over anything")
    data = manifest_bytes(registry, version)
    manifest = parse_manifest(data, version, registry.store.where(layout.manifest(version)), registry.trust)
    source = place_files(registry.store, manifest, cache)
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        _write(beside, data, manifest, source)
        beside.rename(folder)
    except OSError as error:
        raise FolderTrouble(str(folder), error.strerror or str(error)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    log.info("exported version %s to %s: %d files", version, folder, len(manifest.files))
    return manifest


def import_version(registry: Registry, folder: Path, *, max_bytes: int) -> Transfer:
    """Make a version of an exported folder, under the name that its manifest says, byte for byte.

    Args:
        max_bytes: a version that says it is larger is refused before its files are read.

    Raises:
        NotAnExport: something in the folder is not as it was exported; nothing appeared in the registry.
        DamagedObject, NewerSchema: the manifest is none, or a newer fsl wrote it.
        NotTrusted: a signature is required, and no key listed here gave it.
        VersionTooLarge, VersionTaken.
    """
    path = folder / MANIFEST
    data = _read_manifest(folder)
    try:
        manifest = parse_manifest(data, None, str(path), registry.trust)
    except (DamagedObject, BadName) as error:
        raise NotAnExport(str(folder), _reason(error)) from error
    _refuse_others(folder, manifest)

    def find(file: FileEntry) -> Path:
        return _checked_file(folder, file)

    return take_over(registry, data, None, find, max_bytes=max_bytes, where=str(path))


def _write(folder: Path, data: bytes, manifest: Manifest, source: Path) -> None:
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_bytes(data)
    for file in manifest.files:
        target = folder / FILES / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file.path, target)
        if not is_whole(target, file):
            raise DamagedObject(str(target), "it changed while it was written")


def _read_manifest(folder: Path) -> bytes:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise NotAnExport(str(folder), "there is no such folder")
    if path.is_symlink() or not path.is_file():
        raise NotAnExport(str(folder), f"it holds no file {MANIFEST}")
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise NotAnExport(str(folder), f"its {MANIFEST} has more than {MAX_MANIFEST_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise FolderTrouble(str(folder), error.strerror or str(error)) from error


def _refuse_others(folder: Path, manifest: Manifest) -> None:
    """Raise NotAnExport unless `files` holds the listed files, each of its size, and nothing else."""
    inner = folder / FILES
    if inner.is_symlink() or not inner.is_dir():
        raise NotAnExport(str(folder), f"it holds no folder {FILES!r}")
    listed = {file.path: file for file in manifest.files}
    found: set[str] = set()
    for path in sorted(inner.rglob("*")):
        name = path.relative_to(inner).as_posix()
        if path.is_symlink():
            raise NotAnExport(str(folder), f"{name} is a link")
        if path.is_dir():
            continue
        if name not in listed:
            raise NotAnExport(str(folder), f"{name} is not one of the files that the manifest names")
        if not path.is_file() or path.stat().st_size != listed[name].size:
            raise NotAnExport(str(folder), f"{name} has not the {listed[name].size} bytes that the manifest names")
        found.add(name)
    missing = sorted(set(listed) - found)
    if missing:
        raise NotAnExport(str(folder), f"{missing[0]} is missing")


def _checked_file(folder: Path, file: FileEntry) -> Path:
    path = folder / FILES / file.path
    if not is_whole(path, file):
        raise NotAnExport(str(folder), f"{file.path} is not the file that the manifest names: its digest differs")
    return path


def _reason(error: FslError) -> str:
    return error.reason if isinstance(error, DamagedObject) else str(error).split(". ")[0]
