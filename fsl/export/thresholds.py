"""From which probability on a label is given, where labels do not compete: one threshold each, chosen on tune rows.

A probability of a half is right where both mistakes cost the same; F1, which is what these versions are compared by,
asks for less where a label is rare. Rows that were learnt from would make every threshold too bold, so train rows are
never asked, and where tune rows are few nothing is chosen.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.learning.selection.choice import MIN_TUNE_ROWS
from fsl.problems.multilabel import THRESHOLD

log = logging.getLogger(__name__)

MIN_WITH_LABEL = 8  # tune rows that have a label; with fewer, one row more or less moves the best threshold far
_LOWEST, _HIGHEST = 0.1, 0.9  # no probability beyond is left to a threshold that a few rows chose


@dataclass(frozen=True)
class FoundThresholds:
    """One threshold for each output, and in words what they stand on."""

    thresholds: tuple[float, ...]
    reasons: tuple[str, ...] = ()

    def to_json(self) -> JsonValue:
        """Return what a version's manifest keeps of them."""
        return {"thresholds": list(self.thresholds), "reasons": list(self.reasons)}


def choose_thresholds(
    probabilities: NDArray[np.floating], targets: NDArray[np.int64], outputs: Sequence[str]
) -> FoundThresholds:
    """Return for each output the threshold of the best F1 on rows that nothing was fitted to.

    Of all thresholds as good as the best, the one nearest to a half is taken, in the middle of the gap between two
    probabilities.

    Args:
        probabilities: (n_rows, n_outputs), calibrated; there may be no row.
        targets: (n_rows, n_outputs), 0 or 1.

    Source:
        Lipton, Elkan and Naryanaswamy 2014, arXiv:1402.1892: the threshold of the best F1 lies at half of that F1.
    """
    if len(targets) < MIN_TUNE_ROWS:
        reason = f"{len(targets)} tune rows are too few to choose thresholds ({MIN_TUNE_ROWS} needed): all are 0.5"
        log.info("thresholds: %s", reason)
        return FoundThresholds((THRESHOLD,) * len(outputs), (reason,))
    thresholds, reasons = [], []
    for place, output in enumerate(outputs):
        own, truth = probabilities[:, place].astype(np.float64), targets[:, place] == 1
        n_with = int(truth.sum())
        if n_with < MIN_WITH_LABEL:
            thresholds.append(THRESHOLD)
            reasons.append(f"{output}: 0.5, since {n_with} tune rows with it are too few to choose ({MIN_WITH_LABEL})")
            continue
        best, score = best_threshold(own, truth)
        thresholds.append(best)
        rows = f"{n_with} tune rows with it ({f1_at(own, truth, THRESHOLD):.3f} at 0.5)"
        reasons.append(f"{output}: {best:.2f}, where F1 is {score:.3f} on {rows}")
    for reason in reasons:
        log.info("threshold of %s", reason)
    return FoundThresholds(tuple(thresholds), tuple(reasons))


def best_threshold(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the threshold of the best F1 that is nearest to a half, and that F1."""
    known = np.unique(probabilities)
    gaps = (known[:-1] + known[1:]) / 2.0
    tried = np.unique(np.concatenate([[THRESHOLD], gaps[(gaps >= _LOWEST) & (gaps <= _HIGHEST)]]))
    scores = np.array([f1_at(probabilities, truth, one) for one in tried])
    ties = tried[scores >= scores.max() - 1e-12]
    return float(ties[np.abs(ties - THRESHOLD).argmin()]), float(scores.max())


def f1_at(probabilities: NDArray[np.float64], truth: NDArray[np.bool_], threshold: float) -> float:
    """Return the F1 of giving a label from a threshold on; 0 where there is nothing to find or found."""
    given = probabilities >= threshold
    out_of = int(given.sum() + truth.sum())
    return 2.0 * int((given & truth).sum()) / out_of if out_of else 0.0
