"""The student: the small encoder that will be served, distilled from soft labels, and the probe it must beat."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsl.config import LearningConfig
from fsl.learning.encoders import Encoder, UnitEncoder, embed, load_encoder
from fsl.learning.heads import Head, fit_probe, fit_temperature, log_likelihoods
from fsl.learning.lessons import read_lessons, split_by_text, stack_targets, with_soft_labels
from fsl.learning.selection import Candidate, Choice, choose_candidate
from fsl.learning.teacher import SoftLabels
from fsl.learning.training import Lesson, Progress, fit_encoder
from fsl.problems.base import Problem
from fsl.samples import Sample
from fsl.tokenization import TextReader

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Student:
    """The candidate that won, ready for export."""

    network: UnitEncoder
    head: Head
    labels: tuple[str, ...]
    base_model: str
    tokenizer_file: Path
    max_length_tokens: int
    candidates: tuple[Candidate, ...]
    choice: Choice


def adapt_student(
    train: Sequence[Sample],
    tune: Sequence[Sample],
    pool: Sequence[Sample],
    soft_labels: SoftLabels,
    problem: Problem,
    config: LearningConfig,
    *,
    progress: Progress = lambda share: None,
) -> Student:
    """Distil the soft labels into the student, and return it or the probe, whichever tune rows favour."""
    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    reader = base.reader(problem.unit)
    lessons = read_lessons(train, reader, problem, soft_labels.labels)
    held_out = [
        lesson for lesson in read_lessons(tune, reader, problem, soft_labels.labels) if lesson.targets is not None
    ]

    started = time.monotonic()
    vectors = embed(base.network, reader, [lesson.encoded for lesson in lessons])
    n_outputs = len(problem.outputs(soft_labels.labels))
    probe = fit_probe(vectors, stack_targets(lessons), n_outputs, seed=config.seed)
    probe, probe_result = _measure("probe", base.network, probe, held_out, reader, started)

    started = time.monotonic()
    trained = load_encoder(config.encoder, role="student", unit=problem.unit)
    taught = _teach(train, pool, lessons, soft_labels, reader, problem, config)
    network, head = fit_encoder(
        trained.network,
        probe,
        taught,
        reader,
        role="student",
        training=config.student,
        config=config,
        progress=progress,
    )
    head, result = _measure("distilled", network, head, held_out, reader, started)

    choice = choose_candidate(probe_result, [result])
    log.info("choice: %s", choice.reason)
    winner = (network, head) if choice.winner == "distilled" else (base.network, probe)
    return _student(base, *winner, soft_labels.labels, (probe_result, result), choice)


def _teach(
    train: Sequence[Sample],
    pool: Sequence[Sample],
    lessons: Sequence[Lesson],
    soft_labels: SoftLabels,
    reader: TextReader,
    problem: Problem,
    config: LearningConfig,
) -> list[Lesson]:
    """Join hard and soft labels. Pool texts of which the teacher is unsure are left out."""
    least = config.distillation.min_pool_confidence
    sure = [sample for sample in pool if _confidence(soft_labels.by_row[sample.row_id]) >= least]
    all_lessons = [*lessons, *read_lessons(sure, reader, problem, soft_labels.labels)]
    log.info("student: %d train rows and %d of %d pool texts", len(train), len(sure), len(pool))
    return with_soft_labels(all_lessons, [soft_labels.by_row[sample.row_id] for sample in (*train, *sure)])


def _confidence(probabilities: NDArray[np.float32]) -> float:
    """Return how sure a teacher is of a text, over its units; of a text without any there is nothing to learn."""
    return float(probabilities.max(axis=1).mean()) if len(probabilities) else 0.0


def _measure(
    name: str, network: UnitEncoder, head: Head, held_out: Sequence[Lesson], reader: TextReader, started: float
) -> tuple[Head, Candidate]:
    """Calibrate on tune rows and score there; one scalar fitted to them favours no candidate."""
    vectors = embed(network, reader, [lesson.encoded for lesson in held_out])
    targets = stack_targets(held_out)
    head = fit_temperature(head, vectors, targets)
    likelihoods = log_likelihoods(head, vectors, targets).astype(np.float32)
    by_text = [float(part.mean()) if len(part) else 0.0 for part in split_by_text(likelihoods, held_out)]
    return head, Candidate(name, tuple(by_text), time.monotonic() - started)


def _student(
    base: Encoder,
    network: UnitEncoder,
    head: Head,
    labels: tuple[str, ...],
    candidates: tuple[Candidate, ...],
    choice: Choice,
) -> Student:
    return Student(network, head, labels, base.name, base.tokenizer_file, base.max_length_tokens, candidates, choice)
