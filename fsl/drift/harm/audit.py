"""Accuracy from audit labels: rows drawn by chance alone, corrected for how they were drawn.

Few labels and many estimated chances together say more than either: that is prediction-powered inference. Rows that
were picked because they were hard have no place here.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.harm.estimate import Z95, Interval

MIN_LABELS = 20  # below this only the exact interval of the labels alone is honest


@dataclass(frozen=True, eq=False)
class AuditRows:
    """Labelled rows of served traffic."""

    right: NDArray[np.bool_]
    inclusion: NDArray[np.float64]  # each row's chance of having been drawn, above 0
    chance: NDArray[np.float64]  # the curve's chance of being right; NaN where there is none

    @property
    def n_rows(self) -> int:
        return len(self.right)


def estimate_from_audit(rows: AuditRows, served_chance: NDArray[np.float64]) -> Interval | None:
    """Return the accuracy over all served rows, or None where there is no audit label.

    Args:
        served_chance: the curve's chance of being right for every served row; empty where there is no curve.

    Source:
        Angelopoulos et al. 2023, Science 382:669-674; tuned so that it is never worse than the labels alone:
        Angelopoulos, Duchi and Zrnic 2023, arXiv:2311.01453; unequal chances: Hajek 1971.
    """
    from scipy import stats

    n = rows.n_rows
    if n == 0:
        return None
    weights = 1 / rows.inclusion
    weights = weights / weights.sum()
    hits = rows.right.astype(np.float64)
    effective = 1 / float((weights**2).sum())
    plain = float(weights @ hits)
    if n < MIN_LABELS or len(served_chance) == 0 or not np.isfinite(rows.chance).all() or hits.min() == hits.max():
        return Interval(plain, *exact_bounds(plain * effective, effective, Z95))
    tuning = _tuning(hits, rows.chance, effective, served_chance)
    value = plain + tuning * (float(served_chance.mean()) - float(weights @ rows.chance))
    left = hits - tuning * rows.chance
    variance = float(weights @ (left - weights @ left) ** 2) / (effective - 1)
    variance += tuning**2 * float(served_chance.var()) / len(served_chance)
    half = float(stats.t.ppf(0.975, effective - 1)) * math.sqrt(variance)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def bounds_of_labels(rows: AuditRows, *, level: float) -> tuple[float, float]:
    """Return exact bounds of the accuracy by the labels alone, each one-sided at this level."""
    from scipy import stats

    if rows.n_rows == 0:
        return 0.0, 1.0
    weights = 1 / rows.inclusion
    weights = weights / weights.sum()
    effective = 1 / float((weights**2).sum())
    return exact_bounds(float(weights @ rows.right) * effective, effective, float(stats.norm.isf(level)))


def exact_bounds(n_right: float, n: float, z: float) -> tuple[float, float]:
    """Return Clopper-Pearson bounds, each side at the tail of z; counts may be effective ones.

    Source:
        Clopper and Pearson 1934, Biometrika 26:404-413.
    """
    from scipy import stats

    tail = float(stats.norm.sf(z))
    low = float(stats.beta.ppf(tail, n_right, n - n_right + 1)) if n_right > 0 else 0.0
    high = float(stats.beta.isf(tail, n_right + 1, n - n_right)) if n_right < n else 1.0
    return low, high


def labels_to_settle(accuracy: float, fall: float, *, level: float) -> int:
    """Return how many uniform audit labels show a fall of this size, four times in five.

    Source:
        The usual size of a one-sided test of one share, at `level` with 80% power.
    """
    from scipy import stats

    before, after = min(max(accuracy, 0.01), 0.99), min(max(accuracy - fall, 0.01), 0.99)
    power = 0.841621
    needed = float(stats.norm.isf(level)) * math.sqrt(before * (1 - before)) + power * math.sqrt(after * (1 - after))
    return math.ceil((needed / max(before - after, 1e-3)) ** 2)


def _tuning(
    hits: NDArray[np.float64], chance: NDArray[np.float64], effective: float, served: NDArray[np.float64]
) -> float:
    """Return how far the estimated chances are trusted, 0 to 1."""
    covariance = float(np.mean((hits - hits.mean()) * (chance - chance.mean())))
    variance = float(chance.var()) * (1 + effective / len(served))
    return min(1.0, max(0.0, covariance / variance)) if variance > 0 else 0.0
