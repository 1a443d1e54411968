"""The true mix of labels behind the answers: what is given often need not be there often.

From how labelled rows are confused and from what is answered now, assuming that each label's texts stayed alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MAX_CONDITION = 30.0  # beyond it an error of a point in the answers becomes one of tens of points in the mix
_MIN_ROWS = 5  # labelled rows of each label
_N_DRAWS = 200


@dataclass(frozen=True, slots=True)
class TrueShare:
    """One label's estimated share of the current rows, with its 95% interval."""

    label: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LabelMix:
    """The estimated mix, or why there is none."""

    shares: tuple[TrueShare, ...]
    unusable: str | None


def estimate_mix(answered: Sequence[str], truth: Sequence[str], current: Sequence[str], *, seed: int = 0) -> LabelMix:
    """Return the true mix of the current rows by black-box shift estimation.

    Args:
        answered, truth: of labelled rows, as the version answered them.
        current: the answers of the rows in question.

    Source:
        Lipton, Wang and Smola 2018, arXiv:1802.03916; intervals by the bootstrap of both samples.
    """
    labels = sorted(set(truth))
    place = {label: number for number, label in enumerate(labels)}
    counts = np.bincount([place[label] for label in truth], minlength=len(labels)) if labels else np.zeros(0)
    if len(labels) < 2 or counts.min() < _MIN_ROWS:
        return LabelMix((), f"fewer than {_MIN_ROWS} labelled rows of some label, or fewer than two labels")
    pairs = np.array([(place.get(a, len(labels)), place[t]) for a, t in zip(answered, truth, strict=True)])
    now = np.array([place.get(answer, len(labels)) for answer in current], dtype=np.intp)
    if not len(now):
        return LabelMix((), "no row to estimate it from")
    condition = float(np.linalg.cond(_confusion(pairs, len(labels))[: len(labels)]))
    if condition > _MAX_CONDITION:
        return LabelMix((), f"the confusion of labels cannot be undone (condition number {condition:.0f})")
    mix = _solve(pairs, now, len(labels))
    generator = np.random.default_rng(seed)
    draws = np.array(
        [
            _solve(generator.choice(pairs, len(pairs)), generator.choice(now, len(now)), len(labels))
            for _ in range(_N_DRAWS)
        ]
    )
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return LabelMix(
        tuple(
            TrueShare(label, float(mix[number]), float(low[number]), float(high[number]))
            for label, number in place.items()
        ),
        None,
    )


def _confusion(pairs: NDArray[np.intp], n_labels: int) -> NDArray[np.float64]:
    """Return P(answer | label), a column for each label; the last row is answers that no labelled row has."""
    table = np.zeros((n_labels + 1, n_labels))
    np.add.at(table, (pairs[:, 0], pairs[:, 1]), 1.0)
    return np.asarray(table / np.maximum(table.sum(axis=0), 1.0))


def _solve(pairs: NDArray[np.intp], now: NDArray[np.intp], n_labels: int) -> NDArray[np.float64]:
    answered = np.bincount(now, minlength=n_labels + 1) / len(now)
    found = np.linalg.lstsq(_confusion(pairs, n_labels), answered, rcond=None)[0]
    clipped = np.clip(found, 0.0, None)
    return np.asarray(clipped / max(float(clipped.sum()), 1e-12))
