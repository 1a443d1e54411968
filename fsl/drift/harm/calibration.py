"""From how sure a version is to how often it is right: a curve fitted to labelled rows, with its own uncertainty.

The curve may be carried to other texts as long as rows that look alike to it are right as often as before: that is
covariate shift. Where labels changed their meaning it says nothing, and nothing without labels can.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_ROWS = 50  # labelled rows below which no curve is fitted
_PRIOR = 0.1  # a weak pull of the slopes to one and zero; keeps a curve of separable rows finite
_MAX_STEPS = 50


@dataclass(frozen=True, eq=False)
class Curve:
    """Logistic regression of being right on the logit of confidence and on margin."""

    weights: NDArray[np.float64]  # intercept, slope of the logit, slope of the margin
    covariance: NDArray[np.float64]
    n_rows: int
    accuracy: float  # on the labelled rows

    def predict(self, confidence: NDArray[np.float64], margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each row's chance of being right; NaN where a number is missing."""
        return _sigmoid(build_features(confidence, margin) @ self.weights)

    def gradient(self, confidence: NDArray[np.float64], margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how each row's chance moves with the weights, (n, 3)."""
        features = build_features(confidence, margin)
        chance = _sigmoid(features @ self.weights)
        return np.asarray((chance * (1 - chance))[:, None] * features)


def fit_curve(confidence: NDArray[np.float64], margin: NDArray[np.float64], right: NDArray[np.bool_]) -> Curve | None:
    """Fit the curve, or return None where there are too few labelled rows.

    Source:
        Platt 1999; the prior as in Gelman et al. 2008, Annals of Applied Statistics 2:1360-1383, but Gaussian.
    """
    known = np.isfinite(confidence) & np.isfinite(margin)
    if known.sum() < MIN_ROWS:
        return None
    features, hits = build_features(confidence[known], margin[known]), right[known].astype(np.float64)
    start = np.array([0.0, 1.0, 0.0])  # confidence taken at its word
    pull = np.diag([1e-6, _PRIOR, _PRIOR])
    weights = start.copy()
    for _ in range(_MAX_STEPS):
        chance = _sigmoid(features @ weights)
        hessian = (features * (chance * (1 - chance))[:, None]).T @ features + pull
        step = np.linalg.solve(hessian, features.T @ (hits - chance) - pull @ (weights - start))
        weights = weights + step / max(1.0, float(np.abs(step).max()))  # no step beyond one: it need not overshoot
        if np.abs(step).max() < 1e-8:
            break
    return Curve(weights, np.asarray(np.linalg.inv(hessian), dtype=np.float64), int(known.sum()), float(hits.mean()))


def build_features(confidence: NDArray[np.float64], margin: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(confidence, 1e-4, 1 - 1e-4)
    return np.stack([np.ones(len(confidence)), np.log(clipped / (1 - clipped)), margin], axis=1)


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -40, 40))))
