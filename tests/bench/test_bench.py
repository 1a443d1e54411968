"""The benchmarks' quick form runs from end to end and prints the table that the full form publishes."""

import subprocess
import sys
from pathlib import Path

from bench.__main__ import put_section

ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def test_the_quick_form_measures_the_loop_and_prints_its_row() -> None:
    done = _bench("--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    row = next(line for line in done.stdout.splitlines() if line.startswith("| support-intents | 1 |"))
    assert row.count("|") == 12


def test_an_unknown_benchmark_is_answered_with_those_there_are() -> None:
    done = _bench("weather")

    assert done.returncode == 1
    assert "there is no benchmark weather. There are: " in done.stderr


def test_a_section_measured_anew_takes_the_place_of_the_old_one_and_no_other() -> None:
    page = "# Benchmarks\n\nWords.\n\n## Gate\n\nold\n\n## The loop\n\nrows\n"

    assert put_section(page, "## Gate\n\nnew\n") == "# Benchmarks\n\nWords.\n\n## Gate\n\nnew\n\n## The loop\n\nrows\n"
    assert put_section(page, "## Intake\n\nrows\n") == page + "\n## Intake\n\nrows\n"
