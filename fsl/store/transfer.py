"""Copying a version from one registry to another: staging to production, or into another cloud.

Every file is read back from the target and digested before the version appears there; what the target has already is
not sent again. The manifest goes over byte for byte, so a signature stays what it was. No alias moves here.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fsl.store import layout
from fsl.store.cache import fetch_blob
from fsl.store.manifests import FileEntry, Manifest, parse_manifest
from fsl.store.registry import Registry, load_manifest, manifest_bytes, publish_manifest
from fsl.store.registry_errors import NoSuchVersion, VersionTaken
from fsl.store.transfer_errors import SameRegistry, VersionTooLarge

log = logging.getLogger(__name__)

FindFile = Callable[[FileEntry], Path]  # gives a file's path, checked against its digest


@dataclass(frozen=True, slots=True)
class Transfer:
    """What came over."""

    manifest: Manifest
    was_there: bool  # the version, before
    n_files_sent: int
    n_bytes_sent: int


def copy_version(source: Registry, target: Registry, version: str, *, max_bytes: int) -> Transfer:
    """Copy a version. Doing it again is harmless, and goes on where a copy was cut off.

    Args:
        max_bytes: a version that says it is larger is refused.

    Raises:
        SameRegistry: there is nothing to copy.
        NoSuchVersion, DamagedObject, NewerSchema: the source does not have it whole; nothing appeared in the target.
        NotTrusted: a signature is required by the source or by the target, and no key listed there gave it.
        VersionTaken: the target has another version of that name; nothing was changed.
    """
    if source.store.where() == target.store.where():
        raise SameRegistry(source.store.where())
    data = manifest_bytes(source, version)
    parse_manifest(data, version, source.store.where(layout.manifest(version)), source.trust)
    with TemporaryDirectory(prefix="fsl-copy-") as scratch:

        def fetch(file: FileEntry) -> Path:
            path = Path(scratch) / file.sha256
            fetch_blob(source.store, file, path)
            return path

        return take_over(target, data, version, fetch, max_bytes=max_bytes)


def take_over(
    target: Registry, data: bytes, version: str | None, find_file: FindFile, *, max_bytes: int, where: str = ""
) -> Transfer:
    """Make a version of a manifest that was written elsewhere, every file proven before it appears.

    Args:
        version: None where the manifest alone says it.
        where: names the manifest in errors; default: the target.
    """
    manifest = parse_manifest(data, version, where or target.store.where(layout.VERSIONS), target.trust)
    n_bytes = sum(file.size for file in manifest.files)
    if n_bytes > max_bytes:
        raise VersionTooLarge(manifest.version, n_bytes, max_bytes)
    was_there = _is_there(target, manifest)
    sent: list[FileEntry] = []

    def send(file: FileEntry) -> Path:
        path = find_file(file)
        sent.append(file)
        return path

    published = publish_manifest(target, manifest, data, send, prove=True)
    log.info("took over version %s into %s: %d files sent", manifest.version, target.store.where(), len(sent))
    return Transfer(published, was_there, len(sent), sum(file.size for file in sent))


def _is_there(target: Registry, manifest: Manifest) -> bool:
    """Return whether the target has the version. Raises VersionTaken before anything is sent in vain."""
    try:
        existing = load_manifest(target, manifest.version)
    except NoSuchVersion:
        return False
    if (existing.files, existing.facts) != (manifest.files, manifest.facts):
        raise VersionTaken(manifest.version, target.store.where(layout.manifest(manifest.version)))
    return True
