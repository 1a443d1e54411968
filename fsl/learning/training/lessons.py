"""From accepted samples to what a fit reads: ids, unit targets, and the labels that can be learnt at all."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fsl.learning.errors import TooFewLabels, TooFewRows
from fsl.learning.training.batches import Lesson
from fsl.problems.base import Problem
from fsl.samples import Sample
from fsl.tokenization import TextReader


def learnable_labels(train: Sequence[Sample], problem: Problem, *, where: str) -> tuple[str, ...]:
    """Return the labels that train rows show, sorted. Raises TooFewLabels or TooFewRows where there is too little."""
    labels = tuple(sorted({label for sample in train for label in problem.labels_in(sample.target)}))
    if len(labels) < problem.min_labels:
        raise TooFewLabels(labels, problem.min_labels, where)
    if len(train) < 2 * len(labels):
        raise TooFewRows(len(train), 2 * len(labels), len(labels), where)
    return labels


def read_lessons(
    samples: Sequence[Sample], reader: TextReader, problem: Problem, labels: Sequence[str]
) -> list[Lesson]:
    """Return one lesson for each sample; a target with a label outside `labels` counts as none."""
    outputs = problem.outputs(labels)
    known = set(labels)
    lessons = []
    for sample, encoded in zip(samples, reader.read([sample.text for sample in samples]), strict=True):
        usable = sample.target is not None and known.issuperset(problem.labels_in(sample.target))
        targets = problem.unit_targets(sample.target, encoded.units, outputs) if usable else None
        lessons.append(Lesson(encoded, targets, None))
    return lessons


def with_soft_labels(lessons: Sequence[Lesson], soft_labels: Sequence[NDArray[np.float32]]) -> list[Lesson]:
    """Return the lessons with a teacher's probabilities added, one array (n_units, n_outputs) for each."""
    return [replace(lesson, soft_labels=soft) for lesson, soft in zip(lessons, soft_labels, strict=True)]


def stack_targets(lessons: Sequence[Lesson]) -> NDArray[np.int64]:
    """Return the targets of all units in order, (n_units,) or (n_units, n_outputs). Every lesson must have some."""
    targets = [lesson.targets for lesson in lessons if lesson.targets is not None]
    return np.concatenate(targets) if targets else np.empty(0, np.int64)


def split_by_text(values: NDArray[np.float32], lessons: Sequence[Lesson]) -> list[NDArray[np.float32]]:
    """Cut an array over all units, (n_units, …), into one for each text."""
    if not lessons:
        return []
    ends = np.cumsum([len(lesson.encoded.units) for lesson in lessons])
    return np.split(values, ends[:-1])
