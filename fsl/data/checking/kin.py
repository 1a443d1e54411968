"""Which split each row of a file takes beside its near-duplicates: those in the file, and those accepted before.

Near-duplicates in the file form clusters, and a cluster has one split: that of its earlier near-duplicates; or, where
it has none, the split of the member with the smallest group. A cluster whose earlier near-duplicates disagree is
barred whole, since any of its rows would carry what one split knows into the other. Nothing depends on the order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.data.minhash import N_HASHES, Signatures, build_signatures
from fsl.data.near_duplicates import link, mark_kin
from fsl.data.normalise import GROUP_BYTES
from fsl.data.signed_rows import SignedRows, join_signed
from fsl.data.splits import FLAGS, SplitRule

ANY = sum(FLAGS.values())
MIN_AT_ONCE = 50_000  # earlier texts; each comparison sorts the whole file at hand, so they come in heaps


@dataclass(frozen=True)
class Signed:
    """The texts of a file, as far as near-duplicates go."""

    signatures: Signatures
    groups: NDArray[np.uint8]  # (n, GROUP_BYTES)


class Signing:
    """Gathers the signatures of a file while it is read."""

    def __init__(self) -> None:
        self._signatures = [np.empty((0, N_HASHES), dtype=np.uint8)]
        self._groups: list[bytes] = []

    def add(self, forms: Sequence[str], groups: Sequence[str]) -> None:
        """Sign the texts of one block, by their normal forms."""
        self._signatures.append(build_signatures(forms))
        self._groups.append(bytes.fromhex("".join(groups)))

    def finish(self) -> Signed:
        groups = np.frombuffer(b"".join(self._groups), dtype=np.uint8).reshape(-1, GROUP_BYTES)
        return Signed(np.concatenate(self._signatures), groups)


class Kin:
    """The clusters of a file, and the splits of what was accepted before that lies close to them."""

    def __init__(self, signed: Signed, rule: SplitRule, needed: int) -> None:
        self.rule, self._signed, self._needed = rule, signed, needed
        self._clusters = link(signed.signatures, needed)
        self._marks = np.zeros(len(self._clusters), dtype=np.uint8)

    def meet(self, earlier: Iterable[SignedRows]) -> None:
        """Look for near-duplicates among texts that were accepted before."""
        if not len(self._clusters):
            return
        for heap in _heaps(earlier, max(MIN_AT_ONCE, len(self._clusters) // 2)):
            mark_kin(self._signed.signatures, self._clusters, heap.signatures, heap.flags, self._needed, self._marks)

    def place(self) -> bytes:
        """Return for each text the flag of its split, or the flags of those that it lies between."""
        flags = self._marks.copy()
        for cluster, group in self._alone():
            flags[cluster] = FLAGS[self.rule.split_of(group)]
        return bytes(flags[self._clusters])

    def _alone(self) -> Iterator[tuple[int, str]]:
        """Yield each cluster that is close to nothing earlier, with the smallest group in it."""
        words = np.ascontiguousarray(self._signed.groups).view(">u8")
        order = np.lexsort((words[:, 1], words[:, 0], self._clusters))
        found, firsts = np.unique(self._clusters[order], return_index=True)
        for cluster, first in zip(found.tolist(), firsts.tolist(), strict=True):
            if not self._marks[cluster]:
                yield cluster, self._signed.groups[order[first]].tobytes().hex()


def _heaps(earlier: Iterable[SignedRows], size: int) -> Iterator[SignedRows]:
    heap: list[SignedRows] = []
    for some in earlier:
        heap.append(some.of(ANY))  # a barred row passes nothing on, so nobody looks for its neighbours
        if sum(len(one.flags) for one in heap) >= size:
            yield join_signed(heap)
            heap = []
    if heap:
        yield join_signed(heap)
