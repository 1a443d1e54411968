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
    shuffled = np.tile((order >= n_reference).astype(np.float32), (n_shuffles, 1))
    start = 0
    for n_rows in np.bincount(strata):
        part = shuffled[:, start : start + n_rows]
        generator.permuted(part, axis=1, out=part)
        start += n_rows
    found = np.empty_like(shuffled)
    found[:, order] = shuffled
    return found


def observed_membership(n_reference: int, n_rows: int) -> NDArray[np.float32]:
    """Return what was seen, (1, n_rows)."""
    seen = np.zeros((1, n_rows), dtype=np.float32)
    seen[:, n_reference:] = 1.0
    return seen
