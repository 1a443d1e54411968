"""The two commands on a machine that lacks something."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["demo", "test"])
def test_without_a_python_one_sentence_says_which_to_install(tmp_path: Path, target: str) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)

    done = subprocess.run(["make", target, "PYTHON="], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "fsl needs Python 3.11, 3.12 or 3.13, and none was found" in done.stderr
    assert not (tmp_path / ".venv").exists()
