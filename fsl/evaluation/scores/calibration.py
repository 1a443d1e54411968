"""Whether a model that says 80% is right four times in five."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fsl.evaluation.scores.records import RowScore


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows of about the same confidence."""

    confidence: float  # mean
    accuracy: float
    n_rows: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidence is from accuracy, over rows whose confidence is a number."""

    expected_error: float  # mean distance of confidence and accuracy over bins, weighted by rows
    brier: float  # mean squared distance of the confidence from 1 (right) or 0 (wrong)
    bins: tuple[CalibrationBin, ...]


def build_calibration(rows: Sequence[RowScore], *, n_bins: int = 10) -> Calibration | None:
    """Return the calibration of the answers' confidence, or None where no row has one.

    Bins hold about equally many rows; rows of equal confidence are never parted. The Brier score is that of the
    event "the whole answer is right", since a sheet keeps one probability for each answer.

    Source:
        Nixon et al. 2019, arXiv:1904.01685 (equal-mass bins); Brier 1950, Monthly Weather Review 78:1-3.
    """
    usable = [row for row in rows if row.is_usable]
    if not usable:
        return None
    confidence = np.array([row.confidence for row in usable])
    correct = np.array([row.correct for row in usable], dtype=np.float64)
    edges = np.quantile(confidence, np.linspace(0, 1, n_bins + 1)[1:-1])
    which = np.searchsorted(np.unique(edges), confidence, side="left")
    bins = tuple(
        CalibrationBin(float(confidence[which == index].mean()), float(correct[which == index].mean()), int(n_rows))
        for index, n_rows in zip(*np.unique(which, return_counts=True), strict=True)
    )
    error = sum(one.n_rows * abs(one.confidence - one.accuracy) for one in bins) / len(usable)
    return Calibration(error, float(np.mean((confidence - correct) ** 2)), bins)
