"""Heads for labels that do not compete: each label against the rest, by the same fits as for labels that do.

A two-way softmax is a sigmoid of the difference of its logits, so every family serves: one fit for each label.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fsl.learning.heads.head import Head, Targets, Vectors

FitPath = Callable[[Vectors, Targets, int], tuple[Head, ...]]


def each_label(fit: FitPath) -> FitPath:
    """Return a fit of targets (n_units, n_outputs), 0 or 1, that makes one head of a two-way fit for each output.

    An output that no unit shows, or that every unit shows, is never, or always, given.

    Args:
        fit: one head for each setting; the heads of a setting may share random features, if those are always the same.
    """

    def fit_all(vectors: Vectors, targets: Targets, n_outputs: int) -> tuple[Head, ...]:
        by_output = [fit(vectors, targets[:, output], 2) for output in range(n_outputs)]
        return tuple(_join(heads) for heads in zip(*by_output, strict=True))

    return fit_all


def strata_of(targets: Targets) -> Targets:
    """Return the stratum of each unit, (n_units,), as folds are dealt by: its rarest output; of no output, one more.

    Args:
        targets: (n_units, n_outputs), 0 or 1; one-dimensional targets are their own strata.

    Source:
        Sechidis, Tsoumakas and Vlahavas 2011, On the Stratification of Multi-label Data: the rarest label first.
    """
    if targets.ndim == 1:
        return targets
    counts = targets.sum(axis=0)
    rarity = np.where(targets == 1, counts, np.iinfo(np.int64).max)
    return np.asarray(np.where(targets.any(axis=1), rarity.argmin(axis=1), targets.shape[1]), np.int64)


def _join(heads: tuple[Head, ...]) -> Head:
    weight = np.stack([head.weight[:, 1] - head.weight[:, 0] for head in heads], axis=1)
    bias = np.array([head.bias[1] - head.bias[0] for head in heads], np.float32)
    return replace(heads[0], weight=weight, bias=bias, activation="sigmoid")
