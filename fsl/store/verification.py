"""Does a registry hold what it says? Everything is read: each file digested, each manifest and each move checked.

Nothing is changed, and no file is held in memory whole. How a version is checked on every load is `fsl.store.cache`.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from fsl.store import layout
from fsl.store.aliases import Move, list_aliases, needed_moves, read_moves
from fsl.store.cache import fault_of_blob
from fsl.store.errors import BadName, DamagedObject, NewerSchema, NotTrusted
from fsl.store.manifests import FileEntry, Manifest
from fsl.store.marks import read_marks
from fsl.store.registry import Registry, list_versions, load_manifest
from fsl.store.registry_errors import BrokenChain, NoSuchVersion

log = logging.getLogger(__name__)

N_READERS = 4  # as many files lie on the disk at once
_UNREADABLE = (BadName, BrokenChain, DamagedObject, NewerSchema, NotTrusted)
_MEND = "Importing or copying the version again sends the file anew; a backup has it too"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was read, and what does not hold."""

    faults: tuple[str, ...] = ()  # sentences
    n_versions: int = 0
    n_signed_versions: int = 0  # by a listed key
    n_files: int = 0  # distinct ones
    n_bytes: int = 0
    n_moves: int = 0
    n_signed_moves: int = 0
    n_orphans: int = 0  # files that no readable version names: being published just now, or left for a cleaning
    n_orphan_bytes: int = 0
    n_marked: int = 0  # objects that a cleaning means to remove
    n_refused: int = 0  # unsigned versions, from before signatures were required; no alias names them now

    @property
    def holds(self) -> bool:
        return not self.faults


def verify_registry(registry: Registry) -> Verification:
    """Read every version, every file and every move. A writer or a cleaning that is at work is no fault."""
    faults: list[str] = []
    manifests = _read_versions(_lax(registry), list_versions(registry), faults)
    files = _distinct_files(manifests.values())
    faults += _faults_of_files(registry, manifests.values(), files)
    chains = [_read_chain(registry, alias, faults) for alias in list_aliases(registry)]
    faults += _faults_of_names(registry, manifests, chains)
    unsigned = {one.version for one in manifests.values() if registry.trust.required and one.signed_by is None}
    current = {chain[-1].version: chain[-1].alias for chain in chains if chain}
    faults += (_fault_of_unsigned(current[version], version) for version in sorted(unsigned & set(current)))
    moves = [move for chain in chains for move in chain]
    n_marked = _count_marked(registry, faults)
    orphans = [
        info.size
        for info in registry.store.list(layout.BLOBS)
        if info.key.removeprefix(layout.BLOBS) not in {file.sha256 for file in files}
    ]
    log.info("verified %s: %d versions, %d faults", registry.store.where(), len(manifests), len(faults))
    return Verification(
        faults=tuple(faults),
        n_versions=len(manifests),
        n_signed_versions=sum(manifest.signed_by is not None for manifest in manifests.values()),
        n_files=len(files),
        n_bytes=sum(file.size for file in files),
        n_moves=len(moves),
        n_signed_moves=sum(move.signed_by is not None for move in moves),
        n_orphans=len(orphans),
        n_orphan_bytes=sum(orphans),
        n_marked=n_marked,
        n_refused=len(unsigned - set(current)),
    )


def verify_version(registry: Registry, version: str) -> Verification:
    """Read one version and its files. Raises NoSuchVersion."""
    if version not in list_versions(registry):
        raise NoSuchVersion(version, registry.store.where())
    faults: list[str] = []
    manifests = _read_versions(registry, [version], faults)
    files = _distinct_files(manifests.values())
    faults += _faults_of_files(registry, manifests.values(), files)
    return Verification(
        faults=tuple(faults),
        n_versions=len(manifests),
        n_signed_versions=sum(manifest.signed_by is not None for manifest in manifests.values()),
        n_files=len(files),
        n_bytes=sum(file.size for file in files),
    )


def _read_versions(registry: Registry, versions: Iterable[str], faults: list[str]) -> dict[str, Manifest]:
    manifests: dict[str, Manifest] = {}
    for version in versions:
        try:
            manifests[version] = load_manifest(registry, version)
        except _UNREADABLE as error:
            faults.append(str(error))
        except NoSuchVersion:
            log.info("version %s was removed just now", version)
    return manifests


def _lax(registry: Registry) -> Registry:
    """Return the registry as one that reads unsigned versions too; a false signature is a fault everywhere."""
    return replace(registry, trust=replace(registry.trust, required=False))


def _fault_of_unsigned(alias: str, version: str) -> str:
    return (
        f"{alias!r} names {version}, which no key in `registry.keys` signed, so nobody loads it. Give {alias!r} to a "
        "signed version."
    )


def _distinct_files(manifests: Iterable[Manifest]) -> tuple[FileEntry, ...]:
    return tuple({file.sha256: file for manifest in manifests for file in manifest.files}.values())


def _faults_of_files(
    registry: Registry, manifests: Collection[Manifest], files: Collection[FileEntry]
) -> Iterator[str]:
    store = registry.store
    with ThreadPoolExecutor(N_READERS) as pool:
        for file, fault in zip(files, pool.map(lambda file: fault_of_blob(store, file), files), strict=True):
            if fault is None:
                continue
            owners = [one.version for one in manifests if file.sha256 in {held.sha256 for held in one.files}]
            # A cleaning may have removed the version since it was listed, and its files with it.
            owners = [version for version in owners if store.head(layout.manifest(version))]
            if owners:
                where = store.where(layout.blob(file.sha256))
                yield f"{', '.join(owners)} cannot be loaded: {where} is damaged ({fault}). {_MEND}."


def _read_chain(registry: Registry, alias: str, faults: list[str]) -> tuple[Move, ...]:
    try:
        return read_moves(registry, alias)
    except _UNREADABLE as error:
        faults.append(str(error))
        return ()


def _faults_of_names(
    registry: Registry, manifests: Mapping[str, Manifest], chains: Iterable[tuple[Move, ...]]
) -> Iterator[str]:
    for chain in chains:
        for move in needed_moves(chain):
            if move.version not in manifests and registry.store.head(layout.manifest(move.version)) is None:
                yield (
                    f"{registry.store.where(move.key)} names version {move.version!r}, and there is none. Copy, import "
                    "or restore it."
                )
            elif move.version in manifests and move.manifest not in (None, manifests[move.version].digest):
                yield (
                    f"{registry.store.where(move.key)} names version {move.version!r} with another manifest than lies "
                    "there now: somebody wrote over it. Restore it from a backup; until then the alias loads nothing."
                )


def _count_marked(registry: Registry, faults: list[str]) -> int:
    try:
        return len({key for mark in read_marks(registry.store) for key in mark.keys})
    except _UNREADABLE as error:
        faults.append(str(error))
        return 0
