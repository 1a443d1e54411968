"""Confidence intervals of a share, such as accuracy or recall."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that covers the true value in `level` of all samples."""

    low: float
    high: float
    level: float = 0.95


def wilson_interval(n_hits: int, n_rows: int, *, level: float = 0.95) -> Interval:
    """Return the score interval of a share: close to its level on average, also for few rows.

    Source:
        Wilson 1927, J. Am. Stat. Assoc. 22:209-212; recommended by Brown, Cai and DasGupta 2001,
        Statistical Science 16:101-133.
    """
    from scipy import stats

    if n_rows == 0:
        return Interval(0.0, 1.0, level)
    z2 = float(stats.norm.ppf((1 + level) / 2)) ** 2
    share = n_hits / n_rows
    centre = (share + z2 / (2 * n_rows)) / (1 + z2 / n_rows)
    half = (z2 * (share * (1 - share) / n_rows + z2 / (4 * n_rows**2))) ** 0.5 / (1 + z2 / n_rows)
    # At the ends the formula gives exactly 0 or 1; rounding must not say otherwise.
    low = 0.0 if n_hits == 0 else max(0.0, centre - half)
    return Interval(low, 1.0 if n_hits == n_rows else min(1.0, centre + half), level)


def clopper_pearson_interval(n_hits: int, n_rows: int, *, level: float = 0.95) -> Interval:
    """Return the exact interval of a share: it covers in at least `level` of all samples.

    Source:
        Clopper and Pearson 1934, Biometrika 26:404-413.
    """
    from scipy import stats

    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, n_hits, n_rows - n_hits + 1)) if n_hits > 0 else 0.0
    return Interval(low, clopper_pearson_bound(n_hits, n_rows, level=1 - tail), level)


def clopper_pearson_bound(n_hits: int, n_rows: int, *, level: float = 0.95) -> float:
    """Return the exact upper bound of a share, on one side: the share is below it in at least `level` of all samples.

    Source:
        Clopper and Pearson 1934, Biometrika 26:404-413.
    """
    from scipy.stats import beta

    return float(beta.ppf(level, n_hits + 1, n_rows - n_hits)) if n_hits < n_rows else 1.0
