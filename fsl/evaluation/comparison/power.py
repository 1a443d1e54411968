"""How likely the paired test is to find a difference that is there, and how many rows that takes. Exact, no simulation.

The test itself is `paired`'s. A challenger that is better by `difference`, on rows of which the two part on a share
`discordance`, wins a discordant row with probability (discordance + difference) / (2 discordance).
"""

import math

import numpy as np
from numpy.typing import NDArray

from fsl.evaluation.comparison.paired import compute_rows_needed

# Beyond this many rows the formula is within a per mille of the exact number, which would take long to find.
_MOST_EXACT = 200_000
_TAIL = 1e-9  # probability of numbers of discordant rows that are left out at either end


def critical_wins(n_discordant: NDArray[np.int64], alpha: float) -> NDArray[np.int64]:
    """Return the fewest wins whose one-sided p-value is under alpha; more than there are rows where none is."""
    from scipy import stats

    wins = np.asarray(stats.binom.isf(alpha, n_discordant, 0.5), dtype=np.int64) + 1
    at_alpha = stats.binom.sf(wins - 1, n_discordant, 0.5) >= alpha  # the test asks for less than alpha, not for alpha
    return np.asarray(wins + at_alpha)


def compute_power(n_rows: int, *, discordance: float, difference: float, alpha: float) -> float:
    """Return the probability that McNemar's exact one-sided test says better.

    Args:
        discordance: share of rows on which exactly one of the two is right, above 0.
        difference: share of wins less share of losses; below 0 the challenger is worse.

    Source:
        Lachenbruch 1992, Statistics in Medicine 11:1521-1527: the test's conditional power, averaged over the number
        of discordant rows.
    """
    from scipy import stats

    edges = np.asarray(stats.binom.ppf([_TAIL, 1 - _TAIL], n_rows, discordance), dtype=np.int64)
    discordant = np.arange(edges[0], edges[1] + 1)
    share_won = (discordance + difference) / (2 * discordance)
    found = stats.binom.sf(critical_wins(discordant, alpha) - 1, discordant, share_won)
    return float(np.sum(stats.binom.pmf(discordant, n_rows, discordance) * found))


def compute_rows_to_tell(*, discordance: float, difference: float, alpha: float, power: float = 0.8) -> int | None:
    """Return how many rows in all tell the better one with that power, or None where no number would.

    Connor's formula gives where to look; the exact test needs a little more, since it never errs above alpha.
    """
    start = compute_rows_needed(discordance=discordance, difference=difference, alpha=alpha, power=power)
    if start is None or start > _MOST_EXACT:
        return start

    def is_enough(n_rows: int) -> bool:
        found = compute_power(n_rows, discordance=discordance, difference=abs(difference), alpha=alpha)
        return found >= power

    low, high = 0, start
    while not is_enough(high):
        low, high = high, math.ceil(1.2 * high) + 5
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
