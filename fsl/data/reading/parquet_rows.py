"""Parquet: only the columns that are needed, one small block at a time. The door for reading other people's Parquet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fsl.data.errors import FileTooLarge, UnreadableFile
from fsl.data.reading.bounded import BUFFER_BYTES, Bounds, open_bounded
from fsl.data.reading.raw_rows import Line, RawRow, UnreadableRow

BLOCK_ROWS = 1_000
VALUE_BYTES = 8  # counted for each value beside its length, so that empty ones are not free
MAX_THRIFT_ITEMS = 1_000_000


@contextmanager
def read_parquet(
    path: Path, *, name: str, bounds: Bounds, columns: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Iterator[Line]]]:
    """Lend the names of all columns, and the rows with those of them that were asked for."""
    with TemporaryDirectory() as folder:
        if name.lower().endswith(".gz"):
            path = _decompressed(path, Path(folder) / "plain.parquet", name, bounds)
        with _open(path, name, bounds, columns) as file:
            yield tuple(file.schema_arrow.names), _rows(file, name, bounds, columns)


def _open(path: Path, name: str, bounds: Bounds, columns: tuple[str, ...]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.stat().st_size > bounds.max_file_mb * 1_000_000:
        raise FileTooLarge(name, bounds.max_file_mb)
    try:
        metadata = pq.read_metadata(path)
        n_bytes = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
        if n_bytes > bounds.max_file_mb * 1_000_000:
            raise FileTooLarge(name, bounds.max_file_mb)
        leaves = {metadata.schema.column(index).path for index in range(metadata.num_columns)}
        # A dictionary is kept as one: a value that stands in a million rows would else be there a million times.
        repeated = [column for column in columns if column in leaves]
        return pq.ParquetFile(path, read_dictionary=repeated, thrift_container_size_limit=MAX_THRIFT_ITEMS)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(name, f"it is not sound Parquet ({_first_line(error)})") from error


def _rows(file: Any, name: str, bounds: Bounds, columns: tuple[str, ...]) -> Iterator[Line]:
    wanted = [column for column in columns if column in file.schema_arrow.names]
    line, n_left = 0, bounds.max_file_mb * 1_000_000
    for block in _blocks(file, name, wanted):
        for index in range(block.num_rows):
            line += 1
            row = _read_row(block, index, line, wanted)
            n_left -= VALUE_BYTES if isinstance(row, UnreadableRow) else _weight(dict(row.values))
            if n_left < 0:
                raise FileTooLarge(name, bounds.max_file_mb)
            yield row


def _blocks(file: Any, name: str, columns: list[str]) -> Iterator[Any]:
    import pyarrow as pa

    try:
        yield from file.iter_batches(batch_size=BLOCK_ROWS, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(name, f"it is not sound Parquet ({_first_line(error)})") from error


def _read_row(block: Any, index: int, line: int, columns: list[str]) -> Line:
    try:
        return RawRow(line, {column: block.column(column)[index].as_py() for column in columns})
    except (ValueError, OverflowError) as error:
        return UnreadableRow(line, "", f"the row holds a value that cannot be read ({_first_line(error)})")


def _weight(value: object) -> int:
    if isinstance(value, dict):
        return VALUE_BYTES + sum(map(_weight, value.values()))
    if isinstance(value, list):
        return VALUE_BYTES + sum(map(_weight, value))
    return VALUE_BYTES + (len(value) if isinstance(value, str | bytes) else 0)


def _decompressed(path: Path, plain: Path, name: str, bounds: Bounds) -> Path:
    with open_bounded(path, name=name, bounds=bounds) as file, plain.open("wb") as out:
        while data := file.read(BUFFER_BYTES):
            out.write(data)
    return plain


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
