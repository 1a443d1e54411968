"""What accepted files became: the record that makes them part of the project.

The records are numbered without gaps and created, never overwritten; a file counts from the moment its record is
there. Taking the next number is `intake`; what a record says after things were taken out is `history`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fsl.data.stored import Documents
from fsl.store import layout
from fsl.store.errors import DamagedObject
from fsl.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Source:
    """The object in the inbox that a batch came from, by its bytes."""

    key: str
    name: str
    sha256: str
    size: int
    etag: str
    format: str = ""
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A file of rows under its digest. It is there even when it holds none."""

    key: str
    sha256: str
    n: int


@dataclass(frozen=True, slots=True)
class FileOfBatch:
    """One of several files that came in together, and what became of its rows when it did."""

    source: Source
    n_read: int
    n_rows: int
    n_pool: int
    n_duplicates: int
    n_refused: int


@dataclass(frozen=True)
class BatchRecord:
    """What was accepted at once: mostly one file, or many small ones that waited together.

    Every row that was read is in exactly one of rows, pool and quarantine, or is gone.
    """

    seq: int
    source: Source  # of many files it names them all, and claims nothing
    n_read: int
    rows: StoredTable
    pool: StoredTable
    quarantine: StoredTable  # refused rows and duplicates
    n_duplicates: int
    reasons: Mapping[str, int]  # rows by code of reason; a row with two reasons counts twice
    labels: Mapping[str, int]  # accepted rows by label
    new_labels: tuple[str, ...]
    splits: Mapping[str, int]  # accepted rows by split
    report: str  # key of the validation page
    when: datetime
    scripts: Mapping[str, int] = field(default_factory=dict)  # sound rows by script; older batches do not say
    n_tombstones: int = 0  # how many the file was held against; later ones are searched for by whoever finds them
    masked: Mapping[str, int] = field(default_factory=dict)  # personal data masked before storage, by kind
    n_audit: int = 0  # accepted rows that were drawn from traffic for audit
    files: tuple[FileOfBatch, ...] = ()  # where there are many

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every dropped file that this batch is, by its bytes."""
        return tuple(file.source for file in self.files) or (self.source,)

    @property
    def n_refused(self) -> int:
        return self.quarantine.n - self.n_duplicates

    @property
    def n_gone(self) -> int:
        """How many of the rows that were read were taken out again: asked to be forgotten, or too old to keep."""
        return self.n_read - self.rows.n - self.pool.n - self.quarantine.n


RECORDS = Documents(BatchRecord, schema=2)
ONE_FILE = 1  # the schema of a batch of one file; who knows no other would miss the claims of many


def save_record(store: ObjectStore, record: BatchRecord) -> bool:
    """Take the record's number. Return False where somebody else has it."""
    schema = None if record.files else ONE_FILE
    return store.create(layout.commit(record.seq), RECORDS.to_bytes(record, schema=schema))


def read_commits(store: ObjectStore, after: int = 0) -> tuple[BatchRecord, ...]:
    """Return the records behind the number `after` as they were committed, whatever was taken out of them since."""
    start = layout.commit(after) if after else None
    numbers = [layout.sequence_of(info.key) for info in store.list(layout.COMMITS, start)]
    last = max((number for number in numbers if number), default=0)
    # A listing may run past a record that is just being written; asking for each by its number cannot.
    return tuple(_load_record(store, seq) for seq in range(after + 1, last + 1))


def find_claim(history: tuple[BatchRecord, ...], sha256: str) -> BatchRecord | None:
    """Return the batch that these bytes became, whatever they were called."""
    return next((one for one in history if any(source.sha256 == sha256 for source in one.sources)), None)


def _load_record(store: ObjectStore, seq: int) -> BatchRecord:
    key = layout.commit(seq)
    data = store.find(key)
    if data is None:
        raise DamagedObject(store.where(key), "it is missing, though a later batch is there")
    record = RECORDS.parse(data, where=store.where(key))
    if record.seq != seq:
        raise DamagedObject(store.where(key), f"it says that it is batch {record.seq}")
    return record
