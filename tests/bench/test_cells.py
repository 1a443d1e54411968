"""Cells: what is measured again, what is committed, and what is said of the machine."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import cells

ROOT = Path(__file__).parents[2]


def test_a_cell_of_an_older_recipe_is_measured_again_when_its_turn_comes_and_named_as_older_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "RESULTS", tmp_path)
    cells.run_cell("fewshot", "one-0", lambda: {"accuracy": 0.5}, of={"recipe": "old"})

    kept = cells.find_cell("fewshot", "one-0", lambda: {"accuracy": 0.9}, of={"recipe": "old"}, begins=["one"])
    older = cells.find_cell("fewshot", "one-0", lambda: {"accuracy": 0.9}, of={"recipe": "new"}, begins=["two"])
    anew = cells.find_cell("fewshot", "one-0", lambda: {"accuracy": 0.9}, of={"recipe": "new"}, begins=["one"])

    assert kept is not None
    assert kept["accuracy"] == 0.5
    assert "is_older" not in kept
    assert older is not None
    assert older["accuracy"] == 0.5
    assert older["is_older"]
    assert anew is not None
    assert anew["accuracy"] == 0.9
    assert anew["of"] == {"recipe": "new"}
    assert cells.find_cell("fewshot", "two-0", lambda: {"accuracy": 0.9}, of={}, begins=["one"]) is None


def test_cells_of_long_benchmarks_are_committed_and_those_of_timed_ones_are_not() -> None:
    kept = ("fewshot/x", "meta/x", "distill/x", "entities/x", "drift/x", "orchestration/kills-000")
    paths = [f"bench/results/cells/{name}.json" for name in (*kept, "orchestration/overhead", "inference/x")]
    done = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout.split() == paths[len(kept) :]


def test_committed_cells_hold_figures_and_say_what_they_measured() -> None:
    for path in sorted((ROOT / "bench" / "results" / "cells").glob("[dfem]*/*.json")):
        if path.parent.name not in ("fewshot", "meta", "distill", "entities"):
            continue
        assert json.loads(path.read_text(encoding="utf-8")).get("of"), path
        assert path.stat().st_size < 20_000, path


def test_a_programs_peak_of_memory_is_its_own_and_not_its_parents() -> None:
    held = np.ones(50_000_000)  # 400 MB
    command = [sys.executable, "-c", "from bench.cells import peak_bytes; print(peak_bytes())"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert 1_000_000 < int(done.stdout) < held.nbytes // 2
    assert cells.peak_bytes() > held.nbytes
