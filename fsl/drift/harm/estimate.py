"""Accuracy without labels, and how much of a fall is not mere mix: under covariate shift, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.harm.calibration import Curve

Z95, Z95_ONE_SIDED = 1.959964, 1.644854
# The curve is carried beyond the rows that it was fitted to, and is off by about a fifth of the fall that it foretells:
# without this, 95% intervals held 85 to 88% of the time on tuning streams of CLINC150 and Banking77.
_CARRIED_ERROR = 0.2
_SHRINK = 5.0  # reference rows of a label that weigh as much as all labels together


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Served:
    """What is known of a window's rows without labels."""

    confidence: NDArray[np.float64]
    margin: NDArray[np.float64]
    answers: Sequence[tuple[str, ...]]

    def known(self) -> "Served":
        """Return the rows that have both numbers."""
        rows = np.flatnonzero(np.isfinite(self.confidence) & np.isfinite(self.margin))
        return Served(self.confidence[rows], self.margin[rows], [self.answers[int(row)] for row in rows])


def estimate_accuracy(curve: Curve, served: Served) -> Interval | None:
    """Return how often the served answers are right, or None where no row has its numbers.

    The interval holds the curve's uncertainty and the chance in which rows happen to be right.

    Source:
        Average confidence, calibrated: Guillory et al. 2021, arXiv:2107.03315; compared with thresholds (Garg et al.
        2022, arXiv:2201.04234) in docs/benchmarks.md.
    """
    rows = served.known()
    n = len(rows.confidence)
    if n == 0:
        return None
    chance = curve.predict(rows.confidence, rows.margin)
    slope = curve.gradient(rows.confidence, rows.margin).mean(axis=0)
    value = float(chance.mean())
    variance = slope @ curve.covariance @ slope + (chance * (1 - chance)).sum() / n**2
    variance += (_CARRIED_ERROR * (curve.accuracy - value)) ** 2
    half = Z95 * float(np.sqrt(variance))
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def estimate_by_threshold(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], served: NDArray[np.float64]
) -> float:
    """Return the share of served rows above the confidence that as many labelled rows exceed as are right.

    Source:
        Average thresholded confidence: Garg et al. 2022, arXiv:2201.04234.
    """
    threshold = np.quantile(confidence, 1 - right.mean())
    return float((served >= threshold).mean())


@dataclass(frozen=True, slots=True)
class Fall:
    """By how much accuracy fell, estimated; negative where it rose."""

    total: float
    of_mix: float  # since other answers are given more often than before
    within: Interval  # of the same answers: low and high are one-sided 95% bounds


def estimate_fall(curve: Curve, reference: Served, current: Served) -> Fall | None:
    """Return the estimated fall from the reference to the current window.

    What the mix of answers alone would have done is told apart: each answer's reference accuracy, weighted by how
    often it is given now. Rare answers lean on the mean of all.
    """
    before, now = reference.known(), current.known()
    if not len(before.confidence) or not len(now.confidence):
        return None
    chances = [curve.predict(rows.confidence, rows.margin) for rows in (before, now)]
    slopes = [curve.gradient(rows.confidence, rows.margin) for rows in (before, now)]
    weights, from_all = _mix_weights(before.answers, now.answers)
    expected = float(weights @ chances[0]) + from_all * float(chances[0].mean())
    mean_before, mean_now = float(chances[0].mean()), float(chances[1].mean())
    within = expected - mean_now
    slope = weights @ slopes[0] + from_all * slopes[0].mean(axis=0) - slopes[1].mean(axis=0)
    full = weights + from_all / len(chances[0])
    variance = slope @ curve.covariance @ slope
    variance += chances[0].var() * (full**2).sum() + chances[1].var() / len(chances[1])
    half = Z95_ONE_SIDED * float(np.sqrt(variance))
    return Fall(mean_before - mean_now, mean_before - expected, Interval(within, within - half, within + half))


def _mix_weights(
    before: Sequence[tuple[str, ...]], now: Sequence[tuple[str, ...]]
) -> tuple[NDArray[np.float64], float]:
    """Return a weight for each reference row, and the weight of their plain mean, so that all weights add up to 1."""
    counts: dict[tuple[str, ...], int] = {}
    for answer in before:
        counts[answer] = counts.get(answer, 0) + 1
    shares: dict[tuple[str, ...], float] = {}
    for answer in now:
        shares[answer] = shares.get(answer, 0.0) + 1 / len(now)
    weights = np.array([shares.get(answer, 0.0) / (counts[answer] + _SHRINK) for answer in before])
    return weights, 1.0 - float(weights.sum())
