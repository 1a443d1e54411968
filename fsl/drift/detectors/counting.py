"""Counting shuffles lot by lot, and stopping as soon as they have answered: an alarm, or none any more.

A clear change needs half of the shuffles, a window like the reference a few hundred. What that early look at half of
them costs is part of every p-value, so the stated level holds as it is.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_ENOUGH = 10  # shuffles beyond what was seen after which a p-value is known well enough
_LOTS = (60, 200, 600)  # and then lots of the last size


class ShuffleCount:
    """How many shuffles reach what was seen.

    Source:
        Besag and Clifford 1991, Biometrika 78:301-304 (stopping where no alarm is left); Gandy 2009, JASA
        104:1504-1511 (stopping at a clear one); Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39 (p-values
        that count what was seen).
    """

    def __init__(self, seen: NDArray[np.float64], n_leading: int, *, level: float, n_shuffles: int) -> None:
        """Begin to count.

        Args:
            seen: (n,), of which the first `n_leading` decide whether there is an alarm at all.
        """
        self.seen, self.n_leading, self.n_shuffles = seen, n_leading, n_shuffles
        self.above = np.zeros(len(seen))
        self.n_done = 0
        self._half = (n_shuffles + 1) // 2
        self._looks_early = 1 / (1 + self._half) <= level
        self._hopeless = max(_ENOUGH, int(level * (n_shuffles + 1)))

    @property
    def is_hopeless(self) -> bool:
        """Whether so many shuffles lie beyond what was seen that no alarm can come of it."""
        return bool(self.above[: self.n_leading].min() >= self._hopeless)

    def lots(self, largest: int) -> Iterator[int]:
        """Yield how many shuffles to add next, until the answer is settled."""
        for n in (self._half, self.n_shuffles - self._half):
            for size in split_lots(n, largest):
                yield size
                if self.is_hopeless:
                    return
            if self._looks_early and self.above[: self.n_leading].min() == 0:
                return

    def add(self, rivals: NDArray[np.float64]) -> None:
        """Count a lot of shuffles, (n_shuffles, n)."""
        self.above += (rivals >= self.seen).sum(axis=0)
        self.n_done += len(rivals)

    def p_values(self) -> NDArray[np.float64]:
        """Return a p-value for each.

        With k shuffles beyond what was seen, all of them fall into the second half with a chance below 2 ** -k: so
        often the first look alone would have called an alarm where all shuffles together do not.
        """
        looked = self._looks_early and self.n_done > self._half
        return np.asarray((1 + self.above + (np.exp2(-self.above) if looked else 0)) / (1 + self.n_done))


def split_lots(n: int, largest: int) -> Iterator[int]:
    """Yield sizes that add up to n, small ones first."""
    for wanted in _LOTS:
        size = min(wanted, largest, n)
        if size:
            yield size
        n -= size
    while n > 0:
        size = min(_LOTS[-1], largest, n)
        yield size
        n -= size
