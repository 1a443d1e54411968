"""Versions: published once, never changed, checked file by file whenever they are read.

A file lies under its own SHA-256, so an encoder that ten versions share is stored once. The manifest comes last and
create-only: without a manifest there is no version, so a publisher that dies leaves nothing half done. Which version
serves is `fsl.store.aliases`.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from fsl.store import layout
from fsl.store.cache import place_files, version_folder, write_whole
from fsl.store.errors import DamagedObject, NewerSchema, NoSuchVersion, VersionTaken
from fsl.store.keys import checked_name
from fsl.store.manifests import FileEntry, Manifest, parse_manifest, read_folder, write_manifest
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

__all__ = ["FileEntry", "Manifest", "fetch_version", "list_versions", "load_manifest", "publish_version"]


def publish_version(
    store: ObjectStore,
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
    """
    key = layout.manifest(checked_name("a version", version))
    files = read_folder(folder)
    data = write_manifest(version, files, dict(facts), now or datetime.now(UTC))
    manifest = parse_manifest(data, version, store.where(key))
    for file in {file.sha256: file for file in files}.values():
        _store_blob(store, folder / file.path, file)
    if store.create(key, data):
        log.info("published version %s: %d files, %d bytes", version, len(files), sum(file.size for file in files))
        return manifest
    existing = load_manifest(store, version)
    if (existing.files, existing.facts) != (manifest.files, manifest.facts):
        raise VersionTaken(version, store.where(key))
    log.info("version %s was published before", version)
    return existing


def load_manifest(store: ObjectStore, version: str) -> Manifest:
    """Return what a version holds. Raises NoSuchVersion, DamagedObject, NewerSchema."""
    key = layout.manifest(checked_name("a version", version))
    return parse_manifest(_manifest_bytes(store, version), version, store.where(key))


def fetch_version(store: ObjectStore, version: str, cache: Path) -> Path:
    """Return a local folder with the version's files and no others, each checked against its digest just now.

    What the cache holds whole is not fetched again: a second call makes no request.

    Raises:
        NoSuchVersion: there is no such version.
        DamagedObject: a file in the store is not the one that was published; it was not kept.
    """
    manifest = _cached_manifest(store, checked_name("a version", version), cache)
    if manifest is None:
        manifest = _fetch_manifest(store, version, cache)
    return place_files(store, manifest, cache)


def list_versions(store: ObjectStore) -> tuple[str, ...]:
    """Return the names of all versions, sorted."""
    ending = "/manifest.json"
    keys = (info.key.removeprefix(layout.VERSIONS) for info in store.list(layout.VERSIONS))
    return tuple(sorted(key.removesuffix(ending) for key in keys if key.endswith(ending)))


def _manifest_bytes(store: ObjectStore, version: str) -> bytes:
    data = store.find(layout.manifest(version))
    if data is None:
        raise NoSuchVersion(version, store.where())
    return data


def _cached_manifest(store: ObjectStore, version: str, cache: Path) -> Manifest | None:
    path = version_folder(store, version, cache) / "manifest.json"
    try:
        return parse_manifest(path.read_bytes(), version, str(path))
    except FileNotFoundError:
        return None
    except (DamagedObject, NewerSchema) as error:
        log.warning("%s is fetched again: %s", path, error.reason)
        return None


def _fetch_manifest(store: ObjectStore, version: str, cache: Path) -> Manifest:
    data = _manifest_bytes(store, version)
    manifest = parse_manifest(data, version, store.where(layout.manifest(version)))
    write_whole(version_folder(store, version, cache) / "manifest.json", data)
    return manifest


def _store_blob(store: ObjectStore, path: Path, file: FileEntry) -> None:
    key = layout.blob(file.sha256)
    found = store.head(key)
    if found is None or found.size != file.size:
        store.upload(key, path)
