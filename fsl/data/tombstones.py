"""Tombstones: what was taken out of the store on purpose, and what stands in its place.

A tombstone is written before anything is removed and names everything that is to go, so that whoever comes next can
finish what a killed process began. Texts that were asked to be forgotten are told by keyed digests alone. Readers of
batches follow it: `read_history` shows each batch as it now is, and an old snapshot finds the rest of its tables.
Who writes one is `fsl.data.forgetting` and `fsl.data.retention`.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Literal

from fsl.data.batches import BatchRecord, Source, StoredTable
from fsl.data.errors import TakenAway
from fsl.data.stored import Documents
from fsl.store import layout
from fsl.store.errors import DamagedObject, ObjectMissing
from fsl.store.objects import ObjectStore

Why = Literal["forget", "sweep", "retention"]
MARK_CHARS = 32
INBOX = "inbox"


@dataclass(frozen=True)
class Rest:
    """What a rewritten table still holds, as its batch's record tells it."""

    sha256: str
    n: int
    labels: Mapping[str, int] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    n_duplicates: int = 0
    files: tuple[str, ...] = ()  # names of the files whose rows it lost


@dataclass(frozen=True)
class Replacement:
    """One object that has to go, with all its old versions, and what stands in its place."""

    place: str  # in words, for people
    key: str
    sha256: str  # of its bytes
    n_rows: int  # how many rows it loses
    becomes: str | None  # the key of its rest; None: nothing is left
    is_ready: bool = False  # the rest lies under its key already, since its digest is its name
    rest: Rest | None = None  # of a table
    rest_sha256: str = ""  # of a file of the inbox, with the next two: what claims it
    rest_md5: str = ""
    rest_size: int = 0


@dataclass(frozen=True)
class Tombstone:
    """One time that something was taken out."""

    seq: int
    why: Why
    who: str
    when: datetime
    asked: datetime  # a sweep finishes an earlier wish, and has its date
    through: int  # the last batch that was searched
    texts: tuple[str, ...]  # keyed digests of normal forms
    excerpts: tuple[str, ...]  # of the beginnings of long texts, as pages show them
    rows: tuple[str, ...]  # of row ids
    replaced: tuple[Replacement, ...]


TOMBSTONES = Documents(Tombstone, schema=1)


@dataclass(frozen=True)
class Tombstones:
    """All of them, in order."""

    every: tuple[Tombstone, ...]

    @property
    def n(self) -> int:
        return len(self.every)

    @cached_property
    def replaced(self) -> Mapping[str, tuple[Tombstone, Replacement]]:
        """The latest replacement of each key."""
        return {one.key: (tombstone, one) for tombstone in self.every for one in tombstone.replaced}

    @cached_property
    def inbox(self) -> Mapping[str, Replacement]:
        """Replaced files of the inbox, by the digest of their bytes."""
        return {one.sha256: one for tombstone in self.every for one in tombstone.replaced if one.place == INBOX}

    def follow(self, key: str) -> tuple[tuple[Tombstone, Replacement], ...]:
        """Return what happened to an object, step by step; empty where it still is as it was."""
        steps: list[tuple[Tombstone, Replacement]] = []
        at: str | None = key
        while at is not None and at in self.replaced:
            step = self.replaced[at]
            if step[1].becomes == at or step in steps:
                break
            steps.append(step)
            at = step[1].becomes
        return tuple(steps)

    def is_searched(self, record: BatchRecord) -> bool:
        """Say whether a batch is known to hold nothing that was asked to be forgotten before it came in."""
        bearing = [one.seq for one in self.every if one.texts]
        if not bearing or bearing[-1] <= record.n_tombstones:
            return True
        return any(one.through >= record.seq for one in self.every if one.seq >= bearing[-1])


def read_tombstones(store: ObjectStore) -> Tombstones:
    """Return every tombstone. Raises DamagedObject, NewerSchema."""
    numbers = [layout.sequence_of(info.key) for info in store.list(layout.TOMBSTONES)]
    last = max((number for number in numbers if number), default=0)
    return Tombstones(tuple(_load(store, seq) for seq in range(1, last + 1)))


def retirement(seq: int, who: str, replaced: Iterable[Replacement], now: datetime) -> Tombstone:
    """Return the tombstone of files that make room without anybody having asked for rows in them."""
    return Tombstone(
        seq=seq,
        why="retention",
        who=who,
        when=now,
        asked=now,
        through=0,  # nothing was searched
        texts=(),
        excerpts=(),
        rows=(),
        replaced=tuple(replaced),
    )


