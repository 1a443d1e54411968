"""Signatures of many earlier texts, so that those that can be near-duplicates of a few are found without all others.

Texts that share no band of their signatures are never compared (`near_duplicates`), so the texts found here stand for
all: what is compared among them, and in which order, is the same.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fsl.data.minhash import Signatures
from fsl.data.near_duplicates import N_BANDS, band_of
from fsl.data.signed_rows import SignedRows, join_signed

MIN_TAIL = 2_048  # texts that are not sorted in yet; each is compared with every file


class KinIndex:
    """Grows, and is sorted by bands from time to time."""

    def __init__(self) -> None:
        self._sorted, self._tail = join_signed([]), [join_signed([])]
        self._keys: list[NDArray[np.uint64]] = [np.empty(0, dtype=np.uint64)] * N_BANDS
        self._orders: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)] * N_BANDS
        self._n_tail = 0

    def add(self, parts: Iterable[SignedRows]) -> None:
        for part in parts:
            self._tail.append(part)
            self._n_tail += len(part.flags)
        if self._n_tail > max(MIN_TAIL, len(self._sorted.flags) // 8):
            self._sort()

    def near(self, signatures: Signatures) -> SignedRows:
        """Return every text that shares a band with one of these, and some that do not."""
        hits = [np.empty(0, dtype=np.int64)]
        for index in range(N_BANDS):
            asked = np.unique(band_of(signatures, index))
            starts = np.searchsorted(self._keys[index], asked, side="left")
            counts = np.searchsorted(self._keys[index], asked, side="right") - starts
            # All places from each start on, so many as there are.
            places = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
            hits.append(self._orders[index][places])
        found = np.unique(np.concatenate(hits))
        chosen = SignedRows(self._sorted.signatures[found], self._sorted.flags[found])
        return join_signed([chosen, *self._tail])

    def _sort(self) -> None:
        self._sorted = join_signed([self._sorted, *self._tail])
        self._tail, self._n_tail = [join_signed([])], 0
        for index in range(N_BANDS):
            keys = band_of(self._sorted.signatures, index)
            self._orders[index] = np.argsort(keys, kind="stable")
            self._keys[index] = keys[self._orders[index]]
