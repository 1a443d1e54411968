"""Maximum mean discrepancy: how far apart two windows of embeddings lie, whatever the kind of change."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.permutations import compute_p_value, shuffle_memberships

_MAX_MEDIAN_ROWS = 1000  # the median of half a million distances does not need more


@dataclass(frozen=True, slots=True)
class Mmd:
    """The discrepancy and how surprising it is."""

    p_value: float
    distance: float  # at most sqrt(2) for this kernel
    n_compared: int  # rows in strata that both windows have


def build_kernel(reference: NDArray[np.float32], current: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Gaussian kernel of all rows, as wide as their median distance.

    Args:
        reference: (n, d), finite.
        current: (m, d), finite.

    Returns:
        (n + m, n + m), the reference rows first.

    Source:
        Gretton et al. 2012, section 8, for the width.
    """
    rows = np.concatenate([reference, current]).astype(np.float64)
    squares = np.einsum("ij,ij->i", rows, rows)
    # In place, because for thousands of rows this matrix is all the memory that a window takes.
    distances = rows @ rows.T
    distances *= -2
    distances += squares[:, None]
    distances += squares[None, :]
    np.maximum(distances, 0.0, out=distances)
    step = max(1, len(rows) // _MAX_MEDIAN_ROWS)
    some = distances[::step, ::step]
    width = float(np.median(some[np.triu_indices(len(some), k=1)])) if len(some) > 1 else 0.0
    if width <= 0:  # most rows alike: any distance there is
        width = float(distances.mean()) or 1.0
    distances /= -width
    return np.exp(distances, out=distances)


def compute_mmd(
    kernel: NDArray[np.float64],
    n_reference: int,
    strata: NDArray[np.intp],
    *,
    n_permutations: int,
    seed: int,
) -> Mmd:
    """Test whether two sets of rows differ in distribution, given their strata.

    Each window is weighted to the same mix of strata (the overlap of the two), and the distance of the two weighted
    means is taken in the kernel's space. With one stratum this is the usual biased estimate.

    Args:
        kernel: (n, n), of `build_kernel`, the reference rows first.
        strata: (n,), a number for each row; all equal for an unconditional test.

    Source:
        Gretton et al. 2012, JMLR 13:723-773; given a context: Cobb and Van Looveren 2022, arXiv:2203.08644; overlap
        weights: Li, Morgan and Zaslavsky 2018, J. Am. Stat. Assoc. 113:390-400.
    """
    memberships = shuffle_memberships(n_reference, strata, n_permutations=n_permutations, seed=seed)
    for_current, for_reference = _overlap_weights(memberships[0], strata)
    weights = memberships * for_current - (1 - memberships) * for_reference
    squares = np.einsum("ij,ij->i", weights @ kernel, weights)
    return Mmd(
        p_value=compute_p_value(squares),
        distance=float(np.sqrt(max(0.0, squares[0]))),
        n_compared=int((for_current > 0).sum()),
    )


def _overlap_weights(
    membership: NDArray[np.float64], strata: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each row's weight as a current and as a reference row; 0 in strata that one window lacks."""
    n_current = np.bincount(strata, weights=membership)
    n_reference = np.bincount(strata, weights=1 - membership)
    overlap = n_current * n_reference / np.maximum(n_current + n_reference, 1)
    total = max(overlap.sum(), 1e-300)
    as_current = overlap / np.maximum(n_current, 1) / total
    as_reference = overlap / np.maximum(n_reference, 1) / total
    return as_current[strata], as_reference[strata]