def save_tombstone(store: ObjectStore, tombstone: Tombstone) -> bool:
    """Take the tombstone's number. Return False where somebody else has it."""
    return store.create(layout.tombstone(tombstone.seq), TOMBSTONES.to_bytes(tombstone))


def is_finished(store: ObjectStore, seq: int) -> bool:
    return store.head(layout.tombstone_done(seq)) is not None


def as_it_now_is(record: BatchRecord, tombstones: Tombstones) -> BatchRecord:
    """Return a batch's record without what was taken out of it."""
    steps = {name: tombstones.follow(getattr(record, name).key) for name in ("rows", "pool", "quarantine")}
    rest = {name: found[-1][1] for name, found in steps.items() if found}
    if "rows" in rest:
        kept = _rest(rest["rows"])
        record = replace(record, rows=_table(rest["rows"]), labels=kept.labels, splits=kept.splits)
    if "pool" in rest:
        record = replace(record, pool=_table(rest["pool"]))
    if "quarantine" in rest:
        kept = _rest(rest["quarantine"])
        table = _table(rest["quarantine"])
        record = replace(record, quarantine=table, reasons=kept.reasons, n_duplicates=kept.n_duplicates)
    page = tombstones.follow(record.report)
    if page:
        record = replace(record, report=page[-1][1].becomes or record.report)
    if record.files:
        lost = {name for found in steps.values() for _, one in found for name in (one.rest.files if one.rest else ())}
        files = tuple(replace(file, source=_source_of_many(file.source, lost, tombstones)) for file in record.files)
        return replace(record, files=files)
    forgot = any(tombstone.why != "retention" for found in steps.values() for tombstone, _ in found)
    forgot = forgot or record.source.sha256 in tombstones.inbox
    return replace(record, source=_source(record.source, tombstones)) if forgot else record


def find_rest(store: ObjectStore, key: str) -> StoredTable:
    """Return where the rest of a table lies that is not there any more.

    Raises:
        TakenAway: retention removed it, and nothing of it is left.
        ObjectMissing: nobody took it away on purpose.
    """
    steps = read_tombstones(store).follow(key)
    taken = next((tombstone for tombstone, _ in steps if tombstone.why == "retention"), None)
    if taken is not None:
        raise TakenAway(store.where(key), f"{taken.when:%Y-%m-%d}")
    if not steps:
        raise ObjectMissing(store.where(key), "it is not there")
    return _table(steps[-1][1])


def mark_of(value: str, key: bytes) -> str:
    """Return the keyed digest of a group or a row id."""
    return hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256").hex()[:MARK_CHARS]


def mark_key(split_key: bytes) -> bytes:
    """Return the key of marks: the project's own, but not the one that splits rows."""
    return hmac.digest(split_key, b"asked to be forgotten", "sha256")


def _load(store: ObjectStore, seq: int) -> Tombstone:
    key = layout.tombstone(seq)
    data = store.find(key)
    if data is None:
        raise DamagedObject(store.where(key), "it is missing, though a later tombstone is there")
    tombstone = TOMBSTONES.parse(data, where=store.where(key))
    if tombstone.seq != seq:
        raise DamagedObject(store.where(key), f"it says that it is tombstone {tombstone.seq}")
    return tombstone


def _source(source: Source, tombstones: Tombstones) -> Source:
    """Return what claims a batch: the bytes as they came hold what was forgotten, and claim it no more."""
    file, n_steps = tombstones.inbox.get(source.sha256), 0
    if file is None:
        return replace(source, sha256="", etag="", size=0)
    while file.rest_sha256 in tombstones.inbox and n_steps < tombstones.n:
        file, n_steps = tombstones.inbox[file.rest_sha256], n_steps + 1
    key = file.becomes or source.key
    return replace(source, key=key, sha256=file.rest_sha256, etag=file.rest_md5, size=file.rest_size)


def _source_of_many(source: Source, lost: set[str], tombstones: Tombstones) -> Source:
    """Return what claims a batch for one of its files: files that lost no row claim it as they are."""
    is_changed = source.name in lost or source.sha256 in tombstones.inbox
    return _source(source, tombstones) if is_changed else source


def _rest(replacement: Replacement) -> Rest:
    assert replacement.rest is not None
    return replacement.rest


def _table(replacement: Replacement) -> StoredTable:
    rest = _rest(replacement)
    return StoredTable(replacement.becomes or replacement.key, rest.sha256, rest.n)
