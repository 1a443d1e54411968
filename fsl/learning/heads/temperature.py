"""Calibration: one number that makes a head as sure as it is right."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from fsl.learning.heads.head import Head, Targets, Vectors, likelihoods_of

_LOG_RANGE = (-6.0, 6.0)  # ridge scores lie near 0 and 1 and need a low temperature, sure logits a high one


def fit_temperature(head: Head, vectors: Vectors, targets: Targets) -> Head:
    """Return the head with the temperature that makes held-out targets likeliest; without any, as it is."""
    if len(vectors) == 0:
        return head
    return replace(head, temperature=best_temperature(head.logits(vectors), targets))


def best_temperature(logits: NDArray[np.float64], targets: Targets) -> float:
    """Return the temperature above 0 that makes targets likeliest.

    Args:
        logits: (n_units, n_outputs) of units that the head was not fitted to.
        targets: as `likelihoods_of` takes them; one temperature serves all outputs.

    Source:
        Guo et al. 2017, arXiv:1706.04599, section 4.2.
    """

    def loss(log_temperature: float) -> float:
        return float(-likelihoods_of(logits / np.exp(log_temperature), targets).mean())

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded").x))
