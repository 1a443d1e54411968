"""Logistic regression, several strengths at a time: each starts from the one before, so a path costs little more."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fsl.learning.heads.folds import Fold, draw_folds
from fsl.learning.heads.head import Head, Targets, Vectors, build_head, constant_head, log_likelihoods
from fsl.learning.heads.independent import FitPath, each_label, strata_of
from fsl.learning.heads.side_by_side import blas_threads, fit_side_by_side

# Vectors of unit length need weak regularisation: the useful range was seen on public intent sets.
STRENGTHS = (3.0, 10.0, 30.0, 100.0)
_FEW, _MANY = 20, 20_000  # with fewer units folds tell nothing of the strength; with more it hardly matters


def fit_path(vectors: Vectors, targets: Targets, n_outputs: int, *, strengths: tuple[float, ...]) -> tuple[Head, ...]:
    """Fit multinomial logistic regression with a squared penalty, once for each strength, in order.

    Args:
        vectors: (n_units, hidden), of unit length.
        targets: (n_units,), below n_outputs; outputs that no unit shows are never given.
        strengths: inverse weights of the penalty, rising, as scikit-learn's C.
    """
    present, compact = np.unique(targets, return_inverse=True)
    if len(present) < 2:
        return (constant_head(present, vectors.shape[1], n_outputs),) * len(strengths)
    loss = _Loss(np.ascontiguousarray(vectors, np.float32), compact, len(present))
    found, heads = np.zeros(loss.n_weights), []
    # Hundreds of units take milliseconds a step. With thousands, the last digits of the weights move no answer.
    most = 300 if len(vectors) <= 3000 else 40
    # Between the products L-BFGS does hundreds of small steps, at each of which a second thread is waited for: a fit of
    # 7,000 rows of 77 labels took 2.7 seconds of processor time on one thread, and 7.5 on two.
    with blas_threads().limit(limits=1):
        for strength in strengths:
            # Two outputs share the one row of weights that scikit-learn has, so each half is half as much to penalise.
            halved = strength / 2 if len(present) == 2 else strength
            value: Any = partial(loss, strength=halved)
            options: Any = {"maxiter": most, "ftol": 1e-9, "gtol": 1e-6}
            found = minimize(value, found, jac=True, method="L-BFGS-B", options=options).x
            weight, bias = loss.unpack(found)
            heads.append(build_head(weight, bias, present, n_outputs))
    return tuple(heads)


def fit_probe(vectors: Vectors, targets: Targets, n_outputs: int, *, seed: int) -> Head:
    """Fit logistic regression, its strength chosen by stratified cross-validation on the likelihood."""
    folds = draw_folds(strata_of(targets), n_folds=3, n_repeats=1, seed=seed) if _FEW <= len(vectors) <= _MANY else []
    if not folds:
        return fit_strengths(vectors, targets, n_outputs, strengths=(30.0,))[0]

    def score(fold: Fold) -> list[float]:
        heads = fit_strengths(vectors[fold.fit], targets[fold.fit], n_outputs, strengths=STRENGTHS)
        held_out = vectors[fold.held_out], targets[fold.held_out]
        return [float(log_likelihoods(head, *held_out).sum()) for head in heads]

    totals = np.sum(fit_side_by_side(score, folds), axis=0)
    best = STRENGTHS[: int(totals.argmax()) + 1]
    return fit_strengths(vectors, targets, n_outputs, strengths=best)[-1]


def fit_strengths(
    vectors: Vectors, targets: Targets, n_outputs: int, *, strengths: tuple[float, ...]
) -> tuple[Head, ...]:
    """Fit a path whatever the targets are: one regression over outputs that compete, or one for each that does not."""
    fit: FitPath = partial(fit_path, strengths=strengths)
    return (each_label(fit) if targets.ndim == 2 else fit)(vectors, targets, n_outputs)


class _Loss:
    """The mean loss and its gradient, for scipy; in single precision, which is twice as quick."""

    def __init__(self, vectors: Vectors, targets: Targets, n_outputs: int) -> None:
        self.vectors, self.targets, self.n_outputs = vectors, targets, n_outputs
        self.rows = np.arange(len(vectors))
        self.n_weights = (vectors.shape[1] + 1) * n_outputs

    def unpack(self, flat: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        whole = flat.reshape(-1, self.n_outputs).astype(np.float32)
        return whole[:-1], whole[-1]

    def __call__(self, flat: NDArray[np.float64], *, strength: float) -> tuple[float, NDArray[np.float64]]:
        weight, bias = self.unpack(flat)
        logits = self.vectors @ weight
        logits += bias
        logits -= logits.max(axis=1, keepdims=True)
        right = logits[self.rows, self.targets]
        np.exp(logits, out=logits)
        totals = logits.sum(axis=1, keepdims=True)
        loss = float((np.log(totals[:, 0]) - right).mean(dtype=np.float64))
        logits /= totals
        logits[self.rows, self.targets] -= 1.0
        logits /= len(self.rows)
        penalty = 1.0 / (strength * len(self.rows))
        loss += 0.5 * penalty * float((weight.astype(np.float64) ** 2).sum())
        gradient = np.concatenate([self.vectors.T @ logits + np.float32(penalty) * weight, logits.sum(0)[None]])
        return loss, gradient.astype(np.float64).ravel()
