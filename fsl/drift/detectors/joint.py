"""Many tests of one window judged together, so that the chance of any false alarm is one stated number.

Each statistic is put on one scale of surprise, by moments that a first lot of shuffles gives. Then the same second
lot shuffles all of them at once, and a statistic's joint p-value is the share of shuffles in which the *largest*
surprise of all statistics reaches its own. The scale need not be right for that to be exact: it treats every shuffle
alike. It only makes the tests comparable, so that a thousand shuffles serve twelve tests instead of one.

Shuffling stops once no alarm is possible any more; the decision is the one that all shuffles would have given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.shuffles import observed_membership, shuffle_memberships

_N_PILOT = 200  # shuffles that give the scale
_ENOUGH = 10  # shuffles beyond what was seen after which a p-value is known well enough (Besag and Clifford)
_BLOCKS = (60, 200, 600)  # and then blocks of the last size
_MAX_BLOCK_NUMBERS = 4_000_000  # of one block's memberships: 16 MB
_EQUAL = 1e-4  # surprises nearer than this are rounding

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
        level: what an alarm needs; shuffling ends early where it is out of reach.

    Source:
        Westfall and Young 1993, Resampling-Based Multiple Testing, section 2.3 (single-step maxT); Phipson and Smyth
        2010, Stat. Appl. Genet. Mol. Biol. 9:39 (p-values that count what was seen); Besag and Clifford 1991,
        Biometrika 78:301-304 (stopping early).
    """
    battery = _Battery(forms, n_reference, strata, generator)
    scale = _Scale.of(battery.draw(_N_PILOT))
    seen_statistics = battery.compute(observed_membership(n_reference, len(strata)))
    seen = scale.surprise(seen_statistics)[0]
    n_done, above, above_alone = 0, np.zeros(len(forms)), np.zeros(len(forms))
    hopeless = max(_ENOUGH, int(level * (n_shuffles + 1)))
    for block in _blocks(n_shuffles, battery.max_block):
        surprises = scale.surprise(battery.draw(block))
        above += (surprises.max(axis=1)[:, None] >= seen - _EQUAL).sum(axis=0)
        above_alone += (surprises >= seen - _EQUAL).sum(axis=0)
        n_done += block
        if above.min() >= hopeless:
            break
    return tuple(
        Judged(
            form.name,
            float(seen_statistics[0, place]),
            float(seen[place]),
            float((1 + above_alone[place]) / (1 + n_done)),
            float((1 + above[place]) / (1 + n_done)),
        )
        for place, form in enumerate(forms)
    )


class _Battery:
    """All forms side by side, so that one product shuffles them all."""

    def __init__(
        self, forms: Sequence[Form], n_reference: int, strata: NDArray[np.intp], generator: np.random.Generator
    ) -> None:
        self.forms, self.n_reference, self.strata, self.generator = forms, n_reference, strata, generator
        self.columns = np.concatenate([form.columns for form in forms], axis=1, dtype=np.float32)
        self.ends = np.cumsum([form.columns.shape[1] for form in forms])
        self.max_block = max(50, _MAX_BLOCK_NUMBERS // max(len(strata), self.columns.shape[1]))

    def draw(self, n_shuffles: int) -> NDArray[np.float64]:
        """Return the statistics of so many shuffles, (n_shuffles, n_forms)."""
        return np.concatenate(
            [
                self.compute(shuffle_memberships(self.n_reference, self.strata, size, self.generator))
                for size in _blocks(n_shuffles, self.max_block)
            ]
        )

    def compute(self, memberships: NDArray[np.float32]) -> NDArray[np.float64]:
        parts = np.split(memberships @ self.columns, self.ends[:-1], axis=1)
        return np.stack([form.reduce(part) for form, part in zip(self.forms, parts, strict=True)], axis=1)


@dataclass(frozen=True, eq=False)
class _Scale:
    """Mean, spread and skewness of each statistic, as a gamma distribution has them."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    shape: NDArray[np.float64]

    @classmethod
    def of(cls, statistics: NDArray[np.float64]) -> "_Scale":
        mean = statistics.mean(axis=0)
        centred = statistics - mean
        spread = np.sqrt((centred**2).mean(axis=0))
        skewness = (centred**3).mean(axis=0) / np.maximum(spread, 1e-12) ** 3
        return cls(mean, spread, 4.0 / np.clip(skewness, 0.05, 4.0) ** 2)

    def surprise(self, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the normal deviate that is as rare under that gamma distribution.

        Source:
            Wilson and Hilferty 1931, PNAS 17:684-688.
        """
        # A statistic that no shuffle moves says nothing.
        z = np.divide(statistics - self.mean, self.spread, out=np.zeros_like(statistics), where=self.spread > 1e-12)
        x = 1.0 + z / np.sqrt(self.shape)
        return np.asarray((np.cbrt(x) - (1 - 1 / (9 * self.shape))) * 3 * np.sqrt(self.shape))


def _blocks(n: int, largest: int) -> list[int]:
    """Return sizes that add up to n, small ones first."""
    sizes, left = [], n
    for wanted in (*_BLOCKS, *[_BLOCKS[-1]] * (n // min(_BLOCKS[-1], largest) + 1)):
        if left > 0:
            sizes.append(min(wanted, largest, left))
            left -= sizes[-1]
    while left > 0:
        sizes.append(min(largest, left))
        left -= sizes[-1]
    return sizes
