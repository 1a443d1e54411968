"""What should not be answered, and whether a version tells it: wrong answers, and texts that no label fits.

Wrong answers are told by confidence. Texts that no label fits are told by scope, the distance to the nearest label's
mean, where the bundle gives it, else by confidence, too. How both do at any limit is one question; what the limits of
the bundle itself do with judge rows, as it will be served, is the other.

Source: Hendrycks and Gimpel 2017, arXiv:1610.02136 (the largest probability as the score, AUROC);
Liang et al. 2018, arXiv:1706.02690 (false accepts where 95% of the known are accepted); Geifman and El-Yaniv 2017,
arXiv:1705.08500 (coverage, and the risk of what is answered).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fsl.evaluation.scores.intervals import Interval, clopper_pearson_interval
from fsl.evaluation.scores.records import ScoreSheet

RECALL = 0.95


@dataclass(frozen=True, slots=True)
class Separation:
    """How well a score tells two groups apart."""

    auroc: float  # chance that one of the first group is surer than one of the second
    interval: Interval
    n_first: int
    n_second: int


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """Judge rows against texts that no label fits."""

    separation: Separation
    threshold: float  # of the score, at which 95% of judge rows are answered
    false_accepts: float  # share of the other texts that are answered too
    interval: Interval
    by: Literal["confidence", "scope"] = "confidence"


@dataclass(frozen=True, slots=True)
class Selection:
    """What the limits of the bundle do, as it is served."""

    n_rows: int
    n_answered: int
    n_right: int  # of those that are answered
    n_withheld_right: int  # answers that would have been right
    n_outside: int  # texts that no label fits
    n_outside_answered: int
    given: Interval  # of the share of rows that are answered
    right: Interval  # of the share of right ones among them


def measure_selection(sheet: ScoreSheet) -> Selection | None:
    """Return what is answered and how much of it is right; None where everything is answered."""
    given = [row for row in sheet.rows if row.abstained is None]
    found = sheet.examination
    outside = len(found.out_of_scope) if found else 0
    n_answered = found.n_answered if found and found.n_answered is not None else outside
    if len(given) == len(sheet.rows) and n_answered == outside:
        return None
    n_right = sum(row.correct for row in given)
    return Selection(
        n_rows=len(sheet.rows),
        n_answered=len(given),
        n_right=n_right,
        n_withheld_right=sum(row.correct for row in sheet.rows) - n_right,
        n_outside=outside,
        n_outside_answered=n_answered,
        given=clopper_pearson_interval(len(given), len(sheet.rows)),
        right=clopper_pearson_interval(n_right, len(given)),
    )


def measure_abstention(sheet: ScoreSheet) -> Separation | None:
    """Return how well confidence tells right answers from wrong ones; None where all are right, or all wrong."""
    usable = [row for row in sheet.rows if row.is_usable]
    right = [row.confidence for row in usable if row.correct]
    wrong = [row.confidence for row in usable if not row.correct]
    return separate(right, wrong) if right and wrong else None


def measure_out_of_scope(sheet: ScoreSheet) -> OutOfScope | None:
    """Return how well judge rows are told from texts that no label fits; None where no such text is declared."""
    if sheet.examination is None:
        return None
    scopes = [row.scope for row in sheet.rows if row.is_usable and row.scope is not None and np.isfinite(row.scope)]
    outside = [one for one in sheet.examination.scopes if np.isfinite(one)]
    if scopes and outside:
        return _held_apart(scopes, outside, "scope")
    inside = [row.confidence for row in sheet.rows if row.is_usable]
    outside = [one for one in sheet.examination.out_of_scope if np.isfinite(one)]
    return _held_apart(inside, outside, "confidence") if inside and outside else None


def _held_apart(inside: Sequence[float], outside: Sequence[float], by: Literal["confidence", "scope"]) -> OutOfScope:
    threshold = float(np.quantile(inside, 1 - RECALL, method="lower"))
    n_accepted = sum(one >= threshold for one in outside)
    interval = clopper_pearson_interval(n_accepted, len(outside))
    return OutOfScope(separate(inside, outside), threshold, n_accepted / len(outside), interval, by)


def separate(first: Sequence[float], second: Sequence[float]) -> Separation:
    """Return the area under the ROC curve, ties counted half, with its interval.

    Source:
        Hanley and McNeil 1982, Radiology 143:29-36, for the standard error.
    """
    from scipy import stats

    n_first, n_second = len(first), len(second)
    ranks = stats.rankdata([*first, *second])
    auroc = float((ranks[:n_first].sum() - n_first * (n_first + 1) / 2) / (n_first * n_second))
    one, two = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    variance = auroc * (1 - auroc) + (n_first - 1) * (one - auroc**2) + (n_second - 1) * (two - auroc**2)
    half = 1.96 * max(0.0, variance / (n_first * n_second)) ** 0.5
    return Separation(auroc, Interval(max(0.0, auroc - half), min(1.0, auroc + half)), n_first, n_second)
