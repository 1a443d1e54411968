"""Parquet files of the prediction log to tables of one shape. Which rows make a window is `windows`'.

A file is hostile until it is read: one that cannot be used is left out and named, and the others still count.
"""

import io
import logging
from collections.abc import Iterable
from typing import Any

from fsl.store.objects import ObjectStore

_log = logging.getLogger(__name__)
MAX_FILE_BYTES = 1 << 30


def read_files(store: ObjectStore, keys: Iterable[str]) -> tuple[Any, tuple[str, ...]]:
    """Return the files' rows as one pyarrow table, and a sentence for each file that cannot be used."""
    import pyarrow as pa

    tables, notes = [], []
    for key in keys:
        try:
            tables.append(_read_file(store.get(key)))
        except (pa.ArrowException, KeyError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:120]
            notes.append(f"{key} cannot be read and was left out ({reason})")
            _log.warning("%s cannot be read: %s", store.where(key), reason)
    return pa.concat_tables([_schema().empty_table(), *tables]), tuple(notes)


def _read_file(data: bytes) -> Any:
    import pyarrow.parquet as pq

    schema = _schema()
    # Every row is read as what the log's form says it is, so that files of several writers can stand side by side.
    table = pq.ParquetFile(io.BytesIO(data)).read(columns=schema.names)
    missing = set(schema.names) - set(table.column_names)
    if missing:
        raise ValueError(f"it has no column {', '.join(sorted(missing))}")
    return table.select(schema.names).cast(schema)


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        {
            "id": pa.string(),
            "time": pa.timestamp("us", "UTC"),
            "text": pa.string(),
            "answer": pa.string(),
            "confidence": pa.float64(),
            "margin": pa.float64(),
            "version": pa.string(),
            "encoder": pa.string(),
            "embedding": pa.list_(pa.float32()),
        }
    )
