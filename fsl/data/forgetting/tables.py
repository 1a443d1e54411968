"""Rows to be forgotten in the tables of batches, in the pool and in quarantine.

Every object is searched that lies there, also one that no batch names: what a killed ingest left holds texts too.
"""

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from fsl.data.checking.rows import values_of
from fsl.data.forgetting.findings import Finding, Place, Search, digest_of
from fsl.data.quarantine import RefusedRow, parse_refused
from fsl.data.tombstones import Rest
from fsl.problems.base import Problem
from fsl.store import layout


def look_at_refused(search: Search, key: str) -> Iterator[Finding]:
    """Look at a file of quarantine."""
    data = search.store.find(key)
    if data is None or not key.endswith(".jsonl"):
        return
    lines = [line for line in data.split(b"\n") if line]
    rows = list(parse_refused(lines))
    meant = [_is_refused_row_meant(row, search) for row in rows]
    if any(meant):
        kept = [pair for pair, is_meant in zip(zip(lines, rows, strict=True), meant, strict=True) if not is_meant]
        content = b"".join(line + b"\n" for line, _ in kept)
        gone = [row.source for row, is_meant in zip(rows, meant, strict=True) if is_meant]
        rest = replace(_rest_of_refused([row for _, row in kept], digest_of(content)), files=_files_of(gone))
        becomes = layout.quarantine(rest.sha256)
        yield Finding("quarantine", key, digest_of(data), len(rows) - rest.n, becomes, content, rest)


def write_table(table: Any) -> bytes:
    """Return a table as Parquet. The same table always gives the same bytes."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _look_at_table(search: Search, key: str, place: str, prefix: str) -> Iterator[Finding]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = search.store.find(key)
    if data is None or not key.endswith(".parquet"):
        return
    try:
        table = pq.read_table(io.BytesIO(data))
        texts, row_ids = table["text"].to_pylist(), table["row_id"].to_pylist()
    except (pa.ArrowException, KeyError, OSError) as error:
        search.unread.append(f"{key} cannot be read ({' '.join(str(error).split())[:80]})")
        return
    meant = [search.marks.has_text(text or "") for text in texts]
    if any(meant):
        search.learn({row_id for row_id, is_meant in zip(row_ids, meant, strict=True) if is_meant})
        kept = table.filter(pa.array([not is_meant for is_meant in meant]))
        content = write_table(kept)
        gone = table.filter(pa.array(meant))["source"].to_pylist() if "source" in table.column_names else []
        rest = replace(_rest_of(kept, digest_of(content), search.problem), files=_files_of(gone))
        yield Finding(place, key, digest_of(data), sum(meant), f"{prefix}{rest.sha256}.parquet", content, rest)


def _rest_of(table: Any, sha256: str, problem: Problem) -> Rest:
    if "target" not in table.column_names:
        return Rest(sha256, table.num_rows)
    labels: Counter[str] = Counter()
    for target in table["target"].to_pylist():
        labels.update(problem.labels_in(json.loads(target)))
    splits = Counter(table["split"].to_pylist())
    return Rest(sha256, table.num_rows, _sorted(labels), _sorted(splits))


def _rest_of_refused(rows: list[RefusedRow], sha256: str) -> Rest:
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update({reason.code for reason in row.reasons})
    return Rest(sha256, len(rows), reasons=_sorted(reasons), n_duplicates=sum(row.is_duplicate for row in rows))


def _is_refused_row_meant(row: RefusedRow, search: Search) -> bool:
    if search.marks.has_text(row.raw if row.text is None else row.text):
        return True
    values = values_of(row.raw)
    if values is not None:
        return search.marks.has_value(values)
    if not search.marks.stands_in(row.raw):
        return False
    search.marks = search.marks.with_shown(row.raw)
    return True


def _files_of(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the names of files, from `name:line`."""
    return tuple(sorted({source.rpartition(":")[0] for source in sources}))


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


BATCHES = Place("batches", layout.ROWS, partial(_look_at_table, place="batches", prefix=layout.ROWS))
UNLABELLED = Place("pool", layout.POOL, partial(_look_at_table, place="pool", prefix=layout.POOL))
REFUSED = Place("quarantine", layout.QUARANTINE, look_at_refused)
