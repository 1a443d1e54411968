"""The candidates: the probe, and students of every make, each fitted and scored on rows that it was not fitted to.

Which of them are tried, and who ships, is `student`'s.
"""

import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fsl.config import LearningConfig
from fsl.learning.encoders import Encoder, UnitEncoder, embed, load_encoder
from fsl.learning.heads import ChosenHead, Head, choose_head, fit_temperature, log_likelihoods
from fsl.learning.label_names import name_rows
from fsl.learning.meta import learn_start, why_no_episode
from fsl.learning.rounds import spread_again
from fsl.learning.selection.choice import MIN_TUNE_ROWS, Candidate
from fsl.learning.teacher import SoftLabels, starting_head, uses_cosines
from fsl.learning.teaching import ChampionSays, add_views, build_curriculum
from fsl.learning.training.batches import Lesson
from fsl.learning.training.fit import fit_encoder
from fsl.learning.training.lessons import read_lessons, split_by_text, stack_targets
from fsl.learning.training.tracking import Track, ignore
from fsl.learning.training.watching import Progress
from fsl.problems.base import Problem
from fsl.samples import Sample
from fsl.tokenization import TextReader

log = logging.getLogger(__name__)

PROBE = "probe"
DISTILLED = "distilled"
META_LEARNED = "distilled from a meta-learned start"


@dataclass(frozen=True)
class Fitted:
    """One candidate: an encoder with its head, and how it does on rows that it was not fitted to."""

    network: UnitEncoder
    head: Head
    result: Candidate


def starts(config: LearningConfig, problem: Problem) -> tuple[str, ...]:
    """Return the names of the students there are: the simplest first, then as the config has them.

    Sets of labels have no meta-learned start.
    """
    has_start = config.meta.method != "off" and problem.activation == "softmax"
    return (DISTILLED, *([META_LEARNED] if has_start else []), *config.candidates)


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
    return _measure(PROBE, base.network, chosen.head, asked, reader, started, chosen=chosen)


def distil(
    train: Sequence[Sample],
    held_out: Sequence[Sample],
    pool: Sequence[Sample],
    soft_labels: SoftLabels,
    problem: Problem,
    config: LearningConfig,
    *,
    name: str = DISTILLED,
    share: float = 1.0,
    stop: Sequence[Sample] = (),
    champion: ChampionSays | None = None,
    progress: Progress = lambda share: None,
    track: Track = ignore,
) -> Fitted:
    """Train a fresh student on hard and soft labels, label names among them where the teachers had them too.

    With `distillation.rounds` above 1 only the last of several students is given (`fsl.learning.rounds`).

    Args:
        name: one of `starts`; META_LEARNED begins at a start that is learnt from the train rows (`learning.meta`).
        share: of its epochs that it is trained for.
        stop: rows that say when to stop, where `learning.student.patience` is set.
        champion: what it says of train rows and pool, where `distillation.weight_champion` is set; never where rows are
            asked about that it has learnt from.
    """
    started = time.monotonic()
    config = _of_make(config, name, share)
    train = [*train, *_names_among(soft_labels)]
    base = load_encoder(config.encoder, role="student", unit=problem.unit)
    reader = base.reader(problem.unit)
    lessons = read_lessons(train, reader, problem, soft_labels.labels)
    start, notes = base.network, list[str]()
    if name == META_LEARNED:
        found = learn_start(base.network, lessons, reader, config)
        start = found or base.network
        if found is None:
            notes.append(f"its start is the plain one: {why_no_episode(start)}, so no episode could be drawn")
    vectors = embed(start, reader, [lesson.encoded for lesson in lessons])
    scale = config.distillation.cosine_scale if uses_cosines(config, problem) else None
    n_outputs = len(problem.outputs(soft_labels.labels))
    asked = read_lessons(held_out, reader, problem, soft_labels.labels)
    n_rounds = config.distillation.rounds if soft_labels.is_spread else 1
    for number in range(n_rounds):
        taught = build_curriculum(train, pool, lessons, soft_labels, champion, reader, problem, config)
        is_last = number + 1 == n_rounds
        with tempfile.TemporaryDirectory() as scratch:
            network, head = fit_encoder(
                start,
                starting_head(vectors, stack_targets(lessons), n_outputs, scale, seed=config.seed),
                add_views(taught, soft_labels, start, reader, Path(scratch) / "views", config),
                reader,
                role="student",
                training=config.student,
                config=config,
                cosine_scale=scale,
                progress=lambda part, done=number: progress((done + part) / n_rounds),  # type: ignore[misc]
                tell=notes.append,
                track=track if is_last else ignore,
                held_out=asked,
                stop_on=read_lessons(stop, reader, problem, soft_labels.labels),
            )
        if not is_last:
            soft_labels = spread_again(
                network, head, train, pool, lessons, soft_labels, reader, config, activation=problem.activation
            )
    for note in notes:
        log.warning("student: %s", note)
    return _measure(name, network, head, asked, reader, started, note="; ".join(notes))


def _of_make(config: LearningConfig, name: str, share: float) -> LearningConfig:
    """Return what one candidate sees as `learning`, trained for a share of its epochs."""
    config = config.as_candidate(name) if name in config.candidates else config
    if share == 1.0:
        return config
    epochs = max(1, round(share * config.student.epochs))
    shorter = {
        "student": config.student.model_copy(update={"epochs": epochs}),
        "distillation": config.distillation.model_copy(update={"rounds": 1}),
    }
    return config.model_copy(update=shorter)


def _names_among(soft_labels: SoftLabels) -> list[Sample]:
    """Return the label names that the teachers learnt from."""
    return [row for row in name_rows(soft_labels.labels) if row.row_id in soft_labels.by_row]


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
