"""What is still due after forgetting: versions whose snapshot held the rows, and until when each may be promoted.

What a model has learnt cannot be taken out of its weights. So a version is never changed: it is named here, a retrain
without the rows takes its place, and after the deadline no gate lets it through. A version that keeps the encoder of
another has seen what that one saw.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from fsl.data.pinned import Snapshot, SnapshotRef, load_snapshot
from fsl.data.tombstones import Tombstone, Tombstones, is_finished, read_tombstones
from fsl.project import Project
from fsl.store.errors import ObjectMissing
from fsl.store.registry import list_versions, load_manifest
from fsl.store.registry_errors import NoSuchVersion


@dataclass(frozen=True)
class Due:
    """One tombstone, and what it still asks for."""

    tombstone: Tombstone
    is_finished: bool  # everything it names is removed
    deadline: datetime
    versions: tuple[str, ...]  # that saw the rows

    def is_over(self, now: datetime) -> bool:
        return now > self.deadline


def versions_that_saw(project: Project, tombstone: Tombstone) -> tuple[str, ...]:
    """Return the registered versions whose snapshot held rows that this tombstone took out, sorted."""
    tombstones = read_tombstones(project.store)
    return tuple(
        version
        for version, snapshots in _lineages(project).items()
        if tombstone.seq in _seen_by_all(project, snapshots, tombstones)
    )


def list_due(project: Project) -> tuple[Due, ...]:
    """Return every tombstone of forgetting with what is left to do, the oldest first."""
    tombstones = read_tombstones(project.store)
    saw = {version: _seen_by_all(project, snapshots, tombstones) for version, snapshots in _lineages(project).items()}
    return tuple(
        Due(
            one,
            is_finished(project.store, one.seq),
            deadline_of(project, one),
            tuple(version for version, seqs in saw.items() if one.seq in seqs),
        )
        for one in tombstones.every
        if one.why != "retention"
    )


def tombstones_seen(project: Project, snapshot: str | None, head_of: str | None = None) -> tuple[Tombstone, ...]:
    """Return the tombstones whose rows a version saw, the oldest first.

    Args:
        snapshot: what it was made from.
        head_of: the version whose encoder it keeps.
    """
    tombstones = read_tombstones(project.store)
    if not tombstones.every:
        return ()
    seqs = _seen_by_all(project, _snapshots_behind(project, snapshot, head_of), tombstones)
    return tuple(one for one in tombstones.every if one.seq in seqs)


def tombstones_of(project: Project, facts: Mapping[str, JsonValue]) -> tuple[Tombstone, ...]:
    """Return the tombstones whose rows a registered version saw, from its manifest's facts."""
    return tombstones_seen(project, _text(facts, "snapshot"), _text(facts, "head_of"))


def why_overdue(project: Project, snapshot: str | None, now: datetime, *, head_of: str | None = None) -> str | None:
    """Return why what was learnt from a snapshot, and by the encoder that is kept, may not be promoted any more."""
    over = [one for one in tombstones_seen(project, snapshot, head_of) if now > deadline_of(project, one)]
    if not over:
        return None
    return (
        f"it learnt from rows that were asked to be forgotten on {over[0].asked:%Y-%m-%d}, and the deadline of "
        f"{project.config.data.forget_deadline_days} days (`data.forget_deadline_days`) has passed. `fsl retrain` "
        "makes a version without them"
    )


def deadline_of(project: Project, tombstone: Tombstone) -> datetime:
    return tombstone.asked + timedelta(days=project.config.data.forget_deadline_days)


def seen_by(snapshot: Snapshot | None, tombstones: Tombstones) -> frozenset[int]:
    """Return the numbers of the tombstones whose rows a snapshot held."""
    if snapshot is None:
        return frozenset()
    tables = [table.key for batch in snapshot.batches for table in (batch.rows, batch.pool)]
    keys = (*tables, *(file.key for file in snapshot.predictions))
    steps = (step for key in keys for step in tombstones.follow(key))
    return frozenset(tombstone.seq for tombstone, _ in steps if tombstone.why != "retention")


def _seen_by_all(project: Project, snapshots: Iterable[str], tombstones: Tombstones) -> frozenset[int]:
    return frozenset(seq for one in snapshots for seq in seen_by(_find_snapshot(project, one), tombstones))


def _lineages(project: Project) -> dict[str, tuple[str, ...]]:
    """Return the snapshots behind each version."""
    facts = {version: load_manifest(project.registry, version).facts for version in list_versions(project.registry)}
    return {
        version: _snapshots_behind(project, _text(found, "snapshot"), _text(found, "head_of"))
        for version, found in facts.items()
    }


def _snapshots_behind(project: Project, snapshot: str | None, head_of: str | None) -> tuple[str, ...]:
    """Return a version's snapshot, and those behind the encoders that were kept from version to version."""
    found, passed = [snapshot] if snapshot else [], set[str]()
    while head_of is not None and head_of not in passed:
        passed.add(head_of)
        try:
            facts = load_manifest(project.registry, head_of).facts
        except NoSuchVersion:
            break  # cleaned since; a version that was copied here may name one that never was
        snapshot, head_of = _text(facts, "snapshot"), _text(facts, "head_of")
        found += [snapshot] if snapshot else []
    return tuple(found)


def _text(facts: Mapping[str, JsonValue], name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) and value else None


def _find_snapshot(project: Project, digest: str) -> Snapshot | None:
    try:
        return load_snapshot(project.store, SnapshotRef(digest))
    except ObjectMissing:
        return None  # a version that was copied here from another project
