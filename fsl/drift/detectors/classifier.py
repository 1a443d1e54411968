"""How well a model tells to which window a text belongs, and by which texts: the effect that a decision needs.

AUROC is 0.5 where the windows are alike, and 1 where one look at a text tells. Whether it is beyond chance is judged
with all other tests, in `changes`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.forms import PENALTY, centre_within

N_TELLING = 5


@dataclass(frozen=True, slots=True)
class TellingApart:
    """How well the windows can be told apart."""

    auroc: float
    most_telling: tuple[int, ...]  # places in the current window, the most telling first


def tell_apart(
    embeddings: NDArray[np.float32], strata: NDArray[np.intp], n_reference: int, *, n_telling: int = N_TELLING
) -> TellingApart:
    """Return how well ridge regression tells current rows from reference rows of the same stratum.

    Every row is scored by a regression that did not see it.

    Source:
        Lopez-Paz and Oquab 2017, arXiv:1610.06545; AUROC within strata: van Elteren 1960.
    """
    is_current = np.zeros(len(strata))
    is_current[n_reference:] = 1.0
    n_in = np.bincount(strata)[strata]
    if (n_in < 2).all() or not embeddings.shape[1]:
        return TellingApart(0.5, ())
    scores = leave_one_out_scores(embeddings, is_current, strata)
    order = np.argsort(-scores, kind="stable")
    places = order[order >= n_reference] - n_reference
    return TellingApart(
        auroc_within(scores, is_current, strata), tuple(int(place) for place in places[: max(0, n_telling)])
    )


def leave_one_out_scores(
    embeddings: NDArray[np.float32], is_current: NDArray[np.float64], strata: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return how much each row looks like the current window to a ridge regression that did not see it.

    The regression has an intercept for each stratum. A row's score is its prediction less that intercept without
    the row, so that the row's own window has no part in it.
    """
    n_in = np.bincount(strata).astype(np.float64)[strata]
    centred = centre_within(embeddings, strata).astype(np.float64)
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += PENALTY * max(float(np.trace(gram)) / min(centred.shape), 1e-12)
    solved = np.linalg.solve(gram, centred.T)
    leverage = np.minimum(np.einsum("ij,ji->i", centred, solved) + 1 / n_in, 1 - 1e-9)
    means = (np.bincount(strata, weights=is_current) / np.bincount(strata))[strata]
    fitted = means + centred @ (solved @ (is_current - means))
    left_out = (fitted - leverage * is_current) / (1 - leverage)
    mean_without = np.divide(n_in * means - is_current, n_in - 1, out=np.zeros_like(means), where=n_in > 1)
    scores = np.where(n_in > 1, left_out - mean_without, 0.0)  # a row alone in its stratum tells nothing
    return np.asarray(np.round(scores, 9))  # rounding must not part rows that are alike


def auroc_within(scores: NDArray[np.float64], is_current: NDArray[np.float64], strata: NDArray[np.intp]) -> float:
    """Return the share of pairs of one stratum in which the current row scores higher; 0.5 without a pair."""
    from scipy import stats

    won, n_pairs = 0.0, 0.0
    for stratum in np.unique(strata):
        rows = strata == stratum
        inside = is_current[rows]
        n_current = float(inside.sum())
        won += float((stats.rankdata(scores[rows]) * inside).sum()) - n_current * (n_current + 1) / 2
        n_pairs += n_current * (len(inside) - n_current)
    return won / n_pairs if n_pairs else 0.5
