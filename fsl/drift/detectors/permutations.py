"""Permutation tests: how often a shuffle of the two windows looks at least as different as they do.

Rows change places only within their stratum. With the predicted labels as strata, a mere change of their mix is
part of every shuffle and so is no evidence; what remains is whether the texts behind each label changed.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

_EQUAL = 1e-9  # differences below this are rounding


def number_strata(*windows: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return a number for each row of the windows joined; equal values share one."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for window in windows for value in window], dtype=np.intp)


def shuffle_memberships(
    n_reference: int, strata: NDArray[np.intp], *, n_permutations: int, seed: int
) -> NDArray[np.float64]:
    """Return 1 for rows of the current window, shape (1 + n_permutations, n_rows); the first row is what was seen."""
    generator = np.random.default_rng(seed)
    seen = np.zeros(len(strata))
    seen[n_reference:] = 1.0
    memberships = np.tile(seen, (1 + n_permutations, 1))
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        memberships[1:, rows] = generator.permuted(memberships[1:, rows], axis=1)
    return memberships


def compute_p_value(statistics: NDArray[np.float64]) -> float:
    """Return the share of shuffles at least as large as what was seen, which stands first and counts as one.

    Source:
        Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39.
    """
    slack = _EQUAL * max(1.0, float(np.abs(statistics).max()))
    return float(np.mean(statistics >= statistics[0] - slack))
