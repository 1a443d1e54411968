"""Labels spread along a graph of neighbours, from the labelled rows and from what a head thinks of the others."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fsl.learning.propagation.neighbours import Neighbours

_POWER = 8  # cosines of sentence vectors crowd together; this parts near from far (chosen on train parts)
_N_STEPS = 30


def build_graph(neighbours: Neighbours) -> "sparse.csr_matrix[np.float32]":
    """Return the symmetric graph with every degree normalised: D^-1/2 W D^-1/2, (n, n)."""
    n_rows, k = neighbours.rows.shape
    real = neighbours.rows.ravel() >= 0
    ends = neighbours.rows.ravel()[real]
    weights = (neighbours.similarities.clip(0.0, 1.0) ** _POWER).ravel()[real]
    starts = np.repeat(np.arange(n_rows), k)[real]
    one_way = sparse.csr_matrix((weights, (starts, ends)), shape=(n_rows, n_rows), dtype=np.float32)
    both = one_way.maximum(one_way.T)
    degrees = np.asarray(both.sum(axis=1)).ravel()
    scale = sparse.diags(np.where(degrees > 0, degrees, 1.0).astype(np.float32) ** -0.5)
    return sparse.csr_matrix(scale @ both @ scale, dtype=np.float32)


def spread_labels(
    neighbours: Neighbours,
    labels: NDArray[np.float32],
    *,
    beliefs: NDArray[np.float32] | None = None,
    belief_weight: float = 0.1,
    reach: float = 0.9,
    prior: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the probabilities of every row, (n, n_outputs); rows that nothing reached are zeros.

    Args:
        neighbours: of all rows, labelled and not.
        labels: (n, n_outputs), one-hot; rows of zeros are not labelled. Labelled rows keep their labels.
        beliefs: (n, n_outputs), what a head thinks of the others; None: nothing.
        belief_weight: how much a belief counts against a label, 0 to 1.
        reach: share that comes from the neighbours at each step, 0 to 1.
        prior: (n_outputs,), how common each label is among the rows that are not labelled; None: not known. Where it is
            known, each label's whole mass is brought there, so that a label with many neighbours swallows no other.

    Source:
        Zhou et al. 2004, Learning with Local and Global Consistency; class mass: Zhu et al. 2003, section 4.
    """
    labelled = labels.sum(1) > 0
    start = labels.astype(np.float32)
    if beliefs is not None:
        start = np.where(labelled[:, None], start, belief_weight * beliefs).astype(np.float32)
    graph = build_graph(neighbours)
    mass = start
    for _ in range(_N_STEPS):
        mass = reach * (graph @ mass) + (1.0 - reach) * start
    if prior is not None and not labelled.all():
        mass = mass * (prior / mass[~labelled].sum(0).clip(min=1e-9))
    found = mass / mass.sum(1, keepdims=True).clip(min=1e-12)
    found[mass.sum(1) <= 0] = 0.0
    found[labelled] = labels[labelled]
    return np.asarray(found, np.float32)
