"""Shuffles of two windows: which rows could as well have been the current ones, had nothing changed.

Rows change places only within their stratum. With the predicted labels as strata, a mere change of their mix is
part of every shuffle and so is no evidence; what remains is whether the texts behind each label changed.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray


def number_strata(values: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return a number for each row; equal values share one."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.intp)


def shuffle_memberships(
    n_reference: int, strata: NDArray[np.intp], n_shuffles: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return 1 for rows of the shuffled current window, (n_shuffles, n_rows); rows keep to their stratum.

    Args:
        n_reference: rows before this one are the reference's.
    """
    order = np.argsort(strata, kind="stable")
    is_current = (order >= n_reference).astype(np.float64)
    ends = np.cumsum(np.bincount(strata[order]))
    found = np.zeros((n_shuffles, len(strata)), dtype=np.float32)
    if len(ends) == 1:  # the common case, and twice as quick
        found[:] = generator.permuted(np.tile(is_current.astype(np.float32), (n_shuffles, 1)), axis=1)
        return found
    # Sorting random keys within strata shuffles all strata at once.
    keys = generator.random((n_shuffles, len(strata))) + strata[order]
    shuffled = np.argsort(keys, axis=1)
    found[:, order] = is_current[shuffled]
    return found


def observed_membership(n_reference: int, n_rows: int) -> NDArray[np.float32]:
    """Return what was seen, (1, n_rows)."""
    seen = np.zeros((1, n_rows), dtype=np.float32)
    seen[:, n_reference:] = 1.0
    return seen
