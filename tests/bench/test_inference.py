"""The inference benchmark's quick form runs from end to end, and its tables tell what was not measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.parts.inference.tables import section

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FSL_BENCH_DATA", ROOT.parent / "shared" / "data"))
CELL = {
    "sets": {
        name: {"p50_ms": 2.0, "p95_ms": 3.0, "rows_per_second": 500.0}
        for name in ("intents", "headlines", "256 tokens")
    },
    "labels": {"intents": [1, 2, 3, 4]},
    "first_answer_seconds": 0.5,
    "rss_mb": 120.0,
    "load": 0.5,
}
PARTS = {
    "share": 0.4,
    "served_share": 0.55,
    "served_steps": {"QAttention": 0.25},
    "width": 2,
    "product_gops": 900.0,
    "steps": {"QAttention": 0.3},
    "stream": {"read": 0.1, "encode": 0.8},
    "widths": {"160 tokens": 640.4, "32 texts": 500.0},
}
TRIAL = {
    "recipe": "static",
    "ms_per_text": 1.5,
    "ms_in_stream": 1.25,
    "size_bytes": 23_000_000,
    "n_texts": 2872,
    "n_changed": 30,
    "upper_bound": 0.01414,
    "refused": "",
}
TRIALS = [{**TRIAL, "recipe": "slow", "n_texts": 0}, {**TRIAL, "recipe": "bad", "refused": "too far off"}, TRIAL]
BUNDLES = {"int8": {"served_bytes": 23_600_000, "trials": TRIALS}}


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_the_quick_form_measures_our_own_engines_and_every_part() -> None:
    command = [sys.executable, "-m", "bench", "inference", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line for line in done.stdout.splitlines() if line.startswith("| fsl")]
    assert [row.split("|")[1].strip() for row in rows] == ["fsl int8", "fsl fp32"]
    assert "| share of the int8 product rate at 32 × 64 | 50% |" in done.stdout


def test_aims_are_told_against_the_peers_of_the_same_run() -> None:
    slow = {**CELL, "sets": {name: {"p50_ms": 9.0, "p95_ms": 9.0, "rows_per_second": 100.0} for name in CELL["sets"]}}
    cells = {("fsl int8", 1): CELL, ("PyTorch eager fp32", 1): {**slow, "labels": {"intents": [1, 2, 3, 5]}}}

    table = section(cells, BUNDLES, PARTS, None, [1, 2, 0, 0], "a machine")

    assert "against PyTorch eager fp32 at p50 | 6 times | 4.5 times |" in table
    assert "stream of intents, against PyTorch eager fp32 | 4 times | 5.0 times |" in table
    assert "against the ONNX int8 peer | 1.3 times | not measured |" in table
    assert (
        "| fsl int8 | 1 | 2.00 / 3.00, 500 | 2.00 / 3.00, 500 | 2.00 / 3.00, 500 | 0.50 | 120 | 75.0% | 50.0% |"
        in table
    )


def test_a_peer_that_could_not_run_stands_there_with_the_reason() -> None:
    cells = {("fsl int8", 1): CELL, ("SetFit fp32", 1): {"missing": "No module named 'setfit' | really"}}

    table = section(cells, BUNDLES, PARTS, None, [1, 2, 0, 0], "a machine")

    assert (
        "55% of 900 Gop/s as it is served, 2 texts at a time (QAttention 25%); 40% in one run (QAttention 30%)" in table
    )
    assert "| SetFit fp32 | 1 | not measured: No module named 'setfit' / really |" in table


def test_every_recipe_of_the_search_is_told_with_what_became_of_it() -> None:
    table = section({("fsl int8", 1): CELL}, BUNDLES, PARTS, None, [1, 2, 3, 4], "a machine")

    assert "| slow | 1.50 | 1.25 | 23.0 | not counted |  | not quicker than what ships |" in table
    assert "| bad | 1.50 | 1.25 | 23.0 | 30 of 2,872 | 1.41% | too far off |" in table
    assert "| static | 1.50 | 1.25 | 23.0 | 30 of 2,872 | 1.41% | ships |" in table
    assert "one thread: at most 160 tokens, 640; 32 texts, 500." in table
