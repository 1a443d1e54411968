"""Inference: our predictor beside PyTorch's stacks and an ONNX int8 peer, on the same texts with the same weights.

Every engine runs in a process of its own, one after the other. The peers have an environment of their own under
`bench/results/peers`, made by pip; those that it lacks are told and left out. Head and int8 recipe
were made on train rows of Banking77; the texts that are timed are test rows, which nothing was chosen on.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.cells import RESULTS, Facts, machine, run_cell
from bench.parts.inference import engines
from bench.parts.inference.shares import measure_share, measure_tokeniser, measure_widths
from bench.parts.inference.tables import BASE, section
from bench.parts.peers import peers_python
from bench.parts.public_data import ROOT, data_folder, not_measured

MAX_LENGTH = 256
ENGINES: dict[str, dict[str, Any]] = {
    "fsl int8": {"engine": "fsl", "bundle": "int8"},
    "fsl fp32": {"engine": "fsl", "bundle": "float32"},
    BASE: {"engine": "eager", "bf16": False},
    "PyTorch eager bf16": {"engine": "eager", "bf16": True},
    "transformers pipeline fp32": {"engine": "pipeline", "bf16": False},
    "transformers pipeline bf16": {"engine": "pipeline", "bf16": True},
    "sentence-transformers fp32": {"engine": "sentence-transformers", "bf16": False},
    "sentence-transformers bf16": {"engine": "sentence-transformers", "bf16": True},
    "SetFit fp32": {"engine": "setfit", "bf16": False},
    "SetFit bf16": {"engine": "setfit", "bf16": True},
    "sentence-transformers ONNX int8": {"engine": "onnx-int8", "bf16": False},
}


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    if not data_folder().is_dir():
        return not_measured("Inference", data_folder())
    n_texts, n_single, names, threads = (
        (24, 8, ["fsl int8", "fsl fp32"], (1,)) if quick else (256, 100, [*ENGINES], (1, 2))
    )
    place = RESULTS / "inference-bundles" if not quick else Path(tempfile.mkdtemp(prefix="fsl-bench-"))
    facts = _bundles(place, n_pool=200 if quick else 3000)
    python = Path(sys.executable) if quick else peers_python()
    cells: dict[tuple[str, int], Facts] = {}
    for n_threads in threads:
        for name in names:
            job = {**ENGINES[name], "threads": n_threads, "n_single": n_single, "n_texts": n_texts}
            measure = lambda job=job: _engine(job, place, python)  # noqa: E731
            key = f"{name.replace(' ', '-')}-{n_threads}"
            cells[name, n_threads] = measure() if quick else run_cell("inference", key, measure)
    truth = _truth(place, n_texts)
    parts = _parts(place, quick) if quick else run_cell("inference", "parts", lambda: _parts(place, quick))
    head = None if quick else run_cell("inference", "head", lambda: _head(place))
    return section(cells, facts, parts, head, truth, machine())


def _bundles(place: Path, *, n_pool: int) -> Facts:
    """Make the int8 and the fp32 bundle once, and the head as the peers read it."""
    import numpy as np

    from fsl.config import EncoderConfig, ExportConfig
    from fsl.export.bundle import build_bundle
    from fsl.learning.encoders import embed, load_encoder, packaged_encoder
    from fsl.learning.heads import fit_probe
    from fsl.learning.selection.choice import Choice
    from fsl.learning.student import Student
    from fsl.problems import find_problem

    facts_file = place / "facts.json"
    if facts_file.is_file():
        return dict(json.loads(facts_file.read_text(encoding="utf-8")))
    quick = n_pool < 2000  # one layer and one recipe show that every line works; the figures mean nothing
    config = EncoderConfig(max_length_tokens=MAX_LENGTH, student_layers=1 if quick else None)
    encoder = load_encoder(config, role="student", unit="text")
    rows = _rows("banking77", "train")
    np.random.default_rng(0).shuffle(rows)  # type: ignore[arg-type]
    train, pool = rows[:770], rows[770 : 770 + n_pool]
    reader = encoder.reader("text")
    vectors = embed(encoder.network, reader, reader.read([row["text"] for row in train]))
    labels, targets = np.unique([row["label"] for row in train], return_inverse=True)
    head = fit_probe(vectors, targets, len(labels), seed=0)
    student = Student(
        encoder.network,
        head,
        tuple(labels.tolist()),
        encoder.name,
        encoder.tokenizer_file,
        MAX_LENGTH,
        (),
        Choice("probe", ""),
    )
    texts, problem = [row["text"] for row in pool], find_problem("classification")
    facts: Facts = {"model": str(packaged_encoder(encoder.name))}
    for name in ("int8", "float32"):
        (place / name).mkdir(parents=True)
        export = ExportConfig(
            int8=name == "int8", max_disagreement=1.0 if quick else 0.015, search_seconds=0.01 if quick else 600.0
        )
        report = build_bundle(student, texts, problem, export, place / name)
        facts[name] = report.to_json()
    np.savez(place / "head.npz", weight=head.weight, bias=head.bias)
    facts_file.write_text(json.dumps(facts), encoding="utf-8")
    return facts


def _engine(job: Facts, place: Path, python: Path) -> Facts:
    """Time one engine in a process of its own; where its packages are not there, say so."""
    facts = json.loads((place / "facts.json").read_text(encoding="utf-8"))
    whole = {
        **job,
        "model": facts["model"],
        "sentence_model": facts["model"],
        "bundle": str(place / str(job.get("bundle", ""))),
        "head": str(place / "head.npz"),
        "scratch": str(place),
        "max_length": MAX_LENGTH,
        "warm": "where is my card",
        "sets": _sets(int(job["n_texts"])),
    }
    file = place / "job.json"
    file.write_text(json.dumps(whole), encoding="utf-8")
    ours = job["engine"] == "fsl"
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(job["threads"]),
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        **({"PYTHONPATH": str(ROOT)} if ours else {}),
    }
    if not ours:
        environment.pop("PYTHONPATH", None)
    command = [
        sys.executable if ours else str(python),
        str(engines.__file__),
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=3600)
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["it ended without a word"])[-1][:200]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _sets(n_texts: int) -> dict[str, list[str]]:
    intents = [row["text"] for row in _rows("banking77", "test")]
    headlines = [row["text"] for row in _rows("financial_phrasebank", "test")]
    step = max(1, len(intents) // n_texts)
    n_long = min(len(headlines) - 12, n_texts // 8 + 1)
    long = [" ".join(headlines[start : start + 12]) for start in range(n_long)]
    return {"intents": intents[::step][:n_texts], "headlines": headlines[:n_texts], "256 tokens": long}


def _truth(place: Path, n_texts: int) -> list[int]:
    """Return the right label of each intent that is timed, as the engines count them; -1: the head does not know it."""
    labels = json.loads((place / "int8" / "bundle.json").read_text(encoding="utf-8"))["labels"]
    places = {label: place for place, label in enumerate(sorted(labels))}
    rows = _rows("banking77", "test")
    step = max(1, len(rows) // n_texts)
    return [places.get(row["label"], -1) for row in rows[::step][:n_texts]]


def _rows(name: str, part: str) -> list[dict[str, Any]]:
    with (data_folder() / name / f"{part}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _parts(place: Path, quick: bool) -> Facts:
    intents = _sets(24 if quick else 512)["intents"]
    return {
        **measure_share(place / "int8", seconds=0.2 if quick else 10.0),
        "stream": measure_tokeniser(place / "int8", intents),
        "widths": measure_widths(place / "int8", intents, rounds=1 if quick else 5),
    }


def _head(place: Path) -> Facts:
    from bench.parts.inference.head import measure_head

    return measure_head(place / "int8", _rows("banking77", "train"))
