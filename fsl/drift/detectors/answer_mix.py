"""Whether the mix of answers changed: which labels are given more often than before, and which less."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.permutations import compute_p_value, shuffle_memberships

NOTHING = "(nothing)"  # the answer of a text in which no label was found


@dataclass(frozen=True, slots=True)
class LabelShare:
    """How often one label was given in each window."""

    label: str
    reference: float
    current: float


@dataclass(frozen=True, slots=True)
class AnswerMix:
    """The change of the mix and how surprising it is."""

    p_value: float
    distance: float  # total variation: the share of answers that would have to change
    shares: tuple[LabelShare, ...]  # the most changed first


def compare_answers(
    reference: Sequence[Sequence[str]], current: Sequence[Sequence[str]], *, n_permutations: int, seed: int
) -> AnswerMix:
    """Test whether labels are given as often as before; a row may hold none or several.

    The statistic is the likelihood ratio G of windows against labels. Its distribution comes from shuffling whole
    rows, which holds for rare labels, and for several labels in one row, too.

    Source:
        Sokal and Rohlf 1981, Biometry, chapter 17 (G); Good 2005, Permutation, Parametric and Bootstrap Tests.
    """
    rows = [tuple(labels) or (NOTHING,) for labels in (*reference, *current)]
    names = sorted({label for labels in rows for label in labels})
    column = {name: index for index, name in enumerate(names)}
    given = np.zeros((len(rows), len(names)))
    for row, labels in enumerate(rows):
        given[row, [column[label] for label in labels]] = 1.0
    one_stratum = np.zeros(len(rows), dtype=np.intp)
    memberships = shuffle_memberships(len(reference), one_stratum, n_permutations=n_permutations, seed=seed)
    in_current = memberships @ given
    in_reference = given.sum(axis=0) - in_current
    now, before = in_current[0] / max(1.0, in_current[0].sum()), in_reference[0] / max(1.0, in_reference[0].sum())
    order = np.argsort(-np.abs(now - before), kind="stable")
    return AnswerMix(
        p_value=compute_p_value(_likelihood_ratio(in_reference, in_current)),
        distance=float(np.abs(now - before).sum() / 2),
        shares=tuple(LabelShare(names[index], float(before[index]), float(now[index])) for index in order),
    )


def _likelihood_ratio(reference: NDArray[np.float64], current: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return G for each row of counts, shape (n_shuffles, n_labels)."""
    table = np.stack([reference, current], axis=1)  # (n_shuffles, 2, n_labels)
    of_window, of_label = table.sum(axis=2, keepdims=True), table.sum(axis=1, keepdims=True)
    expected = of_window * of_label / np.maximum(table.sum(axis=(1, 2), keepdims=True), 1)
    ratio = np.divide(table, expected, out=np.ones_like(table), where=(table > 0) & (expected > 0))
    return np.asarray(2 * (table * np.log(ratio)).sum(axis=(1, 2)))
