"""What several sources think of the same texts, joined into one soft label each, or into none where they doubt."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from fsl.problems.base import Activation


def join_soft_labels(
    sources: Sequence[NDArray[np.float32]],
    weights: Sequence[float],
    *,
    sharpening: float = 1.0,
    activation: Activation = "softmax",
) -> NDArray[np.float32]:
    """Return the weighted geometric mean of several probabilities, (n, n_outputs), each row summing to one; with a
    sigmoid each output sums to one with its own absence.

    Args:
        sources: each (n, n_outputs); a row of zeros has no say.
        weights: one for each source, 0 or more.
        sharpening: the joint probabilities are raised to this power; 1 leaves them.

    Source:
        Hinton 2002, Training Products of Experts; sharpening: Berthelot et al. 2019, arXiv:1905.02249, section 3.2.
    """
    logs = np.zeros_like(sources[0], dtype=np.float64)
    against = np.zeros_like(logs)
    total = np.zeros((len(logs), 1))
    for source, weight in zip(sources, weights, strict=True):
        speaks = source.sum(1, keepdims=True) > 0
        logs += np.where(speaks, weight * np.log(source.clip(min=1e-6)), 0.0)
        against += np.where(speaks, weight * np.log((1.0 - source).clip(min=1e-6)), 0.0)
        total += np.where(speaks, weight, 0.0)
    scale = sharpening / np.where(total > 0, total, 1.0)
    if activation == "sigmoid":
        return np.asarray(np.where(total > 0, expit((logs - against) * scale), 0.0), np.float32)
    logs *= scale
    logs -= logs.max(1, keepdims=True)
    joint = np.exp(logs)
    joint /= joint.sum(1, keepdims=True)
    return np.asarray(np.where(total > 0, joint, 0.0), np.float32)


def weigh_sources(scores: Sequence[float]) -> tuple[float, ...]:
    """Return weights that sum to one from mean log-likelihoods of held-out rows, in nats.

    One source that is a tenth of a nat better counts about twice as much; equal ones count the same. A score that is
    no number counts as the lowest; where none is one, all count the same.
    """
    known = np.array([score if np.isfinite(score) else np.nan for score in scores], np.float64)
    if np.isnan(known).all():
        return (1.0 / len(known),) * len(known)
    known = np.where(np.isnan(known), np.nanmin(known), known)
    weights = np.exp((known - known.max()) / _NATS)
    return tuple(float(weight) for weight in weights / weights.sum())


_NATS = 0.15
