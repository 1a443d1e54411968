"""Building a bundle from a student: graphs, parity, int8 where it holds, facts."""

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fsl.config import ExportConfig
from fsl.export.graphs import build_head, export_encoder
from fsl.export.int8 import Trial, choose_recipe
from fsl.export.parity import measure_parity
from fsl.learning.student import Student
from fsl.problems.base import Problem
from fsl.serving.bundle import ENCODER, HEAD, TOKENIZER, BundleFacts, Precision, write_facts
from fsl.serving.predictor import Predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportReport:
    """What became of the student on its way to the bundle."""

    parity_error: float  # largest absolute difference of probabilities, torch to fp32 ONNX
    precision: str  # "int8" or "float32"
    reason: str
    fp32_bytes: int
    served_bytes: int
    trials: tuple[Trial, ...]


def build_bundle(
    student: Student, texts: Sequence[str], problem: Problem, config: ExportConfig, folder: Path
) -> ExportReport:
    """Write a complete bundle into an empty folder.

    Args:
        texts: unlabelled texts and tune rows, on which parity and int8 are measured; never judge rows.

    Raises:
        ExportNotFaithful: the graphs do not compute what was trained.
    """
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "bundle"
        work.mkdir()
        export_encoder(student.network, work / ENCODER)
        build_head(student.head, work / HEAD)
        shutil.copyfile(student.tokenizer_file, work / TOKENIZER)
        _write_facts(work, student, problem, "float32")
        parity = measure_parity(student, work, texts, config)
        fp32_bytes = _size(work)
        trials, chosen = _try_int8(student, texts, problem, config, work)
        precision: Precision = "int8" if chosen else "float32"
        _write_facts(work, student, problem, precision)
        shutil.copytree(work, folder, dirs_exist_ok=True)
    report = ExportReport(parity, precision, _reason(trials, chosen, config), fp32_bytes, _size(folder), tuple(trials))
    log.info("bundle: %s, %d bytes, %s", precision, report.served_bytes, report.reason)
    return report


def _try_int8(
    student: Student, texts: Sequence[str], problem: Problem, config: ExportConfig, work: Path
) -> tuple[list[Trial], Trial | None]:
    if not config.int8 or not texts:
        return [], None
    answers = [prediction.answer.target for prediction in Predictor.load(work).predict(texts)]
    _write_facts(work, student, problem, "int8")
    return choose_recipe(answers, work, texts, config)


def _reason(trials: Sequence[Trial], chosen: Trial | None, config: ExportConfig) -> str:
    if chosen:
        return (
            f"{chosen.recipe}: {chosen.n_changed} of {chosen.n_texts} answers changed "
            f"(upper bound {chosen.upper_bound:.1%}, allowed {config.max_disagreement:.1%})"
        )
    if not trials:
        return "int8 was not tried" if config.int8 else "int8 is off in the config"
    best = min(trials, key=lambda trial: trial.upper_bound)
    return (
        f"no int8 recipe held {config.max_disagreement:.1%}; the nearest, {best.recipe}, changed "
        f"{best.n_changed} of {best.n_texts} answers (upper bound {best.upper_bound:.1%})"
    )


def _write_facts(folder: Path, student: Student, problem: Problem, precision: Precision) -> None:
    with (folder / ENCODER).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    write_facts(folder, BundleFacts(problem.kind, student.labels, digest, precision, student.max_length_tokens))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
