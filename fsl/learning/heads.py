"""The probe: a classical head on frozen vectors, fitted in seconds. It is the floor that training must beat.

A head is a matrix and a bias whatever fitted it, so that every head becomes the same small ONNX graph.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


@dataclass(frozen=True)
class Head:
    """logits = (vectors @ weight + bias) / temperature."""

    weight: NDArray[np.float32]  # (hidden, n_outputs)
    bias: NDArray[np.float32]  # (n_outputs,)
    temperature: float = 1.0

    def log_probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (n_units, n_outputs)."""
        logits = (vectors @ self.weight + self.bias).astype(np.float64) / self.temperature
        return np.asarray(log_softmax(logits, axis=1))


def fit_probe(vectors: NDArray[np.float32], targets: NDArray[np.int64], n_outputs: int, *, seed: int) -> Head:
    """Fit logistic regression, its strength chosen by stratified cross-validation on the likelihood.

    Args:
        vectors: (n_units, hidden), of unit length.
        targets: (n_units,), below n_outputs.
        n_outputs: outputs that no unit shows get a bias so low that they are never given.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    present, compact = np.unique(targets, return_inverse=True)
    if len(present) < 2:  # nothing to tell apart: the one output that there is, always
        hidden = vectors.shape[1]
        return spread_head(np.zeros((len(present), hidden)), np.zeros(len(present)), present, n_outputs)
    n_folds = int(min(3, np.bincount(compact).min()))
    # Vectors of unit length need weak regularisation: the useful range was seen on public intent sets.
    choices = (3.0, 10.0, 30.0, 100.0) if n_folds >= 2 and len(vectors) <= 20_000 else (30.0,)
    best, best_score = choices[0], -np.inf
    if len(choices) > 1:
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        for choice in choices:
            model = LogisticRegression(C=choice, solver="newton-cg", max_iter=300)
            score = float(cross_val_score(model, vectors, compact, cv=folds, scoring="neg_log_loss").mean())
            if score > best_score:
                best, best_score = choice, score
    model = LogisticRegression(C=best, solver="newton-cg", max_iter=1000).fit(vectors, compact)
    return spread_head(model.coef_, model.intercept_, present, n_outputs)


def fit_temperature(head: Head, vectors: NDArray[np.float32], targets: NDArray[np.int64]) -> Head:
    """Return the head with the temperature that makes held-out targets likeliest.

    Source:
        Guo et al. 2017, arXiv:1706.04599.
    """
    if len(vectors) == 0:
        return head
    logits = (vectors @ head.weight + head.bias).astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(targets)), targets].mean())

    found = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded")
    return Head(head.weight, head.bias, float(np.exp(found.x)))


def log_likelihoods(head: Head, vectors: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log-likelihood of each unit's target, (n_units,), in nats."""
    return head.log_probabilities(vectors)[np.arange(len(targets)), targets]


def spread_head(
    coef: NDArray[np.float64], intercept: NDArray[np.float64], present: NDArray[np.int64], n_outputs: int
) -> Head:
    """Return the head of a fit that saw some of the outputs; the others get a bias so low that they are never given."""
    if len(present) == 2:  # scikit-learn gives one row for two classes
        coef = np.concatenate([-coef / 2, coef / 2])
        intercept = np.concatenate([-intercept / 2, intercept / 2])
    weight = np.zeros((coef.shape[1], n_outputs), dtype=np.float32)
    bias = np.full(n_outputs, -30.0, dtype=np.float32)
    weight[:, present] = coef.T
    bias[present] = intercept
    return Head(weight, bias)
