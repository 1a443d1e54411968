"""From a selection to the texts it means: every row of batches, pool, quarantine and the prediction log is asked."""

import io
import json
from collections.abc import Iterator

from fsl.data.checking.rows import row_id_of
from fsl.data.forgetting.selection import Candidate, Selection
from fsl.data.quarantine import parse_refused
from fsl.problems.base import Problem
from fsl.store import layout
from fsl.store.objects import ObjectStore


def choose_texts(store: ObjectStore, selection: Selection, problem: Problem) -> frozenset[str]:
    """Return the texts of all rows that are meant; of a row without a text, the whole row as it was read."""
    every = (_labelled(store), _pool(store), _refused(store), _served(store))
    return frozenset(row.text for rows in every for row in rows if selection.means(row, problem))


def _labelled(store: ObjectStore) -> Iterator[Candidate]:
    for row in _tables(store, layout.ROWS, ("row_id", "text", "target", "source")):
        target = json.loads(str(row["target"]))
        yield Candidate(
            str(row["text"]), (str(row["row_id"]), str(row["source"])), target, _file_of(str(row["source"]))
        )


def _pool(store: ObjectStore) -> Iterator[Candidate]:
    for row in _tables(store, layout.POOL, ("row_id", "text", "source")):
        source = str(row["source"])
        yield Candidate(str(row["text"]), (str(row["row_id"]), source), source=_file_of(source))


def _refused(store: ObjectStore) -> Iterator[Candidate]:
    for info in tuple(store.list(layout.QUARANTINE)):
        for row in parse_refused((store.find(info.key) or b"").split(b"\n")):
            text = row.raw if row.text is None else row.text
            yield Candidate(text, (row.source,), row.target, _file_of(row.source))


def _served(store: ObjectStore) -> Iterator[Candidate]:
    for info in tuple(store.list(layout.PREDICTIONS)):
        for index, row in enumerate(_rows(store, info.key, ("id", "text")), start=1):
            yield Candidate(str(row["text"]), (str(row.get("id")), row_id_of(info.key, index)))


def _tables(store: ObjectStore, prefix: str, columns: tuple[str, ...]) -> Iterator[dict[str, object]]:
    for info in tuple(store.list(prefix)):
        yield from _rows(store, info.key, columns)


def _rows(store: ObjectStore, key: str, columns: tuple[str, ...]) -> Iterator[dict[str, object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = store.find(key) if key.endswith(".parquet") else None
    if data is None:
        return
    try:
        rows = pq.ParquetFile(io.BytesIO(data)).read(columns=list(columns)).to_pylist()
    except (pa.ArrowException, OSError):
        return  # the search names what cannot be read
    yield from (row for row in rows if isinstance(row.get("text"), str))


def _file_of(source: str) -> str:
    return source.rpartition(":")[0]
