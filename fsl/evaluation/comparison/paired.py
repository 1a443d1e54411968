"""Paired comparison of two models by the rows on which exactly one of them is right.

A *win* is a row that the challenger gets right and the champion wrong; a *loss* the other way round. Rows on which
both are right, or both wrong, say nothing about which is better.
"""

import math
from dataclasses import dataclass

from fsl.evaluation.scores.intervals import Interval


@dataclass(frozen=True, slots=True)
class McNemar:
    """Exact p-values of wins against losses."""

    p_better: float  # one-sided: as many wins or more, if the two were equally good
    p_worse: float  # one-sided, the other way
    p_two_sided: float


def compute_mcnemar(n_wins: int, n_losses: int) -> McNemar:
    """Return exact binomial p-values: under equality every discordant row is a fair coin.

    Source:
        McNemar 1947, Psychometrika 12:153-157, in its exact form.
    """
    from scipy import stats

    discordant = n_wins + n_losses
    p_better = float(stats.binom.sf(n_wins - 1, discordant, 0.5))
    p_worse = float(stats.binom.sf(n_losses - 1, discordant, 0.5))
    return McNemar(p_better, p_worse, min(1.0, 2 * min(p_better, p_worse)))


def compute_difference_interval(n_wins: int, n_losses: int, n_rows: int, *, level: float) -> Interval:
    """Return the score interval of the difference of two paired shares, challenger less champion.

    Unlike Wald's it has a width also where no row is discordant: with n rows alike, z²/(n + z²) remains possible.

    Source:
        Tango 1998, Statistics in Medicine 17:891-908.
    """
    from scipy import optimize, stats

    if n_rows == 0:
        return Interval(-1.0, 1.0, level)
    observed = (n_wins - n_losses) / n_rows
    z = float(stats.norm.ppf((1 + level) / 2))

    def distance(difference: float, bound: float) -> float:
        return _tango_score(difference, n_wins, n_losses, n_rows) - bound

    edge = 1 - 1e-12
    low = -1.0 if observed == -1 else float(optimize.brentq(distance, -edge, observed, args=(z,)))
    high = 1.0 if observed == 1 else float(optimize.brentq(distance, observed, edge, args=(-z,)))
    return Interval(low, high, level)


def compute_rows_needed(
    *, discordance: float, difference: float, alpha: float, power: float = 0.8, margin: float = 0.0
) -> int | None:
    """Return how many rows in all would decide with that power, if the observed shares are the true ones.

    Args:
        discordance: share of rows on which exactly one of the two is right.
        difference: share of wins less share of losses.
        alpha: one-sided.
        margin: 0 asks which of the two is better; above 0, that the challenger is not worse by more than this.

    Returns:
        The number of rows, or None where no number would do.

    Source:
        Connor 1987, Biometrics 43:207-211; with a margin, its difference is measured from the margin.
    """
    from scipy import stats

    effect = difference + margin if margin else abs(difference)
    if effect <= 0:
        return None
    z_alpha, z_power = float(stats.norm.ppf(1 - alpha)), float(stats.norm.ppf(power))
    spread = z_alpha * math.sqrt(discordance) + z_power * math.sqrt(max(0.0, discordance - difference**2))
    # Even without any loss the score interval needs this many rows to be narrower than the margin.
    floor = z_alpha**2 * (1 - margin) / margin if margin else 0.0
    return max(1, math.ceil(max((spread / effect) ** 2, floor)))


def _tango_score(difference: float, n_wins: int, n_losses: int, n_rows: int) -> float:
    """Return Tango's statistic for a supposed difference: how many standard errors the data lie above it."""
    a = 2.0 * n_rows
    b = -n_wins - n_losses + (2 * n_rows - n_wins + n_losses) * difference
    c = -n_losses * difference * (1 - difference)
    share_lost = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = n_rows * (2 * share_lost + difference * (1 - difference))
    # At the very ends the variance vanishes; the root finder needs a finite number there.
    return (n_wins - n_losses - n_rows * difference) / math.sqrt(max(variance, 1e-30))
