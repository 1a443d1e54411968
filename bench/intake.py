"""Intake: from a file of JSON Lines to the committed batch, against plain pandas with Great Expectations.

Each cell is one file in a fresh process, so that its peak of memory is its own. The rows are those of Banking77 with
a row number mixed in, over and over: growth is for timing only, and no score is taken from them. The peer reads the
same file with `pandas.read_json` and validates it whole with five of the same expectations; it keeps no row with its
reasons, searches no duplicates, gives no splits and stores nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.cells import Facts, machine, peak_bytes, run_cell

DATA = Path(os.environ.get("FSL_BENCH_DATA", "../shared/data")) / "banking77" / "train.jsonl"
SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (300,)
WAYS = ("fsl", "pandas")


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    if quick:
        cells = [{**_measure(way, n), "machine": machine()} for n in QUICK_SIZES for way in WAYS]
        return _section(cells)
    cells = [
        run_cell("intake", f"{way}-{n}", lambda way=way, n=n: _measure(way, n))  # type: ignore[misc]
        for n in SIZES
        for way in WAYS
    ]
    return _section(cells)


def _measure(way: str, n: int) -> Facts:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows.jsonl"
        write_rows(path, n)
        done = subprocess.run(
            [sys.executable, "-m", "bench.intake", way, str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{way} with {n} rows ended with {done.returncode}: {done.stderr[-2000:]}")
        facts: Facts = json.loads(done.stdout.splitlines()[-1])
        return {"way": way, "n": n, "file_mb": path.stat().st_size / 1e6, **facts}


def write_rows(path: Path, n: int) -> None:
    """Write n rows, no two alike. Without the data set, sentences of the same length stand in."""
    source = [json.loads(line) for line in DATA.open(encoding="utf-8")] if DATA.exists() else list(_sentences())
    with path.open("w", encoding="utf-8") as file:
        for index in range(n):
            row = source[index % len(source)]
            words = row["text"].split()
            place = index * 7919 % (len(words) + 1)
            text = " ".join([*words[:place], str(index), *words[place:]])
            file.write(json.dumps({"text": text, "label": row["label"]}, ensure_ascii=False) + "\n")


def _sentences() -> Iterator[dict[str, str]]:
    for index in range(1_000):
        yield {"text": f"where is the parcel {index * 37} that I ordered last week", "label": f"label {index % 10}"}


def _ingest(path: Path) -> Facts:
    """Ingest into an embedded server of its own; its process is not measured, since any S3 could stand there."""
    import time
    from datetime import UTC, datetime

    from fsl.config import RunConfig, StoreConfig
    from fsl.data.intake import ingest_object
    from fsl.store import layout
    from fsl.store.embedded.server import running
    from fsl.store.objects import ObjectStore

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as endpoint:
        config = StoreConfig(endpoint_url=endpoint.url)
        store = ObjectStore.connect(config, credentials=endpoint.credentials)
        store.ensure_bucket()
        key = layout.inbox(path.name)
        store.upload(key, path)
        started, cpu = time.monotonic(), time.process_time()
        record = ingest_object(store, RunConfig(project="bench"), key, now=datetime.now(UTC))
        seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu
        facts = {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_bytes() / 2**20}
        return {**facts, "n_accepted": record.rows.n, "splits": dict(record.splits)}


def _validate(path: Path) -> Facts:
    """Read a file whole with pandas, and validate it with Great Expectations as its handbook shows."""
    import time

    started, cpu = time.monotonic(), time.process_time()
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    frame = pd.read_json(path, lines=True)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_or_update_pandas("rows").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch(batch_parameters={"dataframe": frame})
    expect = gx.expectations
    suite = gx.ExpectationSuite(
        name="rows",
        expectations=[
            expect.ExpectColumnValuesToNotBeNull(column="text"),
            expect.ExpectColumnValuesToNotBeNull(column="label"),
            expect.ExpectColumnValueLengthsToBeBetween(column="text", min_value=1, max_value=10_000),
            expect.ExpectColumnValuesToNotMatchRegex(column="text", regex="[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"),
            expect.ExpectColumnValuesToBeUnique(column="text"),
        ],
    )
    answer = batch.validate(suite)
    assert answer.success
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_bytes() / 2**20, "n_accepted": len(frame)}


def _section(cells: list[Facts]) -> str:
    rows = [
        "| rows | file MB | fsl: s | of it CPU s | peak MB "
        "| pandas and Great Expectations: s | of it CPU s | peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for n in dict.fromkeys(cell["n"] for cell in cells):
        ours, peer = (next(cell for cell in cells if cell["n"] == n and cell["way"] == way) for way in WAYS)
        rows.append(
            f"| {n:,} | {ours['file_mb']:.1f} | {ours['seconds']:.1f} | {ours['cpu_seconds']:.1f} "
            f"| {ours['peak_mb']:.0f} | {peer['seconds']:.1f} | {peer['cpu_seconds']:.1f} | {peer['peak_mb']:.0f} |"
        )
    words = (
        "From a dropped file of JSON Lines to the committed batch, each in a fresh process, importing the libraries "
        "included; embedding is not. The rows are those of Banking77 with a row number mixed in, so growth is for "
        "timing only. The peer reads the same file with pandas and checks five expectations; it gives no splits, looks "
        "for no near-duplicates and stores nothing. Aims: a million rows in 120 s and 1,500 MB, ten thousand in 10 s. "
        "Command: `python -m bench intake`."
    )
    return "\n".join(["## Intake", "", f"Machine: {cells[0]['machine']}.", "", words, "", *rows, ""])


if __name__ == "__main__":
    ways = {"fsl": _ingest, "pandas": _validate}
    print(json.dumps(ways[sys.argv[1]](Path(sys.argv[2]))))
