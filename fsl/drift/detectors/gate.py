"""One alarm for a whole window: all its tests, over its own rows and over those joined with the rows just before.

A change that every test hints at and none proves is found by all of them together; one that builds up over windows is
found in the joined rows. Both are parts of one statistic, judged by the same shuffles of all rows involved, so they
cost nothing of the budget: the alarm's p-value is exact whatever the parts are. Only behind an alarm are single tests
named, each by the largest surprise of any (`joint`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.counting import ShuffleCount, split_lots
from fsl.drift.detectors.joint import EQUAL, Columns, Form, Judged
from fsl.drift.detectors.scale import N_PILOT, Scale

TOGETHER = "together"
# What a single test must be odder by than all of them together to make the alarm. Of 0, 0.25, 0.5, 0.75 and 1, on 40
# tuning streams of chats: 30, 31, 30, 29 and 29 found in the first window, 37, 37, 36, 36 and 36 within two.
_HANDICAP = 0.5


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows of each part there are, in this order."""

    n_reference: int
    n_earlier: int  # just before the current window; may be none
    n_current: int


@dataclass(frozen=True, eq=False)
class Gate:
    """What all tests together say, and each by itself."""

    together: Judged
    forms: tuple[Judged, ...]
    is_joined: bool  # there is an alarm, and only the joined rows give it


def judge_window(
    forms: Sequence[Form], sizes: Sizes, *, level: float, n_shuffles: int, generator: np.random.Generator
) -> Gate:
    """Return the joint p-value of all tests together, and of each.

    Args:
        forms: of the reference, then the rows before the current window, then those; columns of mean 0.
        level: the chance of an alarm without a change.

    Source:
        The sum of squared surprises, of hints in the expected direction alone: Fisher 1932, combined by permutation:
        Pesarin and Salmaso 2010, Permutation Tests for Complex Data, section 4.2; naming tests behind one that holds:
        Maurer, Hothorn and Lehmacher 1995.
    """
    spans = _Spans(forms, sizes, generator)
    statistics = spans.observed()
    n_spans = statistics.shape[1]
    yardstick, count = _count(spans, statistics, level=level, n_shuffles=n_shuffles)
    seen, scale_of_sums = yardstick.scale.surprise(statistics), yardstick.scale_of_sums
    singles = seen[0].max(axis=0)
    p_spans, p_forms, p_alone = np.split(count.p_values(), [n_spans, n_spans + len(forms)])
    best = float(p_spans.min())
    sums = scale_of_sums.surprise(_sum_hints(seen))[0]
    is_joined = best <= level < float(p_spans[0])
    told = statistics[0, -1 if is_joined else 0]
    return Gate(
        Judged(TOGETHER, float(_sum_hints(seen)[0].max()), float(sums.max()), best, best),
        tuple(
            Judged(
                form.name,
                float(told[place]),
                float(singles[place]),
                float(p_alone[place]),
                max(best, float(p_forms[place])),
            )
            for place, form in enumerate(forms)
        ),
        is_joined,
    )


@dataclass(frozen=True, eq=False)
class _Yardstick:
    """How odd statistics are, on the scale that a pilot's shuffles give."""

    scale: Scale
    scale_of_sums: Scale

    @classmethod
    def of(cls, pilot: NDArray[np.float64]) -> "_Yardstick":
        scale = Scale.of(pilot)
        return cls(scale, Scale.of(_sum_hints(scale.surprise(pilot))))

    def seen(self, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is to be reached: for each span, and each form twice, among all and by itself."""
        surprises = self.scale.surprise(statistics)
        singles = surprises[0].max(axis=0)
        return np.concatenate([_gates(surprises, self.scale_of_sums)[0], singles, singles]) - EQUAL

    def rivals(self, shuffled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each shuffle reaches, in the order of `seen`."""
        surprises = self.scale.surprise(shuffled)
        _, n_spans, n_forms = surprises.shape
        single = surprises.max(axis=1)
        rival = _gates(surprises, self.scale_of_sums).max(axis=1, keepdims=True)
        oddest = single.max(axis=1, keepdims=True)
        return np.concatenate([np.repeat(rival, n_spans, axis=1), np.repeat(oddest, n_forms, axis=1), single], axis=1)


def _count(
    spans: "_Spans", statistics: NDArray[np.float64], *, level: float, n_shuffles: int
) -> tuple[_Yardstick, ShuffleCount]:
    """Count shuffles that reach what was seen.

    A window of which the pilot's first lot already says that no alarm is near ends there. That can only make alarms
    rarer, so the level holds; most windows without a change end there.
    """
    pilot: list[NDArray[np.float64]] = []
    for size in split_lots(N_PILOT, spans.largest_block):
        pilot.append(spans.draw(size))
        if len(pilot) == 1:
            yardstick = _Yardstick.of(pilot[0])
            count = ShuffleCount(yardstick.seen(statistics), statistics.shape[1], level=level, n_shuffles=n_shuffles)
            count.add(yardstick.rivals(pilot[0]))
            if count.is_hopeless:
                return yardstick, count
    yardstick = _Yardstick.of(np.concatenate(pilot))
    count = ShuffleCount(yardstick.seen(statistics), statistics.shape[1], level=level, n_shuffles=n_shuffles)
    for size in count.lots(spans.largest_block):
        count.add(yardstick.rivals(spans.draw(size)))
    return yardstick, count


def _gates(surprises: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Return for each shuffle and span how odd all tests are together, or the oddest of them, (n_shuffles, n_spans)."""
    together = scale.surprise(_sum_hints(surprises))
    return np.asarray(np.maximum(together, surprises.max(axis=2) - _HANDICAP))


def _sum_hints(surprises: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((np.maximum(surprises, 0.0) ** 2).sum(axis=2))


class _Spans:
    """Statistics of the current rows, and of the joined ones, for shuffles of all rows."""

    def __init__(self, forms: Sequence[Form], sizes: Sizes, generator: np.random.Generator) -> None:
        self.sizes, self.generator = sizes, generator
        self.columns = Columns(forms)
        self._places = np.repeat(np.arange(3, dtype=np.int8), [sizes.n_reference, sizes.n_earlier, sizes.n_current])
        self.largest_block = self.columns.largest_block(len(self._places))

    def draw(self, n_shuffles: int) -> NDArray[np.float64]:
        """Return the statistics of so many shuffles, (n_shuffles, n_spans, n_forms)."""
        return self._compute(self.generator.permuted(np.tile(self._places, (n_shuffles, 1)), axis=1))

    def observed(self) -> NDArray[np.float64]:
        return self._compute(self._places[None, :])

    def _compute(self, places: NDArray[np.int8]) -> NDArray[np.float64]:
        sizes = self.sizes
        current = (places == 2).astype(np.float32) @ self.columns.values
        if not sizes.n_earlier:
            return self.columns.reduce(current)[:, None, :]
        joined = current + (places == 1).astype(np.float32) @ self.columns.values
        # Columns have mean 0, so the reference's sum is minus the joined one. Scaled as the sum would be without the
        # earlier rows: the difference of means over (1 / n_reference + 1 / n_current).
        shares = 1 / sizes.n_current, 1 / max(1, sizes.n_reference)
        against = (shares[0] * current + shares[1] * joined) / np.float32(sum(shares))
        return np.stack([self.columns.reduce(against), self.columns.reduce(joined)], axis=1)
