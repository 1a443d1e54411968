"""Whether low confidence tells what should not be answered: wrong answers, and texts that no label fits.

Source: Hendrycks and Gimpel 2017, arXiv:1610.02136 (the largest probability as the score, AUROC);
Liang et al. 2018, arXiv:1706.02690 (false accepts where 95% of the known are accepted).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from fsl.evaluation.scores.intervals import Interval, clopper_pearson_interval
from fsl.evaluation.scores.records import ScoreSheet

RECALL = 0.95


@dataclass(frozen=True, slots=True)
class Separation:
    """How well confidence tells two groups apart."""

    auroc: float  # chance that one of the first group is surer than one of the second
    interval: Interval
    n_first: int
    n_second: int


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """Judge rows against texts that no label fits."""

    separation: Separation
    threshold: float  # of the confidence, at which 95% of judge rows are answered
    false_accepts: float  # share of the other texts that are answered too
    interval: Interval


def measure_abstention(sheet: ScoreSheet) -> Separation | None:
    """Return how well confidence tells right answers from wrong ones; None where all are right, or all wrong."""
    usable = [row for row in sheet.rows if row.is_usable]
    right = [row.confidence for row in usable if row.correct]
    wrong = [row.confidence for row in usable if not row.correct]
    return separate(right, wrong) if right and wrong else None


def measure_out_of_scope(sheet: ScoreSheet) -> OutOfScope | None:
    """Return how well confidence tells judge rows from texts that no label fits; None where none are declared."""
    inside = [row.confidence for row in sheet.rows if row.is_usable]
    outside = [one for one in sheet.examination.out_of_scope if np.isfinite(one)] if sheet.examination else []
    if not inside or not outside:
        return None
    threshold = float(np.quantile(inside, 1 - RECALL, method="lower"))
    n_accepted = sum(one >= threshold for one in outside)
    interval = clopper_pearson_interval(n_accepted, len(outside))
    return OutOfScope(separate(inside, outside), threshold, n_accepted / len(outside), interval)


def separate(first: Sequence[float], second: Sequence[float]) -> Separation:
    """Return the area under the ROC curve, ties counted half, with its interval.

    Source:
        Hanley and McNeil 1982, Radiology 143:29-36, for the standard error.
    """
    n_first, n_second = len(first), len(second)
    ranks = stats.rankdata([*first, *second])
    auroc = float((ranks[:n_first].sum() - n_first * (n_first + 1) / 2) / (n_first * n_second))
    one, two = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    variance = auroc * (1 - auroc) + (n_first - 1) * (one - auroc**2) + (n_second - 1) * (two - auroc**2)
    half = 1.96 * max(0.0, variance / (n_first * n_second)) ** 0.5
    return Separation(auroc, Interval(max(0.0, auroc - half), min(1.0, auroc + half)), n_first, n_second)
