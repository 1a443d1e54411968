"""What a student is taught: labels, what teachers and champion say, and what the teacher's insides look like."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fsl.config import LearningConfig
from fsl.learning.editing import edited_copies
from fsl.learning.encoders import UnitEncoder
from fsl.learning.inside import layers_of
from fsl.learning.propagation import join_soft_labels
from fsl.learning.teacher import SoftLabels
from fsl.learning.training.batches import Lesson
from fsl.learning.training.lessons import read_lessons, with_soft_labels
from fsl.learning.views import look_inside, wants_views
from fsl.problems.base import Activation, Problem
from fsl.samples import Sample
from fsl.tokenization import TextReader

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChampionSays:
    """What the champion thinks of texts: probabilities for each unit, as its own reader cuts them."""

    labels: tuple[str, ...]
    by_row: dict[str, NDArray[np.float32]]  # row_id -> (n_units, n_outputs of its labels)


@dataclass(frozen=True)
class Curriculum:
    """The texts that a student learns from, and what is known of each, in step."""

    samples: list[Sample]
    lessons: list[Lesson]


def build_curriculum(
    train: Sequence[Sample],
    pool: Sequence[Sample],
    lessons: Sequence[Lesson],
    soft_labels: SoftLabels,
    champion: ChampionSays | None,
    reader: TextReader,
    problem: Problem,
    config: LearningConfig,
) -> Curriculum:
    """Join hard and soft labels. Pool texts of which the teacher is unsure are left out.

    Args:
        lessons: of the train rows, in their order.
        champion: None where there is none, or where held-out rows that it has seen are to be asked about.
    """
    least, power = config.distillation.min_pool_confidence, config.distillation.sharpening
    kind = problem.activation
    sure = [sample for sample in pool if _confidence(soft_labels.by_row[sample.row_id], kind) >= least]
    log.info("student: %d train rows and %d of %d pool texts", len(train), len(sure), len(pool))
    copies = edited_copies(train, config.student.edited_copies, seed=config.seed)
    samples = [*train, *sure, *copies]
    heard = [*lessons, *read_lessons([*sure, *copies], reader, problem, soft_labels.labels)]
    # A copy of a text keeps its row's soft labels; of an edited text's words, which may be others, nobody has spoken.
    n_spoken = len(samples) if problem.unit == "text" else len(samples) - len(copies)
    spoken = [soft_labels.by_row[sample.row_id] for sample in samples[:n_spoken]]
    if power > 1.0:
        sharpen = partial(join_soft_labels, weights=[1.0], sharpening=power, activation=kind)
        spoken = [sharpen([one]) if len(one) else one for one in spoken]
    heard[:n_spoken] = with_soft_labels(heard[:n_spoken], spoken)
    if champion is not None and config.distillation.weight_champion > 0:
        outputs = problem.outputs(soft_labels.labels)
        said = [champion.by_row.get(sample.row_id) for sample in samples[:n_spoken]]
        fitted = _in_order(said, problem.outputs(champion.labels), outputs, least=2 if kind == "softmax" else 1)
        pairs = zip(heard[:n_spoken], fitted, strict=True)
        heard[:n_spoken] = [replace(one, champion=_matching(one, row)) for one, row in pairs]
    return Curriculum(samples, heard)


def add_views(
    curriculum: Curriculum,
    soft_labels: SoftLabels,
    student: UnitEncoder,
    reader: TextReader,
    file: Path,
    config: LearningConfig,
) -> list[Lesson]:
    """Return the lessons, each with a view of the teacher's insides where the config wants one and the teacher is kept.

    Args:
        file: is written, and must stay as long as the lessons are used.
    """
    if soft_labels.teacher is None or not wants_views(config):
        return curriculum.lessons
    texts = [sample.text for sample in curriculum.samples]
    n_layers = len(layers_of(student.backbone)) if config.distillation.weight_hidden > 0 else 0
    views = look_inside(soft_labels.teacher, texts, reader, file, n_student_layers=n_layers, config=config)
    return [replace(lesson, view=view) for lesson, view in zip(curriculum.lessons, views, strict=True)]


def _in_order(
    said: Sequence[NDArray[np.float32] | None], theirs: Sequence[str], ours: Sequence[str], *, least: int
) -> list[NDArray[np.float32] | None]:
    """Return the champion's probabilities in the student's order of outputs, 0 where it does not know one.

    Where both know fewer than the least number of outputs that tell something apart, it has said nothing.
    """
    shared = [(ours.index(output), place) for place, output in enumerate(theirs) if output in ours]
    if len(shared) < least:
        return [None] * len(said)
    to, of = (list(places) for places in zip(*shared, strict=True))
    found: list[NDArray[np.float32] | None] = []
    for one in said:
        if one is None:
            found.append(None)
            continue
        row = np.zeros((len(one), len(ours)), np.float32)
        row[:, to] = one[:, of].clip(min=1e-8)  # 0 means that it does not know the output
        found.append(row)
    return found


def _matching(lesson: Lesson, said: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    """Return what was said, unless the champion cuts the text into other words."""
    return said if said is not None and len(said) == len(lesson.encoded.units) else None


def _confidence(probabilities: NDArray[np.float32], activation: Activation) -> float:
    """Return how sure a teacher is of a text, over its units; of a text without any there is nothing to learn.

    Where labels do not compete it is the label that is doubted most that counts, which is never below a half: whatever
    is unsure of one of them, the others may be learnt from.
    """
    if activation == "sigmoid":
        return float(np.maximum(probabilities, 1.0 - probabilities).min(initial=1.0)) if len(probabilities) else 0.0
    return float(probabilities.max(axis=1).mean()) if len(probabilities) else 0.0
