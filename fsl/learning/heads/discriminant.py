"""Linear discriminant analysis with the within-class covariance shrunk toward a sphere."""

import numpy as np

from fsl.learning.heads.head import Head, Targets, Vectors, build_head, constant_head

SHRINKAGES = (0.1, 0.3, 0.6, 0.9)


def fit_path(vectors: Vectors, targets: Targets, n_outputs: int, *, shrinkages: tuple[float, ...]) -> tuple[Head, ...]:
    """Fit once for each shrinkage: one eigendecomposition serves them all.

    Args:
        vectors: (n_units, hidden).
        targets: (n_units,), below n_outputs.
        shrinkages: 0 keeps the covariance, 1 makes it a multiple of the identity.

    Source:
        Friedman 1989, Regularized Discriminant Analysis, J. Am. Stat. Assoc. 84; Fisher's rule where it is 0.
    """
    present, compact = np.unique(targets, return_inverse=True)
    if len(present) < 2:
        return (constant_head(present, vectors.shape[1], n_outputs),) * len(shrinkages)
    counts = np.bincount(compact).astype(np.float64)
    means = np.zeros((len(present), vectors.shape[1]))
    np.add.at(means, compact, vectors)
    means /= counts[:, None]
    rest = vectors - means[compact].astype(np.float32)
    # Where every label has one unit there is no spread within; the sphere alone is left.
    covariance = (rest.T @ rest).astype(np.float64) / max(len(vectors) - len(present), 1)
    spread = float(np.trace(covariance)) / len(covariance) or 1.0
    values, axes = np.linalg.eigh(covariance)
    turned, centre = means @ axes, means.mean(0) @ axes
    heads = []
    for shrinkage in shrinkages:
        scale = (1.0 - shrinkage) * np.clip(values, 0.0, None) + shrinkage * spread
        weight = (turned - centre) / scale
        bias = -0.5 * (weight * (turned + centre)).sum(1) + np.log(counts / counts.sum())
        heads.append(build_head((weight @ axes.T).T, bias, present, n_outputs))
    return tuple(heads)
