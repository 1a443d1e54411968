"""Intake of many small files dropped at once: time, memory and requests to the store, which have to stay linear.

Each cell is one inbox of files of one to three rows, taken in by one process as the ingest flow does, without Prefect.
Large files are `intake`'s.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.cells import Facts, machine, peak_bytes, run_cell

SIZES = (100, 1_000, 10_000)
QUICK_SIZES = (12,)


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    if quick:
        return _section([{**_measure(n), "machine": machine()} for n in QUICK_SIZES])
    return _section([run_cell("intake_files", str(n), lambda n=n: _measure(n)) for n in SIZES])  # type: ignore[misc]


def _measure(n: int) -> Facts:
    done = subprocess.run(
        [sys.executable, "-m", "bench.intake_files", str(n)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{n} files ended with {done.returncode}: {done.stderr[-2000:]}")
    facts: Facts = json.loads(done.stdout.splitlines()[-1])
    return facts


def _ingest(n: int) -> Facts:
    """Take n files in, on an embedded server of its own whose process is not measured."""
    from datetime import UTC, datetime

    from fsl.config import DataConfig, RunConfig, StoreConfig
    from fsl.data.history import read_history
    from fsl.data.intake import pending_objects
    from fsl.data.past import MAX_REMEMBERED, Past
    from fsl.data.together import ingest_together, pending_groups
    from fsl.store import layout
    from fsl.store.embedded.server import running
    from fsl.store.objects import ObjectStore

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as endpoint:
        store = ObjectStore.connect(StoreConfig(endpoint_url=endpoint.url), credentials=endpoint.credentials)
        store.ensure_bucket()
        n_rows = 0
        for index in range(n):
            rows = _rows(index)
            n_rows += len(rows)
            store.put(layout.inbox(f"{index:05d}.jsonl"), "\n".join(map(json.dumps, rows)).encode())
        config = RunConfig(project="bench", data=DataConfig(new_label_min_rows=1))
        n_requests = [0]
        store._client.meta.events.register("before-send.s3", _count(n_requests))
        started, cpu = time.monotonic(), time.process_time()
        past = Past(max_remembered=MAX_REMEMBERED)
        for keys in pending_groups(store):
            taken = ingest_together(store, config, keys, now=datetime.now(UTC), past=past)
            assert not taken.faults
        facts = {"n": n, "seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - cpu}
        facts |= {"n_requests": n_requests[0], "peak_mb": peak_bytes() / 2**20}
        history = read_history(store)
        assert pending_objects(store) == ()
        assert sum(len(record.sources) for record in history) == n
        assert sum(record.rows.n for record in history) == n_rows
        return {**facts, "n_rows": n_rows, "n_batches": len(history)}


def _count(n_requests: list[int]) -> Any:
    def count(**_: object) -> None:
        n_requests[0] += 1

    return count


def _rows(index: int) -> list[dict[str, str]]:
    """Return one to three rows like no others; the first file has both labels."""
    return [
        {
            "text": " ".join(hashlib.sha256(f"{index} {row} {word}".encode()).hexdigest()[:7] for word in range(6)),
            "label": "ab"[(index + row) % 2],
        }
        for row in range(2 if index == 0 else 1 + index % 3)
    ]


def _section(cells: list[Facts]) -> str:
    rows = [
        f"| {cell['n']:,} | {cell['n_rows']:,} | {cell['n_batches']} | {cell['seconds']:.1f} "
        f"| {cell['cpu_seconds']:.1f} | {1000 * cell['seconds'] / cell['n']:.1f} "
        f"| {cell['n_requests'] / cell['n']:.2f} | {cell['peak_mb']:.0f} |"
        for cell in cells
    ]
    head = [
        "| files | rows | batches | s | of it CPU s | ms a file | requests a file | peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    words = (
        "Files of one to three rows, dropped at once and taken in by one process, importing the libraries included "
        "(some 3 s); those that wait together come in as one batch, up to 500 at a time, each claimed by the digest "
        "of its bytes. The server's process is not measured. Aims: ten thousand files in under 300 s, time and "
        "requests in proportion to the files, memory bounded. When each file was a batch of its own, it took 200 ms "
        "of CPU and 18 requests. Command: `python -m bench intake_files`."
    )
    return "\n".join(
        ["## Intake of many small files", "", f"Machine: {cells[0]['machine']}.", "", words, "", *head, *rows, ""]
    )


if __name__ == "__main__":
    print(json.dumps(_ingest(int(sys.argv[1]))))
