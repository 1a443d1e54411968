"""Cells: the smallest pieces of a benchmark. A finished one is kept, so a benchmark that was cut off goes on."""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "cells"

Facts = dict[str, Any]


def run_cell(benchmark: str, name: str, measure: Callable[[], Facts]) -> Facts:
    """Return a cell's facts, measured now unless an earlier run left them."""
    path = RESULTS / benchmark / f"{name}.json"
    if path.is_file():
        found: Facts = json.loads(path.read_text(encoding="utf-8"))
        print(f"{benchmark} {name}: measured before", flush=True)
        return found
    started = time.monotonic()
    facts = {**measure(), "machine": machine()}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(path)
    print(f"{benchmark} {name}: {time.monotonic() - started:.0f} s", flush=True)
    return facts


def machine() -> str:
    """Return what the figures were measured on, in words."""
    import psutil

    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    memory = psutil.virtual_memory().total / 2**30
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"
