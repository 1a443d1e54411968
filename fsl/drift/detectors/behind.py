"""Whether the texts behind each answer changed, apart from how often each answer is given.

Both windows are weighted to one mix of answers, and rows change places only within their answer. So a mere change of
the mix, which sets off every plain test, is no evidence here.
"""

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.forms import (
    centre_within,
    largest,
    random_features,
    ranks_of,
    squares_after,
    sum_of_squares,
    whitening,
)
from fsl.drift.detectors.joint import Form
from fsl.drift.detectors.traits import Traits

_TAIL = 4


def forms_given_answers(rows: Traits, strata: NDArray[np.intp], n_reference: int) -> tuple[Form, ...]:
    """Return the statistics of rows of which each stratum is in both windows.

    Source:
        Cobb and Van Looveren 2022, arXiv:2203.08644 (given a context); overlap weights: Li, Morgan and Zaslavsky 2018,
        J. Am. Stat. Assoc. 113:390-400; within strata: van Elteren 1960.
    """
    weights = overlap_weights(strata, n_reference).astype(np.float32)[:, None]
    features = centre_within(random_features(rows.embeddings), strata)
    texts = centre_within(rows.embeddings, strata)
    unsure = centre_within(ranks_of(-rows.confidence)[:, None] ** _TAIL, strata)
    return (
        Form("texts_given_answers", weights * features, sum_of_squares),
        Form("telling_apart", weights * texts, squares_after(whitening(texts))),
        Form("out_of_scope", weights * unsure, largest),
    )


def in_both(strata: NDArray[np.intp], n_reference: int) -> NDArray[np.bool_]:
    """Return which rows lie in a stratum that both windows have."""
    n_strata = int(strata.max()) + 1 if len(strata) else 0
    before = np.bincount(strata[:n_reference], minlength=n_strata)
    now = np.bincount(strata[n_reference:], minlength=n_strata)
    return np.asarray(((before > 0) & (now > 0))[strata])


def overlap_weights(strata: NDArray[np.intp], n_reference: int) -> NDArray[np.float64]:
    """Return for each row the weight of its stratum's difference of means: its share of the overlap of both mixes.

    A sum over the current rows of weight times a value that is centred in its stratum is the weighted mean over strata
    of (mean of the current rows less mean of the reference rows).
    """
    n_strata = int(strata.max()) + 1
    before = np.bincount(strata[:n_reference], minlength=n_strata).astype(np.float64)
    now = np.bincount(strata[n_reference:], minlength=n_strata).astype(np.float64)
    overlap = now * before / np.maximum(now + before, 1)
    overlap /= max(overlap.sum(), 1e-300)
    # Of centred values the reference rows sum to minus the current ones: hence both terms on the current rows.
    return np.asarray((overlap / np.maximum(now, 1) + overlap / np.maximum(before, 1))[strata])
