"""The environment of the peers: other people's packages that ours are measured beside, apart from the project's own."""

import subprocess
import sys
import venv
from pathlib import Path

from bench.cells import RESULTS

PINS = (
    "torch==2.13.0",
    "transformers==4.57.6",  # the newest that the ONNX backend takes
    "sentence-transformers[onnx]==5.7.0",
    "optimum-onnx==0.1.0",
    "onnxruntime==1.32.0",
    "setfit==1.2.0",
    "numpy==2.4.6",
)
FOLDER = RESULTS.parent / "peers"


def peers_python() -> Path:
    """Return the python of the peers' environment, made by pip the first time."""
    python = FOLDER / "bin" / "python"
    if not (FOLDER / "ready").is_file():
        venv.create(FOLDER, with_pip=True, clear=True)
        done = subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PINS], check=False)
        if done.returncode:
            print("the peers could not be installed; they are left out", file=sys.stderr)
        else:
            (FOLDER / "ready").touch()
    return python
