"""What one window costs: seconds and memory of a whole examination, in a process of its own."""

import json
import os
import subprocess
import sys

from bench.cells import Facts

SIZES = ((200, 1000), (500, 5000), (1000, 5000), (2000, 5000))  # current rows, reference rows

_PROGRAM = """
import json, sys, time
from datetime import UTC, datetime, timedelta
import numpy as np
from bench.cells import peak_bytes
from fsl.config import DriftConfig
from fsl.drift.decision.examine import examine
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window

n_current, n_reference, shift = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
generator = np.random.default_rng(0)
centres = generator.normal(size=(77, 384))
WORDS = [f"w{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(400)]

def window(n, shift):
    place = generator.integers(0, 77, n)
    vectors = (centres[place] + generator.normal(size=(n, 384)) + shift).astype(np.float32)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    texts = tuple(" ".join(generator.choice(WORDS, 12)) for _ in range(n))
    labels = tuple((f"label {number}",) for number in place)
    sure = generator.beta(8, 2, n)
    return Window("v1", "enc", tuple(map(str, range(n))), tuple(start + timedelta(seconds=row) for row in range(n)),
                  texts, tuple(one[0] for one in labels), labels, sure, sure / 2, vectors)

windows = Windows(window(n_reference, 0.0), window(n_current, shift), (), earlier=window(n_current, 0.0))
wall, spent = time.monotonic(), time.process_time()
found = examine(windows, DriftConfig(), now=datetime(2026, 1, 2, tzinfo=UTC))
wall, spent = time.monotonic() - wall, time.process_time() - spent
print(json.dumps({"wall_s": wall, "cpu_s": spent, "action": found.action, "peak_mb": peak_bytes() / 2**20}))
"""


def measure_cost() -> Facts:
    """Return seconds and peak memory for each size, without and with a change (which takes all shuffles)."""
    rows = []
    for n_current, n_reference in SIZES:
        for shift in (0.0, 0.5):
            command = [sys.executable, "-c", _PROGRAM, str(n_current), str(n_reference), str(shift)]
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "2"}
            )
            found = json.loads(done.stdout.strip().splitlines()[-1])
            rows.append({"n_current": n_current, "n_reference": n_reference, "changed": bool(shift), **found})
    return {"rows": rows}
