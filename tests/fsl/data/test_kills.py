"""kill -9 at every write of an ingest, in a real process: a second run leaves every row in exactly one place."""

import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from fsl.config import RunConfig, StoreConfig
from fsl.data.batches import StoredTable
from fsl.data.history import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.together import ingest_together
from fsl.store import layout
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore

N_WRITES = 6  # layout, rows, pool, quarantine, page, record
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def kill_each(runs: list[dict[str, Any]], s3: Endpoint) -> list[int]:
    """Return the exit codes of the children, in order."""
    keys = {"AWS_ACCESS_KEY_ID": s3.credentials.access_key, "AWS_SECRET_ACCESS_KEY": s3.credentials.secret_key}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_ingests.py"))],
        input=json.dumps(runs),
        capture_output=True,
        text=True,
        env={**os.environ, **keys},
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [int(code) for code in done.stdout.split()]


def test_a_kill_at_every_write_and_a_second_run_leave_every_row_exactly_once(
    store: ObjectStore,
    s3: Endpoint,
    store_config: StoreConfig,
    build_config: Callable[..., RunConfig],
    jsonl: Callable[[Any], bytes],
    sound_rows: Callable[..., list[dict[str, Any]]],
) -> None:
    data = jsonl([*sound_rows(), *sound_rows(n=1), {"text": "unlabelled"}, {"text": ""}])
    key = layout.inbox("a.jsonl")
    cases = [(n, after) for n in range(1, N_WRITES + 2) for after in (False, True)]
    runs = []
    for n, after in cases:
        inner = store.within(f"{n}-{after}/")
        inner.put(key, data)
        facts = {"url": s3.url, "bucket": store_config.bucket, "prefix": inner.prefix, "keys": [key]}
        runs.append({**facts, "n": n, "after": after})

    codes = kill_each(runs, s3)

    # The last pair was never reached: an ingest makes no more writes than it was killed at.
    assert codes == [-signal.SIGKILL] * 2 * N_WRITES + [0, 0]
    for n, after in cases:
        inner = store.within(f"{n}-{after}/")
        was_committed = n > N_WRITES or (n == N_WRITES and after)
        assert len(read_history(inner)) == was_committed
        assert pending_objects(inner) == (() if was_committed else (key,))
        record = ingest_object(inner, build_config(), key, now=NOW)
        assert read_history(inner) == (record,)
        assert _places(inner) == {f"a.jsonl:{line}": 1 for line in range(1, record.n_read + 1)}


def test_a_kill_at_every_write_of_many_files_leaves_every_row_of_each_exactly_once(
    store: ObjectStore,
    s3: Endpoint,
    store_config: StoreConfig,
    build_config: Callable[..., RunConfig],
    jsonl: Callable[[Any], bytes],
) -> None:
    files = {layout.inbox(f"{n}.jsonl"): [{"text": f"{label} {n}", "label": label} for label in "ab"] for n in range(9)}
    files |= {"inbox/pool.jsonl": [{"text": "unlabelled"}], "inbox/bad.jsonl": [{"text": ""}], "inbox/no.jsonl": []}
    cases = [(n, after) for n in range(1, N_WRITES + 2) for after in (False, True)]
    runs = []
    for n, after in cases:
        inner = store.within(f"{n}-{after}/")
        for key, rows in files.items():
            inner.put(key, jsonl(rows))
        facts = {"url": s3.url, "bucket": store_config.bucket, "prefix": inner.prefix, "keys": list(files)}
        runs.append({**facts, "n": n, "after": after})

    codes = kill_each(runs, s3)

    assert codes == [-signal.SIGKILL] * 2 * N_WRITES + [0, 0]
    expected = {
        f"{key.removeprefix(layout.INBOX)}:{n}": 1 for key, rows in files.items() for n, _ in enumerate(rows, 1)
    }
    for n, after in cases:
        inner = store.within(f"{n}-{after}/")
        was_committed = n > N_WRITES or (n == N_WRITES and after)
        assert len(read_history(inner)) == was_committed
        assert len(pending_objects(inner)) == (1 if was_committed else len(files))
        taken = ingest_together(inner, build_config(), list(files), now=NOW)
        assert list(taken.faults) == ["inbox/no.jsonl"]
        assert len(read_history(inner)) == 1
        assert _places(inner) == expected


def _places(store: ObjectStore) -> Counter[str]:
    """Count how often each line of each file is anywhere."""
    found: Counter[str] = Counter()
    for record in read_history(store):
        found.update(row["source"] for stored in (record.rows, record.pool) for row in _rows(store, stored))
        found.update(json.loads(line)["source"] for line in store.get(record.quarantine.key).splitlines())
    return found


def _rows(store: ObjectStore, stored: StoredTable) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(store.get(stored.key))).to_pylist()
    return rows
