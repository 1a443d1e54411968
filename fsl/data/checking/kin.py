"""Which split each row of a file takes beside its near-duplicates: those in the file, and those accepted before.

Near-duplicates in the file form clusters, and a cluster has one split: that of its earlier near-duplicates; or, where
it has none, the split of the member with the smallest group. A cluster whose earlier near-duplicates disagree is
barred whole, since any of its rows would carry what one split knows into the other. Nothing depends on the order.

A row may ask for a split: audit rows and declared test rows judge or are barred, never trained on. A cluster without
earlier near-duplicates takes the split that one of its rows asks for. Where the project declares its judge rows, no
other row joins them: it is barred from training instead.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.data.minhash import N_HASHES, Signatures, build_signatures
from fsl.data.near_duplicates import Flags, link, mark_kin
from fsl.data.normalise import GROUP_BYTES
from fsl.data.signed_rows import SignedRows, join_signed
from fsl.data.splits import FLAGS, SplitRule
from fsl.samples import Split

JUDGE = FLAGS[Split.JUDGE]
# Beside the flags of splits, in what `place` returns.
MEANT_TO_JUDGE = 8  # it may only judge, and is close to rows of the other flags
KEPT_OUT = 16  # it may not judge, and is close to rows that do
N_PLACES = 32
ANY = sum(FLAGS.values())
MIN_AT_ONCE = 50_000  # earlier texts; each comparison sorts the whole file at hand, so they come in heaps


@dataclass(frozen=True)
class Signed:
    """The texts of a file, as far as near-duplicates go."""

    signatures: Signatures
    groups: NDArray[np.uint8]  # (n, GROUP_BYTES)
    wishes: Flags  # of the split that each asks for; 0: of any


class Signing:
    """Gathers the signatures of a file while it is read."""

    def __init__(self) -> None:
        self._signatures = [np.empty((0, N_HASHES), dtype=np.uint8)]
        self._groups: list[bytes] = []
        self._wishes = bytearray()

    def add(self, forms: Sequence[str], groups: Sequence[str], wishes: Iterable[Split | None]) -> None:
        """Sign the texts of one block, by their normal forms."""
        self._wishes.extend(0 if wish is None else FLAGS[wish] for wish in wishes)
        self._signatures.append(build_signatures(forms))
        self._groups.append(bytes.fromhex("".join(groups)))

    def finish(self) -> Signed:
        groups = np.frombuffer(b"".join(self._groups), dtype=np.uint8).reshape(-1, GROUP_BYTES)
        return Signed(np.concatenate(self._signatures), groups, np.frombuffer(bytes(self._wishes), dtype=np.uint8))


class Kin:
    """The clusters of a file, and the splits of what was accepted before that lies close to them."""

    def __init__(self, signed: Signed, rule: SplitRule, needed: int, *, only_declared_judge: bool = False) -> None:
        self.rule, self._signed, self._needed = rule, signed, needed
        self._only_declared_judge = only_declared_judge
        self._clusters = link(signed.signatures, needed)
        self._marks = np.zeros(len(self._clusters), dtype=np.uint8)

    @property
    def signatures(self) -> Signatures:
        return self._signed.signatures

    def meet(self, earlier: Iterable[SignedRows]) -> None:
        """Look for near-duplicates among texts that were accepted before."""
        if not len(self._clusters):
            return
        for heap in _heaps(earlier, max(MIN_AT_ONCE, len(self._clusters) // 2)):
            mark_kin(self._signed.signatures, self._clusters, heap.signatures, heap.flags, self._needed, self._marks)

    def place(self) -> bytes:
        """Return for each text the flag of its split, or the flags that say why it has none."""
        flags = self._marks.copy()
        wished = np.zeros_like(flags)
        np.bitwise_or.at(wished, self._clusters, self._signed.wishes)
        for cluster, group in self._alone():
            flags[cluster] = _first(int(wished[cluster])) or FLAGS[self.rule.split_of(group)]
        placed = flags[self._clusters]
        judges = self._signed.wishes == JUDGE
        others = placed & ~np.uint8(JUDGE)
        if self._only_declared_judge:
            placed = np.where(placed == JUDGE, JUDGE | KEPT_OUT, placed)
        return np.where(judges, np.where(others, others | MEANT_TO_JUDGE, JUDGE), placed).astype(np.uint8).tobytes()

    def _alone(self) -> Iterator[tuple[int, str]]:
        """Yield each cluster that is close to nothing earlier, with the smallest group in it."""
        words = np.ascontiguousarray(self._signed.groups).view(">u8")
        order = np.lexsort((words[:, 1], words[:, 0], self._clusters))
        found, firsts = np.unique(self._clusters[order], return_index=True)
        for cluster, first in zip(found.tolist(), firsts.tolist(), strict=True):
            if not self._marks[cluster]:
                yield cluster, self._signed.groups[order[first]].tobytes().hex()


def _first(wished: int) -> int:
    """Return the flag of the split that a cluster takes, of those that its rows ask for; 0 where none does."""
    return next((FLAGS[split] for split in (Split.JUDGE, Split.TRAIN, Split.TUNE) if wished & FLAGS[split]), 0)


def _heaps(earlier: Iterable[SignedRows], size: int) -> Iterator[SignedRows]:
    heap: list[SignedRows] = []
    for some in earlier:
        heap.append(some.of(ANY))  # a barred row passes nothing on, so nobody looks for its neighbours
        if sum(len(one.flags) for one in heap) >= size:
            yield join_signed(heap)
            heap = []
    if heap:
        yield join_signed(heap)
