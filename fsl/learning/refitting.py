"""The fast speed: a new head on an encoder that stays, in seconds and without torch.

Whatever rows were added, corrected or taken out, the head is fitted anew to those that are there: nothing of a row that
is gone is left in it, and nothing of one that stays is forgotten. Only arithmetic on vectors lives here; where they
come from, and what becomes of the head, is `fsl.runs.head_refit`'s.
"""

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.learning.heads import Head, choose_head, fit_temperature, log_likelihoods
from fsl.learning.heads.logistic import STRENGTHS, fit_strengths
from fsl.learning.selection.choice import MIN_TUNE_ROWS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledVectors:
    """Units of texts, as an encoder sees them, with the output that is right for each."""

    vectors: NDArray[np.float32]  # (n_units, hidden), of unit length
    targets: NDArray[np.int64]  # (n_units,); or (n_units, n_outputs), where outputs do not compete
    texts: NDArray[np.int64]  # (n_units,), the text that each is of; units of one text are held out together


def refit_head(train: LabelledVectors, tune: LabelledVectors, n_outputs: int, *, seed: int) -> Head:
    """Fit a calibrated head to train rows.

    Tune rows choose the strength of a logistic regression and calibrate it. Where they are too few to tell, kind,
    strength and temperature come from cross-validation on train rows, as for the first head.

    Args:
        tune: may be empty; units whose target no train unit shows do not count.
    """
    known = is_shown(tune.targets, train.targets)
    vectors, targets = tune.vectors[known], tune.targets[known]
    if len(targets) < MIN_TUNE_ROWS:
        return choose_head(train.vectors, train.targets, n_outputs, seed=seed, groups=train.texts.tolist()).head
    best, best_score = None, -np.inf
    heads = fit_strengths(train.vectors, train.targets, n_outputs, strengths=STRENGTHS)
    for strength, head in zip(STRENGTHS, heads, strict=True):
        calibrated = fit_temperature(head, vectors, targets)
        score = float(log_likelihoods(calibrated, vectors, targets).mean())
        log.info("head of strength %g: mean log-likelihood %.4f on %d tune units", strength, score, len(targets))
        if score > best_score:
            best, best_score = calibrated, score
    assert best is not None
    return best


def is_shown(targets: NDArray[np.int64], train: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of each unit whether train units show its target, (n_units,); of a set of labels, every label of it."""
    if targets.ndim == 2 and train.ndim == 2:
        return ~np.asarray((targets == 1)[:, ~train.any(axis=0)].any(axis=1))
    return np.isin(targets, train) if targets.ndim == 1 else np.zeros(len(targets), np.bool_)
