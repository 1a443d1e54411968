"""Versions: published once, never changed, checked file by file whenever they are read.

A file lies under its own SHA-256, so an encoder that ten versions share is stored once. The manifest comes last and
create-only: without a manifest there is no version, so a publisher that dies leaves nothing half done. Which version
serves is `fsl.store.aliases`.
"""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from fsl.store import layout
from fsl.store.cache import fault_of_blob, place_files, version_folder, write_whole
from fsl.store.errors import DamagedObject, NewerSchema, NotTrusted
from fsl.store.keys import checked_name
from fsl.store.manifests import FileEntry, Manifest, parse_manifest, read_folder, write_manifest
from fsl.store.marks import MIN_GRACE, spare
from fsl.store.objects import ObjectStore
from fsl.store.registry_errors import NoSuchVersion, VersionTaken
from fsl.store.signing import NO_KEYS, Signer, Trust

log = logging.getLogger(__name__)

__all__ = ["FileEntry", "Manifest", "Registry", "fetch_version", "list_versions", "load_manifest", "publish_version"]

N_WRITERS = 8


@dataclass(frozen=True)
class Registry:
    """Versions and aliases under one prefix, and whose word counts there."""

    store: ObjectStore
    id: str = ""  # of `layout.json`; "" for the small registry of a run's steps, which has no aliases
    trust: Trust = NO_KEYS
    signer: Signer | None = None

    def within(self, prefix: str) -> "Registry":
        """Return another registry at a deeper prefix, with the same keys."""
        return replace(self, store=self.store.within(prefix), id="")


def publish_version(
    registry: Registry,
    version: str,
    folder: Path,
    *,
    facts: Mapping[str, JsonValue],
    now: datetime | None = None,
) -> Manifest:
    """Store a folder's files and facts as a version. Publishing the same again is harmless.

    Returns:
        The manifest as it lies in the store; when the version was there before, with its first date.

    Raises:
        VersionTaken: the version exists with other files or facts.
        FileRefused: a file may not enter a version; nothing was written.
        FactsRefused: the facts are not JSON; nothing was written.
        NotTrusted: a signature is required, and the key at hand may not give it; nothing was written.
        BeingCleaned: one of its files is being removed just now; trying again helps.
    """
    where = registry.store.where(layout.manifest(checked_name("a version", version)))
    files = read_folder(folder)
    data = write_manifest(version, files, dict(facts), now or datetime.now(UTC), registry.signer)
    manifest = parse_manifest(data, version, where, registry.trust)
    return publish_manifest(registry, manifest, data, lambda file: folder / file.path)


def publish_manifest(
    registry: Registry,
    manifest: Manifest,
    data: bytes,
    find_file: Callable[[FileEntry], Path],
    *,
    prove: bool = False,
) -> Manifest:
    """Store a version whose manifest is written already, byte for byte.

    Args:
        find_file: gives a file that the store has not yet; asked for no other.
        prove: read every file back and digest it before the version appears, those that were there already too.

    Raises:
        VersionTaken, BeingCleaned.
        DamagedObject: a file does not come back as it was sent.
    """
    store, key = registry.store, layout.manifest(manifest.version)
    blobs = {file.sha256: file for file in manifest.files}
    needed = {key, *map(layout.blob, blobs)}
    spare(store, needed)
    began = time.monotonic()
    with ThreadPoolExecutor(N_WRITERS) as pool:
        list(pool.map(lambda file: _store_blob(store, file, find_file, prove), blobs.values()))
    if time.monotonic() - began > MIN_GRACE.total_seconds() / 2:
        spare(store, needed)
    if store.create(key, data):
        n_bytes = sum(file.size for file in manifest.files)
        log.info("published version %s: %d files, %d bytes", manifest.version, len(manifest.files), n_bytes)
        return manifest
    existing = load_manifest(registry, manifest.version)
    if (existing.files, existing.facts) != (manifest.files, manifest.facts):
        raise VersionTaken(manifest.version, store.where(key))
    log.info("version %s was published before", manifest.version)
    return existing


def load_manifest(registry: Registry, version: str) -> Manifest:
    """Return what a version holds. Raises NoSuchVersion, DamagedObject, NewerSchema, NotTrusted."""
    where = registry.store.where(layout.manifest(checked_name("a version", version)))
    return parse_manifest(manifest_bytes(registry, version), version, where, registry.trust)


def manifest_bytes(registry: Registry, version: str) -> bytes:
    """Return a version's manifest as it lies in the store, unread. Raises NoSuchVersion."""
    data = registry.store.find(layout.manifest(checked_name("a version", version)))
    if data is None:
        raise NoSuchVersion(version, registry.store.where())
    return data


def fetch_version(registry: Registry, version: str, cache: Path, *, manifest: str | None = None) -> Path:
    """Return a local folder with the version's files and no others, each checked against its digest just now.

    What the cache holds whole is not fetched again: a second call makes no request.

    Args:
        manifest: SHA-256 of the manifest, as the move that names the version holds it; None: whichever is there.

    Raises:
        NoSuchVersion: there is no such version.
        DamagedObject: a file in the store is not the one that was published; it was not kept.
        NotTrusted: a signature is required, and no listed key gave it.
    """
    found = _cached_manifest(registry, checked_name("a version", version), cache)
    if found is None or manifest not in (None, found.digest):
        found = _fetch_manifest(registry, version, cache, manifest)
    return place_files(registry.store, found, cache)


def list_versions(registry: Registry) -> tuple[str, ...]:
    """Return the names of all versions, sorted."""
    ending = "/manifest.json"
    keys = (info.key.removeprefix(layout.VERSIONS) for info in registry.store.list(layout.VERSIONS))
    return tuple(sorted(key.removesuffix(ending) for key in keys if key.endswith(ending)))


def _cached_manifest(registry: Registry, version: str, cache: Path) -> Manifest | None:
    path = version_folder(registry.store, version, cache) / "manifest.json"
    try:
        return parse_manifest(path.read_bytes(), version, str(path), registry.trust)
    except FileNotFoundError:
        return None
    except (DamagedObject, NewerSchema, NotTrusted) as error:
        log.warning("%s is fetched again: %s", path, error.reason)
        return None


def _fetch_manifest(registry: Registry, version: str, cache: Path, digest: str | None) -> Manifest:
    data = manifest_bytes(registry, version)
    where = registry.store.where(layout.manifest(version))
    manifest = parse_manifest(data, version, where, registry.trust)
    if digest not in (None, manifest.digest):
        raise DamagedObject(where, "it is not the manifest that the alias was moved to")
    write_whole(version_folder(registry.store, version, cache) / "manifest.json", data)
    return manifest


def _store_blob(store: ObjectStore, file: FileEntry, find_file: Callable[[FileEntry], Path], prove: bool) -> None:
    key = layout.blob(file.sha256)
    found = store.head(key)
    if found is not None and found.size == file.size and not (prove and fault_of_blob(store, file)):
        return
    store.upload(key, find_file(file))
    fault = fault_of_blob(store, file) if prove else None
    if fault:
        raise DamagedObject(store.where(key), f"it does not come back as it was sent: {fault}")
