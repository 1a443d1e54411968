"""The teachers: larger encoders, adapted to the few labels, and the soft labels that they spread over all texts.

Their weights are not kept; what they know of the texts is. Distilling that into a student is `fsl.learning.student`.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fsl.config import LearningConfig
from fsl.learning.editing import edited_copies
from fsl.learning.encoders import Embed, Encoder, embed, load_encoder
from fsl.learning.heads import Head, fit_probe, fit_temperature
from fsl.learning.heads.prototypes import fit_prototypes
from fsl.learning.label_names import choose_name_rows
from fsl.learning.propagation import join_soft_labels
from fsl.learning.propagation.balancing import balance
from fsl.learning.propagation.joining import weigh_sources
from fsl.learning.selection.choice import split_for_stopping
from fsl.learning.sources import Source, adapted_source, frozen_source, held_out_score, is_spreading_better, spread
from fsl.learning.training.batches import Lesson
from fsl.learning.training.fit import fit_encoder, pick_device, wants_bfloat16
from fsl.learning.training.lessons import learnable_labels, read_lessons, split_by_text, stack_targets
from fsl.learning.training.tracking import Track, ignore, renamed
from fsl.learning.training.watching import Progress
from fsl.learning.untouched import UntouchedStudent
from fsl.learning.views import wants_views
from fsl.problems.base import Activation, Problem, picks_one
from fsl.samples import Sample

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SoftLabels:
    """What the teachers think of each text: probabilities for each unit."""

    labels: tuple[str, ...]
    by_row: dict[str, NDArray[np.float32]]  # row_id -> (n_units, n_outputs)
    cost_seconds: float = 0.0
    teacher: Encoder | None = None  # the first one, adapted; kept only where a student is to look inside it
    is_spread: bool = False  # along neighbours, since held-out rows said that it helps


def adapt_teacher(
    train: Sequence[Sample],
    tune: Sequence[Sample],
    pool: Sequence[Sample],
    problem: Problem,
    config: LearningConfig,
    *,
    where: str,
    progress: Progress = lambda share: None,
    track: Track = ignore,
    consult: "Consult | None" = None,
    embed: Embed = embed,
) -> SoftLabels:
    """Adapt the teachers to the train rows and return their joint soft labels for train rows and pool.

    Where cross-validation on the train rows says that it helps, labels are spread over the pool along the neighbours
    of each adapted teacher and of the untouched student, and all are joined, weighed by the likelihood of tune rows.
    Temperatures are fitted on tune rows, so that the teachers' doubts are worth learning from. Where label names help
    as rows of their own, they are among the rows that come back (`fsl.learning.label_names`).

    Args:
        consult: how one teacher is adapted and asked; None: `consult_teacher`. A benchmark's may remember.
        embed: how vectors of untouched encoders are computed.

    Raises:
        TooFewLabels, TooFewRows: there is too little to learn from.
    """
    started = time.monotonic()
    labels = learnable_labels(train, problem, where=where)
    student = UntouchedStudent(config.encoder, embed)
    train = [*train, *choose_name_rows(train, labels, problem, config, student)]
    stop, tune = split_for_stopping(tune, config)
    desk = Desk(tuple(train), tuple(pool), tuple(tune), tuple(stop), labels, problem, config, embed)
    consult = consult or consult_teacher
    track = track if track is ignore else renamed(track, "teacher")
    # The units of a text are words by each tokenizer's own rule, so only one teacher can speak of words.
    names = config.encoder.teachers if problem.unit == "text" else config.encoder.teachers[:1]
    spoken = [
        consult(
            desk,
            name,
            lambda share, place=place: progress((place + share) / len(names)),  # type: ignore[misc]
            track if place == 0 or track is ignore else renamed(track, str(place + 1)),
        )
        for place, name in enumerate(names)
    ]
    sources, texts, held_out = [source for source, _, _ in spoken], spoken[0][1], spoken[0][2]
    is_spread = False
    if problem.unit == "text" and pool and config.propagation.n_neighbours > 0:
        along = _spread_all(desk, sources, stack_targets(spoken[0][1][: len(train)]), student)
        is_spread, sources = along is not None, along or sources
    joint = _join(sources, problem.activation, sum(len(text.encoded.units) for text in texts), stack_targets(held_out))
    if config.propagation.prior == "balanced" and pool and problem.unit == "text" and picks_one(problem):
        joint[len(train) :] = balance(joint[len(train) :])
    rows = [sample.row_id for sample in (*train, *pool)]
    by_row = dict(zip(rows, split_by_text(joint, texts), strict=True))
    return SoftLabels(labels, by_row, time.monotonic() - started, spoken[0][0].encoder, is_spread)


@dataclass(frozen=True)
class Desk:
    """What lies before every teacher alike."""

    train: tuple[Sample, ...]
    pool: tuple[Sample, ...]
    tune: tuple[Sample, ...]
    stop: tuple[Sample, ...]
    labels: tuple[str, ...]
    problem: Problem
    config: LearningConfig
    embed: Embed


Spoken = tuple[Source, list[Lesson], list[Lesson]]
Consult = Callable[[Desk, str, Progress, Track], Spoken]


def consult_teacher(desk: Desk, name: str, progress: Progress, track: Track) -> Spoken:
    """Return what one adapted teacher says, the lessons of train rows and pool, and those of tune rows.

    The source's units are those of train rows, pool and tune rows, in this order.
    """
    config, unit = desk.config, desk.problem.unit
    encoder = load_encoder(config.encoder, role="teacher", unit=unit, name=name)
    reader = encoder.reader(unit)
    lessons = read_lessons(desk.train, reader, desk.problem, desk.labels)
    others = read_lessons(desk.pool, reader, desk.problem, desk.labels)
    held_out = [one for one in read_lessons(desk.tune, reader, desk.problem, desk.labels) if one.targets is not None]
    targets = stack_targets(lessons)
    quick = wants_bfloat16(config, on_cpu=pick_device(config) == "cpu")
    if config.teacher.epochs == 0:
        texts = [*lessons, *others]
        vectors = desk.embed(encoder.network, reader, [text.encoded for text in (*texts, *held_out)], bfloat16=quick)
        groups = [text for text, lesson in enumerate(lessons) for _ in lesson.encoded.units]
        n_outputs = len(desk.problem.outputs(desk.labels))
        source = frozen_source(name, vectors, targets, n_outputs, seed=config.seed, groups=groups)
        return replace(source, encoder=_kept(encoder, config)), texts, held_out
    vectors = desk.embed(encoder.network, reader, [lesson.encoded for lesson in lessons], bfloat16=quick)
    scale = config.distillation.cosine_scale if uses_cosines(config, desk.problem) else None
    copies = edited_copies(desk.train, config.teacher.edited_copies, seed=config.seed)
    network, head = fit_encoder(
        encoder.network,
        starting_head(vectors, targets, len(desk.problem.outputs(desk.labels)), scale, seed=config.seed),
        [*lessons, *read_lessons(copies, reader, desk.problem, desk.labels)],
        reader,
        role="teacher",
        training=config.teacher,
        config=config,
        cosine_scale=scale,
        progress=progress,
        track=track,
        held_out=held_out,
        stop_on=read_lessons(desk.stop, reader, desk.problem, desk.labels),
    )
    head = fit_temperature(head, embed(network, reader, [one.encoded for one in held_out]), stack_targets(held_out))
    texts = [*lessons, *others]
    vectors = embed(network, reader, [text.encoded for text in (*texts, *held_out)], bfloat16=quick)
    log.info("teacher %s: soft labels of %d texts, temperature %.2f", name, len(texts), head.temperature)
    kept = _kept(replace(encoder, network=network), config)
    return adapted_source(name, vectors, head, encoder=kept), texts, held_out


def _kept(encoder: Encoder, config: LearningConfig) -> Encoder | None:
    """Return the teacher where a student is to look inside it, else nothing: its weights are large."""
    return encoder if any(map(wants_views, config.variants)) else None


def _spread_all(
    desk: Desk, sources: list[Source], targets: NDArray[np.int64], student: UntouchedStudent
) -> list[Source] | None:
    """Return every source spread along its neighbours, the untouched student's beside them; or None where that helps
    no held-out train row."""
    config = desk.config
    known = [sample for sample in desk.tune if set(desk.problem.labels_in(sample.target)) <= set(desk.labels)]
    vectors = student.vectors([sample.text for sample in (*desk.train, *desk.pool, *known)])
    n_outputs = len(desk.problem.outputs(desk.labels))
    if not is_spreading_better(vectors, targets, n_outputs, config.propagation, seed=config.seed):
        return None
    frozen = frozen_source(f"{config.encoder.student}, untouched", vectors, targets, n_outputs, seed=config.seed)
    return [spread(source, targets, config.propagation, seed=config.seed) for source in (*sources, frozen)]


def _join(
    sources: Sequence[Source], activation: Activation, n_units: int, held_out: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the joint probabilities of the first units; the rest are tune rows, which weigh the sources."""
    scores = [held_out_score(source.probabilities[n_units:], held_out) for source in sources]
    weights = weigh_sources(scores)
    for source, weight, score in zip(sources, weights, scores, strict=True):
        log.info("soft labels: %.0f%% of %s (%.3f nats a tune row)", 100 * weight, source.name, score)
    if len(sources) == 1:
        return sources[0].probabilities[:n_units].copy()  # the source's own stay as they were said
    spoken = [source.probabilities[:n_units] for source in sources]
    return join_soft_labels(spoken, weights, activation=activation)


def uses_cosines(config: LearningConfig, problem: Problem) -> bool:
    """Say whether heads learn directions; where a unit may be of no label, its being near to none must show."""
    return config.distillation.head == "cosine" and picks_one(problem)


def starting_head(
    vectors: NDArray[np.float32], targets: NDArray[np.int64], n_outputs: int, scale: float | None, *, seed: int
) -> Head:
    """Return where a fit begins: the labels' mean vectors for cosines, the fitted probe otherwise."""
    return (
        fit_probe(vectors, targets, n_outputs, seed=seed)
        if scale is None
        else fit_prototypes(vectors, targets, n_outputs)
    )
