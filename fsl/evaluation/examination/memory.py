"""How much memory a bundle takes to serve: a process of its own loads it, answers, and says how large it grew.

`python -m fsl.evaluation.examination.memory FOLDER` is that process; texts come by its standard input, as a JSON list.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 120
_MAX_TEXTS = 20


def measure_peak_memory(folder: Path, texts: Sequence[str]) -> int | None:
    """Return the largest resident size in bytes, or None where this machine does not tell, or the process failed."""
    # -P: a folder named fsl where the command was typed is not ours.
    command = [sys.executable, "-P", "-m", "fsl.evaluation.examination.memory", str(folder)]
    asked = json.dumps(list(texts[:_MAX_TEXTS]))
    try:
        done = subprocess.run(
            command, input=asked, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True
        )
        return int(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        _log.warning("the memory that %s takes was not measured: %s", folder, error)
        return None


def _main(folder: Path) -> None:
    from fsl.serving.predictor import Predictor

    predictor = Predictor.load(folder)
    for text in json.load(sys.stdin):
        predictor.predict([text])
    print(_peak_bytes())


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        # Linux hands getrusage's peak on from the parent that started the process, which may have trained just now.
        lines = (line.split() for line in status.read_text(encoding="ascii").splitlines())
        return next(int(words[1]) * 1024 for words in lines if words[0] == "VmHWM:")
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts in bytes


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
