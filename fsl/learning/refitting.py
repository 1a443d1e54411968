"""The fast speed: a new head on an encoder that stays, in seconds and without torch.

Whatever rows were added, corrected or taken out, the head is fitted anew to those that are there: nothing of a row that
is gone is left in it, and nothing of one that stays is forgotten. Only arithmetic on vectors lives here; where they
come from, and what becomes of the head, is `fsl.runs.head_refit`'s.
"""

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.learning.heads import Head, fit_temperature, log_likelihoods, spread_head

log = logging.getLogger(__name__)

_STRENGTHS = (3.0, 10.0, 30.0, 100.0)  # of the fit, weakly to strongly; as for the probe
_STRENGTH = 30.0  # where no tune row can tell


@dataclass(frozen=True)
class LabelledVectors:
    """Units of texts, as an encoder sees them, with the output that is right for each."""

    vectors: NDArray[np.float32]  # (n_units, hidden), of unit length
    targets: NDArray[np.int64]  # (n_units,)


def refit_head(train: LabelledVectors, tune: LabelledVectors, n_outputs: int) -> Head:
    """Fit logistic regression to train rows; tune rows choose its strength and calibrate it.

    Args:
        tune: may be empty; units whose target no train unit shows do not choose.
    """
    from sklearn.linear_model import LogisticRegression

    present, compact = np.unique(train.targets, return_inverse=True)
    if len(present) < 2:
        hidden = train.vectors.shape[1]
        return spread_head(np.zeros((len(present), hidden)), np.zeros(len(present)), present, n_outputs)
    known = np.isin(tune.targets, present)
    vectors, targets = tune.vectors[known], tune.targets[known]
    best, best_score = None, -np.inf
    # Each fit starts where the one before ended, which makes four of them hardly dearer than one.
    model = LogisticRegression(solver="lbfgs", max_iter=200, tol=1e-3, warm_start=True)
    for strength in _STRENGTHS if len(targets) else (_STRENGTH,):
        model.set_params(C=strength).fit(train.vectors, compact)
        head = spread_head(model.coef_, model.intercept_, present, n_outputs)
        calibrated = fit_temperature(head, vectors, targets)
        score = float(log_likelihoods(calibrated, vectors, targets).mean()) if len(targets) else 0.0
        log.info("head of strength %g: mean log-likelihood %.4f on %d tune units", strength, score, len(targets))
        if score <= best_score:
            break  # it only gets worse from here on
        best, best_score = calibrated, score
    assert best is not None
    return best
