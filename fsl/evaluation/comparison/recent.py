"""The recent window: what both models answer to rows that were served lately and labelled afterwards.

Only *audit* rows belong here: drawn from traffic by chance alone, each with the probability with which it was drawn.
Rows that were labelled because they looked hard say nothing about traffic. Each row counts by the inverse of its
probability, so the window stands for all that was served. What follows from it is `vetoes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fsl.evaluation.comparison.paired import compute_difference_interval, compute_mcnemar
from fsl.evaluation.scores.bootstrap import compare_weighted
from fsl.evaluation.scores.intervals import Interval
from fsl.evaluation.scores.records import ScoreSheet


class RecentState(StrEnum):
    """Whether recent traffic could be judged."""

    EMPTY = "empty"  # no served row was labelled for audit
    TOO_FEW = "too few"
    UNUSABLE = "unusable"  # the answers or the probabilities cannot be used
    JUDGED = "judged"


@dataclass(frozen=True)
class RecentRows:
    """Both models' answers to the same audit rows."""

    champion: ScoreSheet
    challenger: ScoreSheet
    inclusion: Mapping[str, float]  # by row id: the probability, above 0, with which audit drew the row


@dataclass(frozen=True, slots=True)
class RecentWindow:
    """What recent traffic says of the difference. Scores are shares of whole answers that are right."""

    state: RecentState
    n_rows: int
    why: str = ""  # why the rows cannot be used
    n_wins: int = 0
    n_losses: int = 0
    champion_score: float = 0.0
    challenger_score: float = 0.0
    difference: float = 0.0
    interval: Interval | None = None  # of level 1 - 2 alpha
    p_better: float = 1.0
    p_worse: float = 1.0


def choose_recent(champion: ScoreSheet, challenger: ScoreSheet, inclusion: Mapping[str, float]) -> RecentRows:
    """Return both models' answers to those of their rows that audit drew."""

    def only_drawn(sheet: ScoreSheet) -> ScoreSheet:
        return replace(sheet, rows=tuple(row for row in sheet.rows if row.row_id in inclusion))

    return RecentRows(only_drawn(champion), only_drawn(challenger), inclusion)


EMPTY_WINDOW = RecentWindow(RecentState.EMPTY, 0)


def judge_recent(rows: RecentRows, *, least: int, alpha: float, seed: int) -> RecentWindow:
    """Compare both on the window; the sheets hold the same rows, whose answers can be read.

    Args:
        least: fewer rows than this are not judged by.
        alpha: one-sided, of the interval's ends.
    """
    ids = [row.row_id for row in rows.challenger.rows]
    if not ids:
        return EMPTY_WINDOW
    odd = [row_id for row_id in ids if not 0.0 < rows.inclusion.get(row_id, 0.0) <= 1.0]
    if odd:
        why = f"row {odd[0]} has no probability of being drawn, above 0 and up to 1"
        return RecentWindow(RecentState.UNUSABLE, len(ids), why)
    if len(ids) < least:
        return RecentWindow(RecentState.TOO_FEW, len(ids))
    theirs, ours = (np.array([row.correct for row in sheet.rows]) for sheet in (rows.champion, rows.challenger))
    return _compare(theirs, ours, 1.0 / np.array([rows.inclusion[row_id] for row_id in ids]), alpha, seed)


def _compare(
    theirs: NDArray[np.bool_], ours: NDArray[np.bool_], weights: NDArray[np.float64], alpha: float, seed: int
) -> RecentWindow:
    n_rows, n_wins, n_losses = len(ours), int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    if np.ptp(weights) == 0:
        test = compute_mcnemar(n_wins, n_losses)
        interval = compute_difference_interval(n_wins, n_losses, n_rows, level=1 - 2 * alpha)
        p_better, p_worse = test.p_better, test.p_worse
    else:
        found = compare_weighted(ours.astype(float) - theirs, weights, alpha=alpha, seed=seed)
        interval, p_better, p_worse = found.intervals[0], found.p_better, found.p_worse
    before, after = (float(np.average(right, weights=weights)) for right in (theirs, ours))
    return RecentWindow(
        RecentState.JUDGED, n_rows, "", n_wins, n_losses, before, after, after - before, interval, p_better, p_worse
    )
