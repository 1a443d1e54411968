"""Hits, false alarms and misses by row and label, and the F1 scores that follow from their sums.

Everything that resamples rows works on these integers: a draw is a weight for each row, and one matrix product
gives the sums of all draws at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.evaluation.errors import UnreadableAnswer
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems.base import Problem

HITS, FALSE_ALARMS, MISSES = range(3)


@dataclass(frozen=True, eq=False)
class CountTable:
    """`counts[row, label]` holds hits, false alarms and misses, shape (n_rows, n_labels, 3)."""

    labels: tuple[str, ...]
    counts: NDArray[np.int64]


def build_counts(
    rows: Sequence[RowScore], problem: Problem, *, version: str = "the model", labels: Iterable[str] = ()
) -> CountTable:
    """Count row by row. Raises UnreadableAnswer.

    Args:
        labels: those that have a column in any case, beside all that occur in a truth or an answer.
    """
    per_row = []
    for row in rows:
        try:
            per_row.append(problem.count(row.truth, row.answer))
        except (AssertionError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UnreadableAnswer(version, row.row_id, reason) from error
    found = tuple(sorted({label for counts in per_row for label in counts}.union(labels)))
    column = {label: index for index, label in enumerate(found)}
    table = np.zeros((len(rows), len(found), 3), dtype=np.int64)
    for index, counts in enumerate(per_row):
        for label, count in counts.items():
            table[index, column[label]] = count.hits, count.false_alarms, count.misses
    return CountTable(found, table)


def build_paired_counts(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem
) -> tuple[CountTable, CountTable]:
    """Count both over the same rows and the same labels. Raises UnreadableAnswer."""
    ours = build_counts(challenger.rows, problem, version=challenger.version)
    theirs = build_counts(champion.rows, problem, version=champion.version, labels=ours.labels)
    if theirs.labels != ours.labels:
        ours = build_counts(challenger.rows, problem, version=challenger.version, labels=theirs.labels)
    return theirs, ours


def f1_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return F1 from hits, false alarms and misses along the last axis; 0 where there is nothing to find or found."""
    twice_hits = 2.0 * sums[..., HITS]
    out_of = twice_hits + sums[..., FALSE_ALARMS] + sums[..., MISSES]
    return np.asarray(np.divide(twice_hits, out_of, out=np.zeros_like(out_of), where=out_of > 0))


def micro_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the F1 of all labels together; `sums` has shape (..., n_labels, 3)."""
    return f1_of(sums.sum(axis=-2))


def macro_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean F1 of the labels that occur in a truth or an answer; `sums` has shape (..., n_labels, 3)."""
    occurs = sums.sum(axis=-1) > 0
    n_labels = occurs.sum(axis=-1)
    total = (f1_of(sums) * occurs).sum(axis=-1)
    return np.asarray(np.divide(total, n_labels, out=np.zeros_like(total), where=n_labels > 0))
