"""`gc`: removing versions that nobody needs, and files that no version holds; safe beside running writers.

Kept are young versions, and those that an alias names or ever named; of `challenger`, which every retrain moves, the
last one alone. Everything else is marked, and removed by the first cleaning a grace period later that still finds it
unneeded. How that keeps out of a writer's way is `fsl.store.marks`. A cleaning that was killed is ended by the next.
"""

import logging
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from fsl.store import layout
from fsl.store.aliases import list_aliases, needed_moves, read_moves
from fsl.store.errors import GraceTooShort
from fsl.store.marks import DELETE, MIN_GRACE, SPARE, Mark, read_marks, rule, ruling_key, write_mark
from fsl.store.objects import ObjectStore
from fsl.store.registry import Manifest, Registry, list_versions, load_manifest

log = logging.getLogger(__name__)

RULING_HOLDS_SECONDS = 300.0  # whoever ruled on a deletion and was asleep for longer does not carry it out
STALE_RULING = timedelta(minutes=15)  # and after this, another cleaning may


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What a cleaning did, or would do."""

    kept: tuple[str, ...]  # versions
    marked: tuple[str, ...]  # keys, to be removed by a cleaning after the grace period
    waiting: tuple[str, ...]  # keys that an earlier cleaning marked, whose grace is not over
    removed: tuple[str, ...]  # keys
    spared: tuple[str, ...]  # keys that were marked, and are needed again
    n_bytes_marked: int
    n_uploads_ended: int  # multipart uploads that nobody finished


def clean(
    registry: Registry, *, now: datetime, keep: timedelta, grace: timedelta, dry_run: bool = False, alone: bool = False
) -> Cleaning:
    """Remove what was marked a grace period ago and is still unneeded; mark what is unneeded now.

    Args:
        keep: younger versions stay, whoever names them.
        grace: from the mark to the removal; longer than any publication may take.
        alone: the caller knows that nobody writes, so that a grace of less than an hour is allowed.

    Raises:
        GraceTooShort: the grace is under an hour, and others may be writing.
        BrokenChain, NotTrusted: an alias cannot be read, or bears a false signature, so nobody knows what is needed;
            nothing was removed.
    """
    if grace < MIN_GRACE and not alone:
        raise GraceTooShort(grace.total_seconds() / 3600)
    store = registry.store
    removed: list[str] = []
    spared: list[str] = []
    marks = list(read_marks(store))
    for mark in marks:
        if now - mark.when >= grace and not dry_run:
            gone, stayed = _sweep(registry, mark, now, keep)
            removed += gone
            spared += stayed
    manifests = _all_manifests(registry)
    kept = _kept(registry, manifests, now, keep)
    marked = {key for mark in marks if now - mark.when < grace or dry_run for key in mark.keys}
    unneeded = _find_unneeded(store, manifests, kept, now - grace)
    fresh = {key: size for key, size in unneeded.items() if key not in marked}
    n_uploads = 0
    if not dry_run:
        if fresh:
            write_mark(store, fresh, now)
        n_uploads = store.abort_uploads(layout.BLOBS, before=now - grace)
    log.info("cleaning %s: %d marked, %d removed, %d spared", store.where(), len(fresh), len(removed), len(spared))
    waiting = tuple(sorted(marked))
    return Cleaning(
        tuple(sorted(kept)),
        tuple(sorted(fresh)),
        waiting,
        tuple(removed),
        tuple(spared),
        sum(fresh.values()),
        n_uploads,
    )


def _kept(registry: Registry, manifests: Mapping[str, Manifest], now: datetime, keep: timedelta) -> set[str]:
    """Return the versions that an alias names or ever named, and the young ones."""
    lax = _without_signatures(registry)
    named = {move.version for alias in list_aliases(lax) for move in needed_moves(read_moves(lax, alias))}
    return {version for version, manifest in manifests.items() if version in named or now - manifest.created < keep}


def _find_unneeded(
    store: ObjectStore, manifests: Mapping[str, Manifest], kept: Collection[str], before: datetime
) -> dict[str, int]:
    """Return the keys of all manifests but those kept, and of files that no kept one names, with their sizes."""
    needed = {layout.blob(file.sha256) for version in kept for file in manifests[version].files}
    unneeded = {layout.manifest(version): 0 for version in manifests if version not in kept}
    for info in store.list(layout.BLOBS):
        # What was written a moment ago may be of a version that is being published.
        if info.key not in needed and info.modified <= before:
            unneeded[info.key] = info.size
    return unneeded


def _sweep(registry: Registry, mark: Mark, now: datetime, keep: timedelta) -> tuple[list[str], list[str]]:
    """Remove what a mark names and nobody needs. Returns what was removed, and what was needed."""
    store = registry.store
    manifests = _all_manifests(registry)
    kept = _kept(registry, manifests, now, keep)
    versions = [layout.manifest(version) for version in manifests if version not in kept]
    # Versions first: without its manifest a version is gone, whatever is left of its files.
    fates = {key: _remove(store, mark, key, now) for key in sorted(set(mark.keys) & set(versions))}
    # A version whose removal was called off needs its files, though no alias names it yet.
    needed = {layout.blob(file.sha256) for manifest in _all_manifests(registry).values() for file in manifest.files}
    blobs = {key for key in mark.keys if key.startswith(layout.BLOBS)}
    fates |= {key: _remove(store, mark, key, now) for key in sorted(blobs - needed)}
    if _Fate.LATER not in fates.values():
        _end(store, mark)
    removed = [key for key, fate in fates.items() if fate is _Fate.REMOVED]
    return removed, sorted(set(mark.keys) - set(removed))


class _Fate(Enum):
    REMOVED = auto()
    SPARED = auto()
    LATER = auto()  # another cleaning is at it


def _remove(store: ObjectStore, mark: Mark, key: str, now: datetime) -> _Fate:
    began = time.monotonic()
    mine = DELETE + b" " + secrets.token_hex(8).encode() + b"\n"
    said = rule(store, mark, key, mine)
    if said == SPARE:
        return _Fate.SPARED
    if said != mine:
        info = store.head(ruling_key(mark, key))
        if info is not None and now - info.modified < STALE_RULING:
            return _Fate.LATER
    if time.monotonic() - began > RULING_HOLDS_SECONDS:
        return _Fate.LATER
    store.delete(key)
    return _Fate.REMOVED


def _all_manifests(registry: Registry) -> dict[str, Manifest]:
    lax = _without_signatures(registry)
    return {version: load_manifest(lax, version) for version in list_versions(lax)}


def _without_signatures(registry: Registry) -> Registry:
    # Whether somebody signed does not matter to what is needed, and one unsigned tag must not stop every cleaning.
    return replace(registry, trust=replace(registry.trust, required=False))


def _end(store: ObjectStore, mark: Mark) -> None:
    rulings = [info.key for info in store.list(layout.mark(mark.name).removesuffix("mark.json"))]
    # The mark goes last: as long as it stands, the next cleaning comes back to it.
    for key in sorted(rulings, key=lambda key: key == layout.mark(mark.name)):
        store.delete(key)
