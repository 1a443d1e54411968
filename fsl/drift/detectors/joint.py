"""Many tests of the same rows judged together, so that the chance of any false alarm is one stated number.

Each statistic is put on one scale of surprise, by moments that a first lot of shuffles gives. Then the same second
lot shuffles all of them at once, and a statistic's joint p-value is the share of shuffles in which the *largest*
surprise of all statistics reaches its own. The scale need not be right for that to be exact: it treats every shuffle
alike. It only makes the tests comparable, so that a thousand shuffles serve twelve tests instead of one.

How the tests of a whole window become one alarm is `gate`'s; when shuffling may end is `counting`'s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.counting import ShuffleCount, split_lots
from fsl.drift.detectors.scale import N_PILOT, Scale
from fsl.drift.detectors.shuffles import observed_membership, shuffle_memberships

_MAX_BLOCK_NUMBERS = 4_000_000  # of one block's memberships: 16 MB
EQUAL = 1e-4  # surprises nearer than this are rounding

Reduce = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Form:
    """One statistic: columns of rows, and what becomes of their sums over the current rows."""

    name: str
    columns: NDArray[np.float32]  # (n_rows, n_columns)
    reduce: Reduce  # sums (n_shuffles, n_columns) to the statistic (n_shuffles,); large is odd


@dataclass(frozen=True)
class Judged:
    """What the shuffles say of one statistic."""

    name: str
    statistic: float
    surprise: float  # in standard deviations of a normal that is as rare
    p_value: float  # by itself
    joint_p_value: float  # among all that were judged together


def judge_together(
    forms: Sequence[Form],
    n_reference: int,
    strata: NDArray[np.intp],
    *,
    level: float,
    n_shuffles: int,
    generator: np.random.Generator,
) -> tuple[Judged, ...]:
    """Return every statistic with its p-values; the chance that any joint one reaches `level` by luck is `level`.

    Args:
        forms: of the rows of both windows, the reference first.
        strata: (n_rows,); rows change places only within one.
        level: what an alarm needs; shuffling ends early where it is out of reach, or plainly there.

    Source:
        Westfall and Young 1993, Resampling-Based Multiple Testing, section 2.3 (single-step maxT).
    """
    columns = Columns(forms)
    largest = columns.largest_block(len(strata))

    def draw(size: int) -> NDArray[np.float64]:
        return columns.reduce(shuffle_memberships(n_reference, strata, size, generator) @ columns.values)

    scale = Scale.of(np.concatenate([draw(size) for size in split_lots(N_PILOT, largest)]))
    statistics = columns.reduce(observed_membership(n_reference, len(strata)) @ columns.values)
    seen = scale.surprise(statistics)[0]
    n = len(forms)
    count = ShuffleCount(np.tile(seen - EQUAL, 2), n, level=level, n_shuffles=n_shuffles)
    for size in count.lots(largest):
        surprises = scale.surprise(draw(size))
        of_all = np.broadcast_to(surprises.max(axis=1, keepdims=True), surprises.shape)
        count.add(np.concatenate([of_all, surprises], axis=1))
    p_values = count.p_values()
    return tuple(
        Judged(form.name, float(statistics[0, place]), float(seen[place]), float(p_values[n + place]), float(joint))
        for place, (form, joint) in enumerate(zip(forms, p_values[:n], strict=True))
    )


class Columns:
    """All forms side by side, so that one product sums them all."""

    def __init__(self, forms: Sequence[Form]) -> None:
        self.forms = forms
        self.values = np.concatenate([form.columns for form in forms], axis=1, dtype=np.float32)
        self._ends = np.cumsum([form.columns.shape[1] for form in forms])[:-1]

    def largest_block(self, n_rows: int) -> int:
        """Return how many shuffles may be summed at once."""
        return max(50, _MAX_BLOCK_NUMBERS // max(n_rows, int(self.values.shape[1])))

    def reduce(self, sums: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the statistics of sums over the current rows, (n_shuffles, n_forms)."""
        parts = np.split(sums, self._ends, axis=1)
        return np.stack([form.reduce(part) for form, part in zip(self.forms, parts, strict=True)], axis=1)
