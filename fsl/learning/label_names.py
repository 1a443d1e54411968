"""Label names as train rows of their own, where cross-validation says that they help.

With five rows a label a good name is worth another row; a code such as `K12` is worth none, and may mislead.
"""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fsl.config import LearningConfig
from fsl.learning.heads.folds import draw_folds
from fsl.learning.heads.head import Targets, Vectors
from fsl.learning.heads.logistic import fit_path
from fsl.learning.heads.temperature import best_temperature
from fsl.learning.untouched import UntouchedStudent
from fsl.problems.base import Problem, picks_one
from fsl.samples import Sample, Split

log = logging.getLogger(__name__)

PREFIX = "label-name:"  # of the row ids; those of real rows are digests
_MIN_ROWS = 20
_MANY = 50  # rows a label from which on a name adds nothing


def words_of(label: str) -> str:
    """Return a label's name as a person would say it: `card_arrival` is "card arrival"."""
    return " ".join(label.replace("_", " ").replace("-", " ").split())


def name_rows(labels: Sequence[str]) -> list[Sample]:
    """Return one train row for each label whose name has a letter or a digit in it."""
    return [
        Sample(PREFIX + label, words_of(label), label, Split.TRAIN, PREFIX + label)
        for label in labels
        if any(letter.isalnum() for letter in label)
    ]


def choose_name_rows(
    train: Sequence[Sample],
    labels: Sequence[str],
    problem: Problem,
    config: LearningConfig,
    student: UntouchedStudent,
) -> list[Sample]:
    """Return the labels' names as rows if held-out train rows get likelier with them, else none.

    Asked are vectors of the untouched student, whose folds cost next to nothing. Spans have no such rows, and of a
    name alone nobody can say which other labels do not go with it.
    """
    rows = name_rows(labels) if config.label_names == "auto" and picks_one(problem) else []
    if not rows or not _MIN_ROWS <= len(train) < _MANY * len(labels):
        return []
    vectors = student.vectors([sample.text for sample in (*train, *rows)])
    outputs = {output: place for place, output in enumerate(problem.outputs(labels))}
    targets = np.array([outputs[str(sample.target)] for sample in (*train, *rows)], np.int64)
    without, with_names = (
        held_out_likelihood(vectors, targets, len(outputs), n_real=len(train), use_rest=use, seed=config.seed)
        for use in (False, True)
    )
    log.info("label names: %.3f nats a held-out row with them, %.3f without", with_names, without)
    return rows if with_names > without else []


def held_out_likelihood(
    vectors: Vectors, targets: Targets, n_outputs: int, *, n_real: int, use_rest: bool, seed: int
) -> float:
    """Return the mean log-likelihood of held-out real rows, in nats; NaN where none could be held out.

    Args:
        vectors: (n_units, hidden), the real rows' first.
        n_real: how many are real; the rest is fitted in every fold, or in none.
    """
    rest = np.arange(n_real, len(targets)) if use_rest else np.arange(0)
    logits: list[NDArray[np.float64]] = []
    asked: list[Targets] = []
    for fold in draw_folds(targets[:n_real], n_folds=5, n_repeats=1, seed=seed):
        rows = np.concatenate([fold.fit, rest])
        (head,) = fit_path(vectors[rows], targets[rows], n_outputs, strengths=(30.0,))
        logits.append(head.logits(vectors[fold.held_out]))
        asked.append(targets[fold.held_out])
    if not asked:
        return float("nan")
    found, truth = np.concatenate(logits), np.concatenate(asked)
    found /= best_temperature(found, truth)
    found -= np.logaddexp.reduce(found, axis=1, keepdims=True)
    return float(found[np.arange(len(truth)), truth].mean())
