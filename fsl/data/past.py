"""What an ingest run knows of earlier batches, so that ten thousand small files do not read them ten thousand times.

A committed batch never changes but by a tombstone, so what was read of it holds until there is another tombstone; then
all is read anew. Of small batches the digests and signatures stay in memory, up to a bound; large ones are read again
for each file, a block at a time. Nothing here is stored: a killed run, or another one beside it, loses nothing by it.
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping

from fsl.data.batches import BatchRecord, StoredTable, read_commits
from fsl.data.checking.earlier import load_known
from fsl.data.checking.relations import Known
from fsl.data.kin_index import KinIndex
from fsl.data.minhash import Signatures
from fsl.data.signed_rows import SignedRows, load_signed
from fsl.data.splits import SplitRule
from fsl.data.tombstones import as_it_now_is, read_tombstones
from fsl.problems.base import Problem
from fsl.store.objects import ObjectStore

SMALL_BATCH = 2_000  # rows
MAX_REMEMBERED = 100_000  # rows: about 60 MB


class Past:
    """The accepted batches of one project, read as far as they were there at the last `refresh`."""

    def __init__(self, *, max_remembered: int = 0) -> None:
        """Remember the rows of small batches up to so many; with 0 it serves one file and stays small."""
        self._max_remembered = max_remembered
        self._forget()

    def _forget(self) -> None:
        self.n, self._n_tombstones = 0, 0
        self.labels: Counter[str] = Counter()  # accepted rows by label
        self.scripts: Counter[str] = Counter()
        self._claims: dict[str, BatchRecord] = {}
        self._known: dict[bytes, Known] = {}
        self._index = KinIndex()
        self._unread: list[BatchRecord] = []  # since the last time that rows were asked for
        self._large: list[BatchRecord] = []
        self._n_remembered = 0

    def refresh(self, store: ObjectStore) -> None:
        """Learn of what was committed meanwhile."""
        # Batches come first: what is committed meanwhile is not in the list, and is read when it is asked for again.
        news = read_commits(store, self.n)
        tombstones = read_tombstones(store)
        if tombstones.n != self._n_tombstones:
            self._forget()
            self._n_tombstones = tombstones.n
            news = read_commits(store)
        for commit in news:
            record = as_it_now_is(commit, tombstones)
            self.n = record.seq
            self.labels.update(record.labels)
            self.scripts.update(record.scripts)
            for source in record.sources:
                self._claims.setdefault(source.sha256, record)
            self._unread.append(record)

    def claim_of(self, sha256: str) -> BatchRecord | None:
        """Return the batch that these bytes became, whatever they were called."""
        return self._claims.get(sha256)

    def read_rows(self, store: ObjectStore, problem: Problem, rule: SplitRule) -> None:
        """Read the small batches that came in since the last time."""
        for record in self._unread:
            size = record.rows.n + record.pool.n
            if size > SMALL_BATCH or self._n_remembered + size > self._max_remembered:
                self._large.append(record)
                continue
            self._n_remembered += size
            self._known |= load_known(store, [record], _Everything(), problem)
            self._index.add(load_signed(store, _tables(record), rule))
        self._unread.clear()

    def known_among(
        self, store: ObjectStore, keys: Mapping[bytes, object], problem: Problem, *, after: int
    ) -> dict[bytes, Known]:
        """Return the accepted rows whose text is one of `keys`; of large batches those behind the number `after`."""
        found = {key: self._known[key] for key in keys if key in self._known} if self._known else {}
        return found | load_known(store, self._large_after(after), keys, problem)

    def signed_near(
        self, store: ObjectStore, signatures: Signatures, rule: SplitRule, *, after: int
    ) -> Iterator[SignedRows]:
        """Yield all earlier texts that can be near-duplicates of these, and others; large batches as above."""
        yield self._index.near(signatures)
        tables = (table for record in self._large_after(after) for table in _tables(record))
        yield from load_signed(store, tables, rule)

    def _large_after(self, after: int) -> list[BatchRecord]:
        return [record for record in self._large if record.seq > after]


class _Everything(Container[bytes]):
    def __contains__(self, _: object) -> bool:
        return True


def _tables(record: BatchRecord) -> Iterator[StoredTable]:
    return (table for table in (record.rows, record.pool) if table.n)
