"""Prototypes: a text is as near to a label as it is to the mean of the label's texts, by cosine."""

import numpy as np
from numpy.typing import NDArray

from fsl.learning.heads.head import Head, Targets, Vectors, build_head

SCALE = 20.0  # logits for each unit of cosine; the temperature is fitted on top of it


def class_means(vectors: Vectors, targets: Targets) -> NDArray[np.float32]:
    """Return the mean direction of each target that occurs, in rising order, (n_present, hidden), of unit length."""
    _, compact = np.unique(targets, return_inverse=True)
    means = np.zeros((int(compact.max(initial=-1)) + 1, vectors.shape[1]))
    np.add.at(means, compact, vectors)
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True).clip(min=1e-12), np.float32)


def fit_prototypes(vectors: Vectors, targets: Targets, n_outputs: int) -> Head:
    """Return a head whose logits are SCALE times the cosine to each label's mean.

    Args:
        vectors: (n_units, hidden), of unit length.
        targets: (n_units,), below n_outputs.

    Source:
        Snell, Swersky and Zemel 2017, arXiv:1703.05175; with the cosine of Gidaris and Komodakis, arXiv:1804.09458.
    """
    present = np.unique(targets)
    return build_head(SCALE * class_means(vectors, targets).T, np.zeros(len(present)), present, n_outputs)
