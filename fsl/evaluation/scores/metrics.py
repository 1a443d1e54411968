"""The scores of one version on a set of rows, each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.evaluation.examination.abstention import (
    OutOfScope,
    Selection,
    Separation,
    measure_abstention,
    measure_out_of_scope,
    measure_selection,
)
from fsl.evaluation.examination.record import Examination
from fsl.evaluation.jsonable import Number
from fsl.evaluation.scores.bootstrap import bootstrap_interval
from fsl.evaluation.scores.calibration import Calibration, build_calibration
from fsl.evaluation.scores.counts import FALSE_ALARMS, HITS, MISSES, CountTable, build_counts, f1_of, macro_f1, micro_f1
from fsl.evaluation.scores.intervals import Interval, clopper_pearson_interval, wilson_interval
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems.base import Problem


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score and the range that its true value is likely in."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class LabelScores:
    """How well one label is found."""

    label: str
    n_rows: int  # rows whose truth mentions the label
    n_truths: int  # times the label is in a truth: for spans, a row can hold several
    n_given: int  # times the model answered it
    precision: float
    recall: float
    recall_interval: Interval
    f1: float


@dataclass(frozen=True, slots=True)
class SliceScores:
    """How often the whole answer is right in one slice, and outside of it."""

    name: str
    n_rows: int
    accuracy: Estimate
    n_rest: int
    rest: Estimate


@dataclass(frozen=True)
class Scores:
    """Everything the report says of one version's answers."""

    version: str
    n_rows: int
    accuracy: Estimate  # the whole answer is right
    f1: Estimate  # micro
    macro_f1: Estimate
    labels: tuple[LabelScores, ...]
    calibration: Calibration | None
    latency_p50_ms: Number
    latency_p95_ms: Number
    size_bytes: int
    abstention: Separation | None = None  # right answers from wrong ones, by confidence
    out_of_scope: OutOfScope | None = None  # None: the project declares no such texts
    selection: Selection | None = None  # None: every text is answered
    slices: tuple[SliceScores, ...] = ()
    examination: Examination | None = None


def score_sheet(sheet: ScoreSheet, problem: Problem, *, seed: int = 0) -> Scores:
    """Return every score of a sheet; `seed` is the bootstrap's. Raises UnreadableAnswer."""
    table = build_counts(sheet.rows, problem, version=sheet.version)
    sums = table.counts.sum(axis=0, dtype=np.float64)
    return Scores(
        version=sheet.version,
        n_rows=len(sheet.rows),
        accuracy=_share([row.correct for row in sheet.rows]),
        f1=Estimate(float(micro_f1(sums)), bootstrap_interval(table, micro_f1, seed=seed)),
        macro_f1=Estimate(float(macro_f1(sums)), bootstrap_interval(table, macro_f1, seed=seed)),
        labels=score_labels(table),
        calibration=build_calibration(sheet.rows),
        latency_p50_ms=sheet.latency_p50_ms,
        latency_p95_ms=sheet.latency_p95_ms,
        size_bytes=sheet.size_bytes,
        abstention=measure_abstention(sheet),
        out_of_scope=measure_out_of_scope(sheet),
        selection=measure_selection(sheet),
        slices=score_slices(sheet),
        examination=sheet.examination,
    )


def score_slices(sheet: ScoreSheet) -> tuple[SliceScores, ...]:
    """Return the accuracy of every slice that the examination found rows for, and of the rows outside it."""
    found = []
    for one in sheet.examination.slices if sheet.examination else ():
        ids = set(one.row_ids)
        inside = [row.correct for row in sheet.rows if row.row_id in ids]
        outside = [row.correct for row in sheet.rows if row.row_id not in ids]
        found.append(SliceScores(one.name, len(inside), _share(inside), len(outside), _share(outside)))
    return tuple(found)


def score_labels(table: CountTable) -> tuple[LabelScores, ...]:
    """Return the scores of every label that occurs in a truth or an answer."""
    return tuple(_score_label(label, table.counts[:, index]) for index, label in enumerate(table.labels))


def _score_label(label: str, counts: NDArray[np.int64]) -> LabelScores:
    """`counts` has shape (n_rows, 3). Several spans of one row are not independent, which the interval ignores."""
    hits, false_alarms, misses = (int(counts[:, kind].sum()) for kind in (HITS, FALSE_ALARMS, MISSES))
    n_truths, n_given = hits + misses, hits + false_alarms
    return LabelScores(
        label=label,
        n_rows=int((counts[:, HITS] + counts[:, MISSES] > 0).sum()),
        n_truths=n_truths,
        n_given=n_given,
        precision=hits / n_given if n_given else 0.0,
        recall=hits / n_truths if n_truths else 0.0,
        recall_interval=clopper_pearson_interval(hits, n_truths),
        f1=float(f1_of(np.array([hits, false_alarms, misses], dtype=np.float64))),
    )


def _share(correct: Sequence[bool]) -> Estimate:
    n_rows, n_right = len(correct), sum(correct)
    return Estimate(n_right / n_rows if n_rows else 0.0, wilson_interval(n_right, n_rows))
