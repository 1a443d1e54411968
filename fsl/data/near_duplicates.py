"""Who is whose near-duplicate: texts whose signatures agree in enough places, found in time linear in their number.

Texts that agree in a whole band of their signatures are candidates (locality-sensitive hashing), and candidates are
compared place by place. At the default similarity of 0.85 96 of 100 pairs are found, and at 0.9 999 of 1,000. In a
crowd, where more than 64 texts share a band, each is compared with the 64 next to it in an order of their content, so
that no file takes more than linear time. Nothing here depends on the order of the texts.

Memory: about 250 bytes for each text of the file at hand; of earlier batches some are held at a time. Which split
follows is `checking.kin`'s.

Source:
    Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4 (banding).
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fsl.data.minhash import CHANCE, N_HASHES, Signatures

BAND_HASHES: Final = 8  # 12 bands of 8 bytes: a pair of similarity 0.85 shares one with probability 0.98
N_BANDS: Final = N_HASHES // BAND_HASHES
MAX_COMPARED: Final = 64
PAIRS_AT_ONCE: Final = 50_000

Indices = NDArray[np.int64]
Flags = NDArray[np.uint8]  # one bit for each kind of neighbour


def needed_agreement(similarity: float) -> int:
    """Return in how many places two signatures must agree.

    Two standard errors below the similarity asked for: to share a split too often is harmless, a leak is not.
    """
    lowest = similarity - 2 * math.sqrt(similarity * (1 - similarity) / N_HASHES)
    return math.ceil(N_HASHES * (CHANCE + lowest * (1 - CHANCE)))


def link(signatures: Signatures, needed: int) -> Indices:
    """Return for each text the number of its cluster: near-duplicates, and theirs, and so on, have the same."""
    clusters = _Clusters(len(signatures))
    for one, other in _candidates(signatures):
        apart = clusters.roots(one) != clusters.roots(other)
        one, other = one[apart], other[apart]
        alike = _agree(signatures, one, other, needed)
        clusters.join(one[alike], other[alike])
    return clusters.roots(np.arange(len(signatures)))


def mark_kin(
    signatures: Signatures, clusters: Indices, earlier: Signatures, flags: Flags, needed: int, marks: Flags
) -> None:
    """Add to the marks of each cluster the flags of all earlier texts that are near-duplicates of one of its texts.

    Args:
        signatures: of the file at hand.
        clusters: as `link` gave them.
        earlier: signatures of earlier texts.
        flags: what each earlier text marks its neighbours with.
        needed: as `needed_agreement` gave it.
        marks: for each cluster by its number; changed in place.
    """
    n = len(signatures)
    together = np.concatenate([signatures, earlier])
    for one, other in _candidates(together):
        mixed = (one < n) != (other < n)
        rows = np.minimum(one[mixed], other[mixed])
        others = np.maximum(one[mixed], other[mixed])
        open_ = (marks[clusters[rows]] & flags[others - n]) != flags[others - n]
        rows, others = rows[open_], others[open_]
        alike = _agree(together, rows, others, needed)
        np.bitwise_or.at(marks, clusters[rows[alike]], flags[others[alike] - n])


def _candidates(signatures: Signatures) -> Iterator[tuple[Indices, Indices]]:
    """Yield pairs of texts that share a band, in bundles; no bundle holds a text more than twice."""
    keys = [band_of(signatures, index) for index in range(N_BANDS)]
    # Sorted by content first, so that what lies next to what follows from the texts alone.
    content = np.lexsort(keys)
    for index, band in enumerate(keys):
        # In a crowd, those that share the next band as well lie side by side.
        order = content[np.argsort(keys[(index + 1) % N_BANDS][content], kind="stable")]
        order = order[np.argsort(band[order], kind="stable")]
        ends = np.searchsorted(band[order], band[order], side="right")
        left = np.arange(len(order))
        for shift in range(1, MAX_COMPARED + 1):
            left = left[left + shift < ends[left]]
            if not len(left):
                break
            yield order[left], order[left + shift]


def band_of(signatures: Signatures, index: int) -> NDArray[np.uint64]:
    """Return one band of each signature as a number."""
    columns = slice(index * BAND_HASHES, (index + 1) * BAND_HASHES)
    return np.ascontiguousarray(signatures[:, columns]).view(np.uint64).ravel()


class _Clusters:
    """Sets that only ever grow together (union-find), by arrays."""

    def __init__(self, n: int) -> None:
        self._parents: Indices = np.arange(n)

    def roots(self, members: Indices) -> Indices:
        found = self._parents[members]
        while True:
            above = self._parents[found]
            if np.array_equal(above, found):
                break
            found = above
        self._parents[members] = found
        return found

    def join(self, one: Indices, other: Indices) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if not len(one):
            return
        roots, places = np.unique(np.concatenate([self.roots(one), self.roots(other)]), return_inverse=True)
        edges = coo_array(
            (np.ones(len(one), dtype=np.int8), (places[: len(one)], places[len(one) :])), shape=(len(roots),) * 2
        )
        _, labels = connected_components(edges, directed=False)
        firsts = np.full(labels.max() + 1, len(self._parents))
        np.minimum.at(firsts, labels, roots)
        self._parents[roots] = firsts[labels]


def _agree(signatures: Signatures, one: Indices, other: Indices, needed: int) -> NDArray[np.bool_]:
    """Return which pairs agree in enough places; a bounded number of pairs is looked at together."""
    parts = [np.zeros(0, dtype=np.bool_)]
    for first in range(0, len(one), PAIRS_AT_ONCE):
        some = slice(first, first + PAIRS_AT_ONCE)
        parts.append((signatures[one[some]] == signatures[other[some]]).sum(axis=1) >= needed)
    return np.concatenate(parts)
