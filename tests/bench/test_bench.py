"""The benchmarks' quick form runs from end to end and prints the table that the full form publishes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def test_the_quick_form_measures_the_loop_and_prints_its_row() -> None:
    done = _bench("loop", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    row = next(line for line in done.stdout.splitlines() if line.startswith("| support-intents | 1 |"))
    assert row.count("|") == 12


def test_the_quick_form_measures_the_intake_beside_its_peer() -> None:
    done = _bench("intake", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    row = next(line for line in done.stdout.splitlines() if line.startswith("| 300 |"))
    assert row.count("|") == 9


def test_an_unknown_benchmark_is_answered_with_those_there_are() -> None:
    done = _bench("weather")

    assert done.returncode == 1
    assert "there is no benchmark weather. There are: loop, intake" in done.stderr
