"""Traces of rows in what runs and drift checks left: score sheets, soft labels, examples of a window."""

import io
import json
from collections.abc import Iterator
from typing import Any

from fsl.data.forgetting.findings import Finding, Place, Search, digest_of
from fsl.store import layout

SOFT_LABEL_ROWS = "soft_labels.json"  # fsl.learning.artifacts
SOFT_LABEL_FILES = (SOFT_LABEL_ROWS, "soft_labels.safetensors")


def look_at_scores(search: Search, key: str) -> Iterator[Finding]:
    """Look at what a version answered to each judge row. A sheet keeps its name, and loses the rows."""
    name = key.rpartition("/")[2]
    data = search.store.find(key) if name.startswith("scores-") and name.endswith(".json") else None
    sheet = _as_object(data)
    rows = sheet.get("rows")
    if data is None or not isinstance(rows, list):
        return
    kept = [row for row in rows if not (isinstance(row, dict) and search.marks.has_row(str(row.get("row_id"))))]
    if len(kept) < len(rows):
        content = _to_bytes({**sheet, "rows": kept})
        yield Finding("score sheets", key, digest_of(data), len(rows) - len(kept), key, content)


def look_at_soft_labels(search: Search, key: str) -> Iterator[Finding]:
    """Look at what a teacher thought of each row. The step goes whole: a run that is done needs it no more."""
    files = _as_object(search.store.find(key)).get("files") if key.endswith("/manifest.json") else None
    digests = {str(file.get("path")): str(file.get("sha256")) for file in files or () if isinstance(file, dict)}
    if SOFT_LABEL_ROWS not in digests:
        return
    run = "/".join(key.split("/")[:2])
    by_digest = {info.key.rpartition("/")[2]: info.key for info in search.store.list(f"{run}/")}
    gone = [by_digest[digests[name]] for name in SOFT_LABEL_FILES if digests.get(name) in by_digest]
    rows = _as_object(search.store.find(gone[0]) if gone else None).get("rows") or ()
    n_rows = sum(search.marks.has_row(str(row)) for row in rows)
    if n_rows:
        yield from (Finding("soft labels", one, "", n_rows, None) for one in (key, *gone))


def look_at_embeddings(search: Search, key: str) -> Iterator[Finding]:
    """Look at the vectors of a file of rows. The file goes whole: whoever needs it makes it anew from what is left."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = search.store.find(key) if key.endswith(".parquet") else None
    if data is None:
        return
    try:
        rows = pq.ParquetFile(io.BytesIO(data)).read(columns=["row_id"])["row_id"].to_pylist()
    except (pa.ArrowException, KeyError, OSError):
        rows = None  # nobody can use it either
    n_rows = 1 if rows is None else sum(search.marks.has_row(str(row)) for row in rows)
    if n_rows:
        yield Finding("embeddings", key, "", n_rows, None)


def look_at_decision(search: Search, key: str) -> Iterator[Finding]:
    """Look at the examples that a drift decision shows."""
    data = search.store.find(key) if key.endswith("/decision.json") else None
    decision = _as_object(data)
    findings = [one for one in decision.get("findings") or () if isinstance(one, dict)]
    n_rows = sum(len(one.get("examples") or ()) for one in findings)
    for one in findings:
        one["examples"] = [shown for shown in one.get("examples") or () if not _is_meant(shown, search)]
    n_rows -= sum(len(one["examples"]) for one in findings)
    if data is not None and n_rows:
        yield Finding("drift reports", key, digest_of(data), n_rows, key, _to_bytes(decision))


def look_at_record(search: Search, key: str) -> Iterator[Finding]:
    """Look at the record behind a run's page: whatever shows one of the texts is cut out of its list."""
    data = search.store.find(key) if key.endswith(".json") else None
    record = _as_object(data)
    if data is None or not _shows(record, search):
        return
    rest, n_cut = _without_shown(record, search)
    # A text that stands in no list cannot be cut out; then the record goes, and the page beside it stays.
    content = None if _shows(rest, search) else _to_bytes(rest)
    yield Finding("run records", key, digest_of(data), max(1, n_cut), key if content else None, content)


SCORES = Place("score sheets", layout.RUNS, look_at_scores)
SOFT_LABELS = Place("soft labels", layout.RUNS, look_at_soft_labels)
EMBEDDINGS = Place("embeddings", layout.EMBEDDINGS, look_at_embeddings)
DECISIONS = Place("drift reports", layout.DRIFT, look_at_decision)
RECORDS = Place("run records", layout.RUN_PAGES, look_at_record)


def _without_shown(value: Any, search: Search) -> tuple[Any, int]:
    """Return a value without the items of its lists that show one of the texts, and how many those were."""
    if isinstance(value, dict):
        parts = {name: _without_shown(one, search) for name, one in value.items()}
        return {name: part for name, (part, _) in parts.items()}, sum(n for _, n in parts.values())
    if isinstance(value, list):
        kept = [_without_shown(one, search) for one in value if not _is_shown(one, search)]
        return [part for part, _ in kept], len(value) - len(kept) + sum(n for _, n in kept)
    return value, 0


def _is_shown(item: Any, search: Search) -> bool:
    """Say whether an item of a list is one of the texts, or the record of one."""
    values = item.values() if isinstance(item, dict) else (item,)
    return any(isinstance(one, str) and search.marks.has_shown(one) for one in values)


def _shows(value: Any, search: Search) -> bool:
    if isinstance(value, dict):
        return any(_shows(one, search) for one in value.values())
    if isinstance(value, list):
        return any(_shows(one, search) for one in value)
    return isinstance(value, str) and search.marks.has_shown(value)


def _is_meant(example: Any, search: Search) -> bool:
    return isinstance(example, dict) and search.marks.has_shown(str(example.get("text", "")))


def _as_object(data: bytes | None) -> dict[str, Any]:
    """Return a JSON object, or an empty one where there is none: what cannot be read holds no row of ours."""
    try:
        value = json.loads(data or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _to_bytes(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8", "replace")
