"""The student: the small encoder that will be served, distilled from soft labels, and the probe it must beat."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsl.config import LearningConfig
from fsl.learning.encoders import Encoder, UnitEncoder, embed, load_encoder
from fsl.learning.errors import EpisodeTooLarge, TrainingDiverged
from fsl.learning.heads import ChosenHead, Head, choose_head, fit_temperature, log_likelihoods
from fsl.learning.label_names import name_rows
from fsl.learning.lessons import read_lessons, split_by_text, stack_targets, with_soft_labels
from fsl.learning.meta import learn_start
from fsl.learning.propagation import join_soft_labels
from fsl.learning.selection import MIN_TUNE_ROWS, Candidate, Choice, choose_candidate, prefer_simpler
from fsl.learning.teacher import SoftLabels, starting_head, uses_cosines
from fsl.learning.tracking import Track, ignore, renamed
from fsl.learning.training import Lesson, fit_encoder
from fsl.learning.watching import Progress
from fsl.problems.base import Activation, Problem, picks_one
from fsl.samples import Sample
from fsl.tokenization import TextReader

log = logging.getLogger(__name__)

DISTILLED = "distilled"
META_LEARNED = "distilled from a meta-learned start"


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
    track: Track = ignore,
) -> Student:
    """Distil the soft labels into the student, and return it or the probe, whichever rows that were held out favour.

    Those are tune rows. Where they are too few to tell, training is rehearsed without some of the train rows, which
    then take their place (`fsl.learning.rehearsal`), as far as `learning.budget_minutes` goes.
    """
    from fsl.learning.rehearsal import rehearse

    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    known = [sample for sample in tune if set(problem.labels_in(sample.target)) <= set(soft_labels.labels)]
    probe = fit_probe_candidate(base, train, known, problem, soft_labels, config)
    fitted = _train(train, known, pool, soft_labels, problem, config, probe=probe, progress=progress, track=track)
    results = [probe.result, *(one.result for one in fitted)]
    if len(known) < MIN_TUNE_ROWS and any(_is_sound(one, probe) for one in fitted):
        cost = soft_labels.cost_seconds + sum(one.result.cost_seconds for one in fitted)
        rehearsal = rehearse(train, pool, problem, config, labels=soft_labels.labels, cost_seconds=cost)
        if rehearsal is not None:
            pairs = list(zip(fitted, rehearsal.trained, strict=True))
            results = [rehearsal.probe, *(found if _is_sound(one, probe) else one.result for one, found in pairs)]
            if len(known) == 0:
                fitted = [replace(one, head=rehearsal.calibrated(one)) for one in fitted]
    # A start that cost episodes must be worth them; only then may its student ask for the probe's place.
    choice = choose_candidate(results[0], [prefer_simpler(results[1:])])
    log.info("choice: %s", choice.reason)
    winner = next(one for one in (probe, *fitted) if one.result.name == choice.winner)
    return Student(
        winner.network,
        winner.head,
        soft_labels.labels,
        base.name,
        base.tokenizer_file,
        base.max_length_tokens,
        tuple(results),
        choice,
    )


def starts(config: LearningConfig, problem: Problem) -> tuple[str, ...]:
    """Return the names of the students that are trained, the simplest first; words and sets of labels have no
    meta-learned start."""
    return (DISTILLED,) if config.meta.method == "off" or not picks_one(problem) else (DISTILLED, META_LEARNED)


def _train(
    train: Sequence[Sample],
    held_out: Sequence[Sample],
    pool: Sequence[Sample],
    soft_labels: SoftLabels,
    problem: Problem,
    config: LearningConfig,
    *,
    probe: Fitted,
    progress: Progress,
    track: Track,
) -> list[Fitted]:
    """Train one student for each start. The floor is there, so a fit that came to nothing costs a candidate alone."""
    names = starts(config, problem)
    fitted = []
    for place, name in enumerate(names):
        tell: Progress = lambda share, place=place: progress((place + share) / len(names))  # type: ignore[misc] # noqa: E731
        try:
            own = track if track is ignore else renamed(track, f"student {name}")
            found = distil(train, held_out, pool, soft_labels, problem, config, name=name, progress=tell, track=own)
            fitted.append(found)
        except (TrainingDiverged, EpisodeTooLarge) as error:
            fitted.append(Fitted(probe.network, probe.head, Candidate(name, (), 0.0, str(error))))
    return fitted


def _is_sound(fitted: Fitted, probe: Fitted) -> bool:
    """Say whether a fit came to anything; one that did not has the probe's network in its place."""
    return fitted.network is not probe.network


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
    name: str = DISTILLED,
    progress: Progress = lambda share: None,
    track: Track = ignore,
) -> Fitted:
    """Train a fresh student on hard and soft labels, label names among them where the teachers had them too.

    Args:
        name: META_LEARNED begins at a start that is learnt from the train rows first (`learning.meta`).
    """
    started = time.monotonic()
    train = [*train, *_names_among(soft_labels)]
    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    reader = base.reader(problem.unit)
    lessons = read_lessons(train, reader, problem, soft_labels.labels)
    start, notes = base.network, list[str]()
    if name == META_LEARNED:
        found = learn_start(base.network, lessons, reader, config)
        start = found or base.network
        if found is None:
            notes.append("its start is the plain one: no two labels have two rows, so no episode could be drawn")
    vectors = embed(start, reader, [lesson.encoded for lesson in lessons])
    scale = config.distillation.cosine_scale if uses_cosines(config, problem) else None
    n_outputs = len(problem.outputs(soft_labels.labels))
    asked = read_lessons(held_out, reader, problem, soft_labels.labels)
    network, head = fit_encoder(
        start,
        starting_head(vectors, stack_targets(lessons), n_outputs, scale, seed=config.seed),
        _teach(train, pool, lessons, soft_labels, reader, problem, config),
        reader,
        role="student",
        training=config.student,
        config=config,
        cosine_scale=scale,
        progress=progress,
        tell=notes.append,
        track=track,
        held_out=asked,
    )
    for note in notes:
        log.warning("student: %s", note)
    return _measure(name, network, head, asked, reader, started, note="; ".join(notes))


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
    kind = problem.activation
    sure = [sample for sample in pool if _confidence(soft_labels.by_row[sample.row_id], kind) >= least]
    all_lessons = [*lessons, *read_lessons(sure, reader, problem, soft_labels.labels)]
    log.info("student: %d train rows and %d of %d pool texts", len(train), len(sure), len(pool))
    spoken = [soft_labels.by_row[sample.row_id] for sample in (*train, *sure)]
    if power > 1.0:
        sharpen = partial(join_soft_labels, weights=[1.0], sharpening=power, activation=kind)
        spoken = [sharpen([one]) if len(one) else one for one in spoken]
    return with_soft_labels(all_lessons, spoken)


def _confidence(probabilities: NDArray[np.float32], activation: Activation) -> float:
    """Return how sure a teacher is of a text, over its units; of a text without any there is nothing to learn.

    Where labels do not compete it is the label that is doubted most that counts, which is never below a half: whatever
    is unsure of one of them, the others may be learnt from.
    """
    if activation == "sigmoid":
        return float(np.maximum(probabilities, 1.0 - probabilities).min(initial=1.0)) if len(probabilities) else 0.0
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
