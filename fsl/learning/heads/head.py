"""What every head ends as: logits that are linear in a text's vector, or in cosines of random projections of it.

Outputs compete for a unit (softmax), or each is there or not by itself (sigmoid). Which of both it is shows in the
targets: an index for each unit, or a row of 0 and 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax

from fsl.problems.base import Activation

Vectors = NDArray[np.float32]  # (n_units, hidden), of unit length
Targets = NDArray[np.int64]  # (n_units,), indices of outputs; or (n_units, n_outputs), 0 or 1

ABSENT = -30.0  # the bias of an output that no unit showed: so low that it is never given


@dataclass(frozen=True)
class RandomFeatures:
    """cos(vectors @ weight + bias), scaled to unit length: together they stand for a Gaussian kernel.

    Source:
        Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines.
    """

    weight: NDArray[np.float32]  # (hidden, n_features)
    bias: NDArray[np.float32]  # (n_features,)

    def __call__(self, vectors: Vectors) -> NDArray[np.float32]:
        """Return (n_units, n_features)."""
        scale = np.float32(np.sqrt(2.0 / len(self.bias)))
        return np.asarray(np.cos(vectors @ self.weight + self.bias) * scale, np.float32)


@dataclass(frozen=True)
class Head:
    """logits = (inputs @ weight + bias) / temperature, the inputs being the vectors or random features of them."""

    weight: NDArray[np.float32]  # (n_inputs, n_outputs)
    bias: NDArray[np.float32]  # (n_outputs,)
    temperature: float = 1.0
    features: RandomFeatures | None = None
    activation: Activation = "softmax"

    def logits(self, vectors: Vectors) -> NDArray[np.float64]:
        """Return (n_units, n_outputs), before the temperature."""
        inputs = vectors if self.features is None else self.features(vectors)
        return np.asarray((inputs @ self.weight + self.bias).astype(np.float64))

    def log_probabilities(self, vectors: Vectors) -> NDArray[np.float64]:
        """Return (n_units, n_outputs)."""
        scaled = self.logits(vectors) / self.temperature
        return np.asarray(log_softmax(scaled, axis=1) if self.activation == "softmax" else log_expit(scaled))


def log_likelihoods(head: Head, vectors: Vectors, targets: Targets) -> NDArray[np.float64]:
    """Return the log-likelihood of each unit's target, (n_units,), in nats."""
    return likelihoods_of(head.logits(vectors) / head.temperature, targets)


def likelihoods_of(logits: NDArray[np.float64], targets: Targets) -> NDArray[np.float64]:
    """Return the log-likelihood of each unit's target, (n_units,), in nats.

    Args:
        logits: (n_units, n_outputs).
        targets: (n_units,), indices of outputs that compete; or (n_units, n_outputs), 0 or 1, and then a unit's
            likelihood is that of all its outputs together.
    """
    if targets.ndim == 2:
        return np.asarray(log_expit(np.where(targets == 1, logits, -logits)).sum(axis=1))
    return np.asarray(log_softmax(logits, axis=1)[np.arange(len(targets)), targets])


def build_head(
    weight: NDArray[np.floating],
    bias: NDArray[np.floating],
    present: Targets,
    n_outputs: int,
    features: RandomFeatures | None = None,
) -> Head:
    """Return a head over all outputs from one over those that were present.

    Args:
        weight: (n_inputs, n_present).
        bias: (n_present,).
        present: the output that each column stands for.
    """
    whole = np.zeros((weight.shape[0], n_outputs), np.float32)
    level = np.full(n_outputs, ABSENT, np.float32)
    whole[:, present] = weight
    level[present] = bias
    return Head(whole, level, features=features)


def constant_head(present: Targets, n_hidden: int, n_outputs: int) -> Head:
    """Return the head for fewer than two outputs: the one that there is, always; with none, all alike."""
    return build_head(np.zeros((n_hidden, len(present))), np.zeros(len(present)), present, n_outputs)
