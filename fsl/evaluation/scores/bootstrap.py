"""Resampling rows: the interval of an F1 score, and the paired comparison of two.

Rows are resampled whole, so the words of one text stay together. Draws are seeded: the same rows give the same
numbers, and swapping the two models gives exactly the mirrored ones.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.evaluation.scores.counts import CountTable, micro_f1
from fsl.evaluation.scores.intervals import Interval

Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_CHUNK = 2_000_000  # weights held at once: 16 MB
_FEWEST = 10  # draws in a tail below which their share is too coarse to be read
# A sum of terms with random signs exceeds z standard deviations at most this often times as a normal variable does:
# Bentkus and Dzindzalieta 2015, Bernoulli 21:1086-1108.
_SIGNS = 3.18


@dataclass(frozen=True, slots=True)
class PairedScore:
    """How a challenger's score compares with a champion's on the same rows."""

    difference: float
    intervals: tuple[Interval, ...]  # of level 1 - 2 alpha for each alpha: each end is a one-sided bound
    standard_error: float
    p_better: float
    p_worse: float


def bootstrap_interval(
    table: CountTable, score: Score, *, seed: int, level: float = 0.95, n_draws: int = 2000
) -> Interval:
    """Return the percentile interval of a score over resampled rows.

    Source:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    if len(table.counts) == 0:
        return Interval(0.0, 1.0, level)
    scores = np.concatenate(
        [score(_sums(weights, table.counts)) for weights in _resampled(len(table.counts), n_draws, seed)]
    )
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def compare_f1(
    champion: CountTable,
    challenger: CountTable,
    *,
    alphas: Sequence[float],
    seed: int,
    score: Score = micro_f1,
    n_draws: int = 4000,
) -> PairedScore:
    """Return the paired comparison of two F1 scores over rows in the same order.

    The intervals are the paired bootstrap's. The p-values are the larger of the paired bootstrap's and the
    randomisation test's: the first alone finds too much in 20 rows.

    Args:
        champion: counts over the same labels as the challenger's.
        score: micro or macro F1 from summed counts.

    Source:
        Berg-Kirkpatrick, Burkett and Klein 2012, D12-1091 (paired bootstrap); Yeh 2000, C00-2137 (randomisation).
    """
    ours, theirs = challenger.counts, champion.counts
    observed = score(ours.sum(axis=0, dtype=np.float64)) - score(theirs.sum(axis=0, dtype=np.float64))
    draws = _concat(
        score(_sums(weights, ours)) - score(_sums(weights, theirs)) for weights in _resampled(len(ours), n_draws, seed)
    )
    shuffled = _concat(_swapped(keep, ours, theirs, score) for keep in _coins(len(ours), n_draws, seed + 1))
    return PairedScore(
        difference=float(observed),
        intervals=tuple(_interval(draws, alpha) for alpha in alphas),
        standard_error=float(draws.std()),
        p_better=compute_p_value(draws, shuffled, float(observed)),
        p_worse=compute_p_value(-draws, -shuffled, -float(observed)),
    )


def compare_weighted(
    differences: NDArray[np.float64], weights: NDArray[np.float64], *, alpha: float, seed: int, n_draws: int = 4000
) -> PairedScore:
    """Return the same for a weighted mean of each row's difference: 1 for a row won, -1 for one lost.

    Source:
        Hájek 1971 (the ratio of weighted sums); the tests are those of `compare_f1`.
    """
    n_rows, worth = len(differences), differences * weights
    observed = float(worth.sum() / weights.sum())
    draws = _concat((drawn @ worth) / (drawn @ weights) for drawn in _resampled(n_rows, n_draws, seed))
    shuffled = _concat(((2 * keep - 1) @ worth) / weights.sum() for keep in _coins(n_rows, n_draws, seed + 1))
    return PairedScore(
        difference=observed,
        intervals=(_interval(draws, alpha),),
        standard_error=float(draws.std()),
        p_better=compute_p_value(draws, shuffled, observed),
        p_worse=compute_p_value(-draws, -shuffled, -observed),
    )


def compute_p_value(draws: NDArray[np.float64], shuffled: NDArray[np.float64], observed: float) -> float:
    """Return the larger of two one-sided p-values of a difference above 0.

    Args:
        draws: the difference over resampled rows: how often is it not above 0?
        shuffled: the difference with answers swapped at random: how often is it as large as observed?
    """
    return max(_tail(-draws, 0.0), _tail(shuffled, observed - 1e-12))


def _tail(values: NDArray[np.float64], threshold: float) -> float:
    """Return how often values reach the threshold; so rarely that draws cannot tell, by their mean and spread.

    Late in a series of tests alpha is smaller than one draw in four thousand.
    """
    from scipy import stats

    reached, spread = values >= threshold, float(values.std())
    share = _share(reached)
    if reached.sum() >= _FEWEST or spread == 0.0:
        return share
    return min(share, _SIGNS * float(stats.norm.sf((threshold - values.mean()) / spread)))


def _interval(draws: NDArray[np.float64], alpha: float) -> Interval:
    from scipy import stats

    low, high = np.quantile(draws, [alpha, 1 - alpha])
    if alpha * len(draws) < _FEWEST:
        reach = float(stats.norm.isf(alpha)) * draws.std()
        low, high = min(low, draws.mean() - reach), max(high, draws.mean() + reach)
    return Interval(float(low), float(high), 1 - 2 * alpha)


def _swapped(
    keep: NDArray[np.float64], ours: NDArray[np.int64], theirs: NDArray[np.int64], score: Score
) -> NDArray[np.float64]:
    """Return the differences when each row's two answers change places where the coin says so."""
    first = _sums(keep, ours) + _sums(1 - keep, theirs)
    second = _sums(keep, theirs) + _sums(1 - keep, ours)
    return np.asarray(score(first) - score(second))


def _share(found: NDArray[np.bool_]) -> float:
    # The observed data count as one draw, so that no p-value is 0 (Davison and Hinkley 1997, section 4.2).
    return float((1 + found.sum()) / (1 + len(found)))


def _sums(weights: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weighted sums over rows, shape (n_draws, n_labels, 3)."""
    flat = weights @ counts.reshape(len(counts), -1).astype(np.float64)
    return np.asarray(flat.reshape(len(weights), *counts.shape[1:]))


def _chunks(n_rows: int, n_draws: int) -> Iterator[int]:
    size = max(1, _CHUNK // max(1, n_rows))
    for start in range(0, n_draws, size):
        yield min(size, n_draws - start)


def _resampled(n_rows: int, n_draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    for size in _chunks(n_rows, n_draws):
        yield generator.multinomial(n_rows, np.full(n_rows, 1 / n_rows), size=size).astype(np.float64)


def _coins(n_rows: int, n_draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    for size in _chunks(n_rows, n_draws):
        yield generator.integers(0, 2, size=(size, n_rows)).astype(np.float64)


def _concat(parts: Iterator[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate(list(parts))
