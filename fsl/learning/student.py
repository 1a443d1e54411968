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
from fsl.learning.errors import TrainingDiverged
from fsl.learning.heads import ChosenHead, Head, choose_head, fit_temperature, log_likelihoods
from fsl.learning.label_names import name_rows
from fsl.learning.lessons import read_lessons, split_by_text, stack_targets, with_soft_labels
from fsl.learning.propagation import join_soft_labels
from fsl.learning.selection import MIN_TUNE_ROWS, Candidate, Choice, choose_candidate
from fsl.learning.teacher import SoftLabels, starting_head, uses_cosines
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


@dataclass(frozen=True)
class Fitted:
    """One candidate: an encoder with its head, and how it does on rows that it was not fitted to."""

    network: UnitEncoder
    head: Head
    result: Candidate


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
    """Distil the soft labels into the student, and return it or the probe, whichever rows that were held out favour.

    Those are tune rows. Where they are too few to tell, training is rehearsed without some of the train rows, which
    then take their place (`fsl.learning.rehearsal`), as far as `learning.budget_minutes` goes.
    """
    from fsl.learning.rehearsal import rehearse

    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    known = [sample for sample in tune if set(problem.labels_in(sample.target)) <= set(soft_labels.labels)]
    probe = fit_probe_candidate(base, train, known, problem, soft_labels, config)
    try:
        trained = distil(train, known, pool, soft_labels, problem, config, progress=progress)
    except TrainingDiverged as error:
        # The floor is there, so a fit that came to nothing costs a candidate, not the run.
        trained = Fitted(probe.network, probe.head, Candidate("distilled", (), 0.0, str(error)))
    results = probe.result, trained.result
    if len(known) < MIN_TUNE_ROWS and trained.network is not probe.network:
        cost = soft_labels.cost_seconds + trained.result.cost_seconds
        rehearsal = rehearse(train, pool, problem, config, labels=soft_labels.labels, cost_seconds=cost)
        if rehearsal is not None:
            results = rehearsal.probe, rehearsal.distilled
            if len(known) == 0:
                trained = Fitted(trained.network, rehearsal.calibrated(trained.head), trained.result)
    choice = choose_candidate(results[0], results[1:])
    log.info("choice: %s", choice.reason)
    winner = trained if choice.winner == "distilled" else probe
    return Student(
        winner.network,
        winner.head,
        soft_labels.labels,
        base.name,
        base.tokenizer_file,
        base.max_length_tokens,
        results,
        choice,
    )


def fit_probe_candidate(
    base: Encoder,
    train: Sequence[Sample],
    held_out: Sequence[Sample],
    problem: Problem,
    soft_labels: SoftLabels,
    config: LearningConfig,
) -> Fitted:
    """Choose a head on the untouched encoder. With few held-out rows it keeps the temperature found out of fold."""
    started = time.monotonic()
    reader, labels = base.reader(problem.unit), soft_labels.labels
    names = _names_among(soft_labels)
    lessons = read_lessons([*train, *names], reader, problem, labels)
    vectors = embed(base.network, reader, [lesson.encoded for lesson in lessons])
    groups = [text for text, lesson in enumerate(lessons) for _ in lesson.encoded.units]
    chosen = choose_head(vectors, stack_targets(lessons), len(problem.outputs(labels)), seed=config.seed, groups=groups)
    asked = read_lessons(held_out, reader, problem, labels)
    return _measure("probe", base.network, chosen.head, asked, reader, started, chosen=chosen)


def distil(
    train: Sequence[Sample],
    held_out: Sequence[Sample],
    pool: Sequence[Sample],
    soft_labels: SoftLabels,
    problem: Problem,
    config: LearningConfig,
    *,
    progress: Progress = lambda share: None,
) -> Fitted:
    """Train a fresh student on hard and soft labels, label names among them where the teachers had them too."""
    started = time.monotonic()
    train = [*train, *_names_among(soft_labels)]
    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    reader = base.reader(problem.unit)
    lessons = read_lessons(train, reader, problem, soft_labels.labels)
    vectors = embed(base.network, reader, [lesson.encoded for lesson in lessons])
    scale = config.distillation.cosine_scale if uses_cosines(config, problem) else None
    n_outputs = len(problem.outputs(soft_labels.labels))
    notes: list[str] = []
    network, head = fit_encoder(
        base.network,
        starting_head(vectors, stack_targets(lessons), n_outputs, scale, seed=config.seed),
        _teach(train, pool, lessons, soft_labels, reader, problem, config),
        reader,
        role="student",
        training=config.student,
        config=config,
        cosine_scale=scale,
        progress=progress,
        tell=notes.append,
    )
    for note in notes:
        log.warning("student: %s", note)
    asked = read_lessons(held_out, reader, problem, soft_labels.labels)
    return _measure("distilled", network, head, asked, reader, started, note="; ".join(notes))


def _names_among(soft_labels: SoftLabels) -> list[Sample]:
    """Return the label names that the teachers learnt from."""
    return [row for row in name_rows(soft_labels.labels) if row.row_id in soft_labels.by_row]


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
    least, power = config.distillation.min_pool_confidence, config.distillation.sharpening
    sure = [sample for sample in pool if _confidence(soft_labels.by_row[sample.row_id]) >= least]
    all_lessons = [*lessons, *read_lessons(sure, reader, problem, soft_labels.labels)]
    log.info("student: %d train rows and %d of %d pool texts", len(train), len(sure), len(pool))
    spoken = [soft_labels.by_row[sample.row_id] for sample in (*train, *sure)]
    if power > 1.0:
        spoken = [join_soft_labels([one], [1.0], sharpening=power) if len(one) else one for one in spoken]
    return with_soft_labels(all_lessons, spoken)


def _confidence(probabilities: NDArray[np.float32]) -> float:
    """Return how sure a teacher is of a text, over its units; of a text without any there is nothing to learn."""
    return float(probabilities.max(axis=1).mean()) if len(probabilities) else 0.0


def _measure(
    name: str,
    network: UnitEncoder,
    head: Head,
    held_out: Sequence[Lesson],
    reader: TextReader,
    started: float,
    *,
    chosen: ChosenHead | None = None,
    note: str = "",
) -> Fitted:
    """Calibrate on held-out rows and score there; one scalar fitted to them favours no candidate."""
    vectors = embed(network, reader, [lesson.encoded for lesson in held_out])
    targets = stack_targets(held_out)
    if chosen is None or len(held_out) >= MIN_TUNE_ROWS:
        head = fit_temperature(head, vectors, targets)
    likelihoods = log_likelihoods(head, vectors, targets).astype(np.float32)
    by_text = [float(part.mean()) if len(part) else 0.0 for part in split_by_text(likelihoods, held_out)]
    note = chosen.reason if chosen is not None else note
    return Fitted(network, head, Candidate(name, tuple(by_text), time.monotonic() - started, note))
