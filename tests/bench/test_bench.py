"""The benchmarks' quick form runs from end to end and prints the table that the full form publishes."""

import subprocess
import sys
from pathlib import Path

from bench.registry import section

ROOT = Path(__file__).parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def test_the_quick_form_measures_the_loop_and_prints_its_row() -> None:
    done = _bench("loop", "--quick")

    assert done.returncode == 0, done.stderr[-2000:]
    row = next(line for line in done.stdout.splitlines() if line.startswith("| support-intents | 1 |"))
    assert row.count("|") == 12


def test_an_unknown_benchmark_is_answered_with_those_there_are() -> None:
    done = _bench("weather")

    assert done.returncode == 1
    assert "there is no benchmark weather. There are: loop, registry" in done.stderr


def test_the_registrys_table_tells_what_each_trial_found() -> None:
    trials = ("movers", "readers", "publisher", "store", "flips", "careless")
    cells = {name: {"tried": f"what {name} tried", "found": f"what {name} found"} for name in trials}

    table = section(cells, "a machine")

    assert "Machine: a machine." in table
    for name in trials:
        assert f"| what {name} tried | what {name} found |" in table
