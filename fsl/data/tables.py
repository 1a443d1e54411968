"""The Parquet files that intake writes and reads back: their columns, and the door to pyarrow for them.

Reading other people's Parquet is `reading.parquet_rows`.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from fsl.data.minhash import N_HASHES
from fsl.data.tombstones import find_rest
from fsl.errors import DigestMismatch
from fsl.store.objects import ObjectStore

# Column names and types are part of the bucket's layout; other tools read these files as they are.
ROWS = {
    "row_id": "string",
    "text": "string",
    "target": "string",  # JSON of the canonical target
    "split": "string",
    "group": "string",
    "time": "timestamp",
    "source": "string",  # "name:line"
    "attributes": "string",  # JSON of what stood in `data.attribute_columns`; null where nothing did
    "mends": "string",  # row_id of the refused row that this one stands for; mostly null
    "inclusion": "float64",  # of an audit row: with which probability it was drawn from traffic; null in all others
    "signature": "signature",  # of the text, by `minhash`; rows written before 2026-12 have none
}
# The split of a pool text says whether it may be trained on; it is never scored.
POOL = {name: kind for name, kind in ROWS.items() if name != "target"}
STAGED = {
    "line": "int64",
    "text": "string",
    "target": "string",
    "labels": "strings",
    "group": "string",
    "time": "timestamp",
    "raw": "string",
    "attributes": "string",
    "mends": "string",
    "inclusion": "float64",
}


@dataclass(frozen=True)
class LocalFile:
    """A finished file on this machine, to be stored under its digest."""

    path: Path
    sha256: str
    n: int


class TableWriter(AbstractContextManager["TableWriter"]):
    """Writes a Parquet file block by block."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {
            "string": pa.string(),
            "strings": pa.list_(pa.string()),
            "int64": pa.int64(),
            "float64": pa.float64(),
            "timestamp": pa.timestamp("us", tz="UTC"),
            "signature": pa.binary(N_HASHES),
        }
        self._path, self._n = path, 0
        self._schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[Mapping[str, object]]) -> None:
        import pyarrow as pa

        self._n += len(rows)
        if rows:
            self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def finish(self) -> LocalFile:
        """Return the closed file with its digest."""
        return LocalFile(self._path, sha256_of(self._path), self._n)


def read_blocks(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a file that TableWriter wrote, in the blocks in which they were written."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            yield file.read_row_group(index).to_pylist()


def load_table(store: ObjectStore, key: str, sha256: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return some columns of a stored table; where rows were taken out since, of its rest.

    Raises:
        DigestMismatch: it is not the table that was recorded.
        TakenAway: retention removed it.
    """
    return [row for block in load_blocks(store, key, sha256, columns) for row in block.to_pylist()]


def load_blocks(store: ObjectStore, key: str, sha256: str, columns: Sequence[str]) -> Iterator[Any]:
    """Yield a stored table in the blocks in which it was written, as Arrow tables with those columns that it has.

    Raises:
        DigestMismatch, TakenAway: as `load_table` does.
    """
    import pyarrow.parquet as pq

    data = store.find(key)
    if data is None:
        rest = find_rest(store, key)
        yield from load_blocks(store, rest.key, rest.sha256, columns)
        return
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DigestMismatch(store.where(key), sha256, found)
    with pq.ParquetFile(io.BytesIO(data)) as file:
        wanted = [name for name in columns if name in file.schema_arrow.names]
        for index in range(file.num_row_groups):
            yield file.read_row_group(index, columns=wanted)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
