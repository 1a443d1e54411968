"""Cells: the smallest pieces of a benchmark. A finished one is kept, so a benchmark that was cut off goes on.

A cell of a long benchmark is in the repository, and says what it measured: settings, data, and the numbers of the
learner's steps. One of another recipe or of other data is older, and is measured again.
"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "cells"

Facts = dict[str, Any]


def run_cell(benchmark: str, name: str, measure: Callable[[], Facts], *, of: Mapping[str, Any] | None = None) -> Facts:
    """Return a cell's facts, measured now unless an earlier run left them.

    Args:
        of: what is measured, as JSON has it; an older cell of something else is measured again. None: whatever was.
            A config goes in without its defaults, so that a setting that is new, and off, makes no cell older.
    """
    found = read_cell(benchmark, name)
    if found is not None and (of is None or found.get("of") == of):
        print(f"{benchmark} {name}: measured before", flush=True)
        return found
    path = RESULTS / benchmark / f"{name}.json"
    started = time.monotonic()
    facts = {**measure(), "machine": machine(), **({} if of is None else {"of": of})}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(path)
    print(f"{benchmark} {name}: {time.monotonic() - started:.0f} s", flush=True)
    return facts


def read_cell(benchmark: str, name: str) -> Facts | None:
    """Return what an earlier run left, or None."""
    path = RESULTS / benchmark / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def find_cell(
    benchmark: str, name: str, measure: Callable[[], Facts], *, of: Mapping[str, Any], begins: Sequence[str]
) -> Facts | None:
    """Return a cell where its turn has come or an earlier run left it, else None.

    Args:
        begins: of the names whose turn it is. Of the others, one of an older recipe is returned with "is_older".
    """
    if any(name.startswith(begin) for begin in begins):
        return run_cell(benchmark, name, measure, of=of)
    found = read_cell(benchmark, name)
    return found and (found if found.get("of") == of else {**found, "is_older": True})


def chosen_begins() -> list[str]:
    """Return the begins of the cells to measure now, by `FSL_BENCH_CELLS`: commas between; unset: all."""
    return os.environ.get("FSL_BENCH_CELLS", "").split(",")


def digest_of(part: object) -> str:
    """Return a short digest of anything that JSON can hold; rows of a data set, or a config."""
    return hashlib.sha256(json.dumps(part, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


_INSTRUCTIONS = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 and bf16", "avx512f": "AVX-512", "avx2": "AVX2 alone"}


def machine() -> str:
    """Return what the figures were measured on, in words."""
    import psutil

    name, flags = platform.processor() or platform.machine(), set[str]()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        what, _, words = line.partition(":")
        if what.strip() == "model name":
            name = words.strip()
        elif what.strip() == "flags":
            flags = set(words.split())
            break
    # One name sells processors that differ threefold in training: bf16 is used where there are instructions for it.
    widest = next((known for flag, known in _INSTRUCTIONS.items() if flag in flags), "")
    name = f"{name} with {widest}" if widest else name
    memory = psutil.virtual_memory().total / 2**30
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def peak_bytes() -> int:
    """Return the most memory that this program has held; what getrusage says begins with what its parent held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) * 1024
