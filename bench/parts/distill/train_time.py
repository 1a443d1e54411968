"""Train time of one candidate, and of SetFit on the same rows with the same encoder, each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.cells import Facts
from bench.parts.distill.half import half_recipe
from bench.parts.peers import peers_python
from bench.parts.students.draws import DataSet, Draw, draw_shots, load_set
from bench.parts.students.fitting import answer
from fsl.config import EncoderConfig, LearningConfig

N_POOL = 5_000


def candidate_recipe() -> LearningConfig:
    """Return the candidate that is timed: the whole MiniLM as teacher and as student."""
    recipe = half_recipe()
    student = recipe.student.model_copy(update={"epochs": 3, "learning_rate": 1.5e-4, "dropout": 0.0})
    return recipe.model_copy(update={"encoder": EncoderConfig(), "student": student})


def measure_candidate(*, n_labels: int | None = None, most: int | None = None, n_pool: int = N_POOL) -> Facts:
    """Adapt a teacher and distil one student, the wall clock running; then ask the student about test rows."""
    from fsl.learning.encoders import load_encoder
    from fsl.learning.student import distil
    from fsl.learning.teacher import adapt_teacher
    from fsl.problems import find_problem

    data, rows = _rows(n_labels, most)
    pool = rows.pool[:: max(1, len(rows.pool) // n_pool)][:n_pool]
    config, problem = candidate_recipe(), find_problem("classification")
    load_encoder(config.encoder, role="student", unit="text")  # imports and files are in memory for both
    started = time.monotonic()
    soft = adapt_teacher(rows.train, [], pool, problem, config, where="a draw")
    fitted = distil(rows.train, [], pool, soft, problem, config)
    seconds = time.monotonic() - started
    base = load_encoder(config.encoder, role="student", unit="text")
    said = answer([text for text, _ in data.test], base, fitted.network, fitted.head, soft.labels, problem)
    return {
        "seconds": seconds,
        "accuracy": float(np.mean([one == truth for one, (_, truth) in zip(said, data.test, strict=True)])),
        "n_train": len(rows.train),
        "n_pool": len(pool),
    }


def measure_setfit(n_steps: int) -> Facts:
    """Train SetFit with its defaults but for a limit of steps; its whole defaults' time follows from its own plan."""
    from fsl.learning.encoders import packaged_encoder

    data, rows = _rows(None, None)
    job = {
        "model": str(packaged_encoder(EncoderConfig().student)),
        "train": [[sample.text, str(sample.target)] for sample in rows.train],
        "test": [list(row) for row in data.test],
        "n_steps": n_steps,
    }
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "job.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        command = [str(peers_python()), str(Path(__file__).with_name("setfit_peer.py")), str(file)]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"SetFit did not train: {done.stderr.strip()[-600:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _rows(n_labels: int | None, most: int | None) -> tuple[DataSet, Draw]:
    data = load_set("banking77", n_labels=n_labels, most=most)
    return data, draw_shots(data, 10 if n_labels is None else 3, 0, pool="rest of train")
