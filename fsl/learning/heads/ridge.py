"""Ridge regression on random features: the head for labels that no plane parts."""

import numpy as np
from numpy.typing import NDArray

from fsl.learning.heads.head import Head, RandomFeatures, Targets, Vectors, build_head, constant_head

PENALTIES = (0.1, 1.0, 10.0)
N_FEATURES = 1024


def draw_features(n_hidden: int, *, seed: int, n_features: int = N_FEATURES, width: float = 1.0) -> RandomFeatures:
    """Draw features that stand for the kernel exp(-distance^2 / (2 width^2)).

    Args:
        width: in units of the vectors, whose distances lie between 0 and 2.
    """
    generator = np.random.default_rng(seed)
    weight = generator.normal(scale=1.0 / width, size=(n_hidden, n_features))
    bias = generator.uniform(0.0, 2.0 * np.pi, n_features)
    return RandomFeatures(weight.astype(np.float32), bias.astype(np.float32))


def fit_path(
    vectors: Vectors, targets: Targets, n_outputs: int, *, penalties: tuple[float, ...], seed: int
) -> tuple[Head, ...]:
    """Fit once for each penalty: one eigendecomposition serves them all. The scores want a temperature.

    Args:
        vectors: (n_units, hidden), of unit length.
        targets: (n_units,), below n_outputs.
        penalties: on the squared weights, against the sum of squared errors.

    Source:
        Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines; Hoerl and Kennard 1970.
    """
    present, compact = np.unique(targets, return_inverse=True)
    if len(present) < 2:
        return (constant_head(present, vectors.shape[1], n_outputs),) * len(penalties)
    features = draw_features(vectors.shape[1], seed=seed)
    inputs = features(vectors)
    centre = inputs.mean(0)
    inputs = inputs - centre
    shares = np.bincount(compact) / len(compact)
    sums = np.zeros((len(present), inputs.shape[1]), np.float32)
    np.add.at(sums, compact, inputs)  # one-hot targets times the inputs; the shares fall out, the inputs being centred
    axes, values = _decompose(inputs)
    turned = axes.T @ sums.T
    heads = []
    for penalty in penalties:
        weight = axes @ (turned / (values[:, None] + penalty))
        heads.append(build_head(weight, shares - centre @ weight, present, n_outputs, features))
    return tuple(heads)


def _decompose(inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the axes along which inputs vary, (n_features, n_axes), and the sums of squares there, the short way."""
    if len(inputs) >= inputs.shape[1]:
        values, axes = np.linalg.eigh(inputs.T @ inputs)
        return axes, np.clip(values, 0.0, None)
    values, sides = np.linalg.eigh(inputs @ inputs.T)
    seen = values > 1e-5 * values[-1]
    return (inputs.T @ sides[:, seen]) / np.sqrt(values[seen]), values[seen]
