"""Which parts got worse: each label that both know, and each slice of rows, with the rate of false alarms controlled.

A model can be better on the whole and have forgotten a label. Many labels are looked at, so some look worse by chance;
the adjusted p-values here keep the expected share of such false alarms among all alarms at the level they are held
against. What follows from a part that got worse is `vetoes`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fsl.evaluation.scores.counts import FALSE_ALARMS, HITS, MISSES, build_paired_counts, f1_of
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems.base import Problem

Slices = Mapping[str, Collection[str]]  # row ids by the slice's name


@dataclass(frozen=True, slots=True)
class Part:
    """One label or one slice, before and after."""

    kind: Literal["label", "slice"]
    name: str
    n_rows: int  # whose truth mentions the label; or that lie in the slice
    n_wins: int  # rows with fewer mistakes about it than before
    n_losses: int
    champion_score: float  # F1 of a label, accuracy of a slice
    challenger_score: float
    p_worse: float  # exact sign test, one-sided
    q_worse: float  # the same, adjusted for the number of parts of its kind

    @property
    def loss(self) -> float:
        return self.champion_score - self.challenger_score


def compare_parts(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, slices: Slices | None = None
) -> tuple[Part, ...]:
    """Compare both sheets, of the same rows, part by part: labels that both know, then slices."""
    shared = sorted(set(champion.labels) & set(challenger.labels))
    return _compare_labels(champion, challenger, problem, shared) + _compare_slices(champion, challenger, slices or {})


def adjust(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted so that those under a level are false alarms at that rate at most, in expectation.

    Source:
        Benjamini and Hochberg 1995, J. R. Statist. Soc. B 57:289-300; it holds for tests that lean the same way
        (Benjamini and Yekutieli 2001, Annals of Statistics 29:1165-1188).
    """
    if not len(p_values):
        return p_values
    order = np.argsort(p_values)
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    adjusted = np.empty_like(scaled)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return adjusted


def _compare_labels(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, labels: list[str]
) -> tuple[Part, ...]:
    theirs, ours = build_paired_counts(champion, challenger, problem)
    known = np.isin(ours.labels, labels)
    change = _mistakes(ours.counts) - _mistakes(theirs.counts)
    in_truth = (ours.counts[:, :, HITS] + ours.counts[:, :, MISSES] > 0).sum(axis=0)
    before, after = (f1_of(table.counts.sum(axis=0).astype(np.float64)) for table in (theirs, ours))
    return _write_parts(
        "label",
        [label for label, is_known in zip(ours.labels, known, strict=True) if is_known],
        in_truth[known],
        ((change < 0).sum(axis=0)[known], (change > 0).sum(axis=0)[known]),
        (before[known], after[known]),
    )


def _compare_slices(champion: ScoreSheet, challenger: ScoreSheet, slices: Slices) -> tuple[Part, ...]:
    ids = [row.row_id for row in challenger.rows]
    before, after = (np.array([row.correct for row in sheet.rows], dtype=bool) for sheet in (champion, challenger))
    names = sorted(slices)
    inside = [np.isin(ids, list(slices[name])) for name in names]
    kept = [(name, rows) for name, rows in zip(names, inside, strict=True) if rows.any()]
    return _write_parts(
        "slice",
        [name for name, _ in kept],
        np.array([rows.sum() for _, rows in kept], dtype=np.int64),
        (
            np.array([(after & ~before)[rows].sum() for _, rows in kept], dtype=np.int64),
            np.array([(before & ~after)[rows].sum() for _, rows in kept], dtype=np.int64),
        ),
        (np.array([before[rows].mean() for _, rows in kept]), np.array([after[rows].mean() for _, rows in kept])),
    )


def _mistakes(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(counts[:, :, FALSE_ALARMS] + counts[:, :, MISSES])


def _write_parts(
    kind: Literal["label", "slice"],
    names: list[str],
    n_rows: NDArray[np.int64],
    signs: tuple[NDArray[np.int64], NDArray[np.int64]],
    scores: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[Part, ...]:
    from scipy import stats

    wins, losses = signs
    p_worse = np.asarray(stats.binom.sf(losses - 1, wins + losses, 0.5), dtype=np.float64)
    columns = (n_rows, wins, losses, *scores, p_worse, adjust(p_worse))
    return tuple(
        Part(kind, name, int(rows), int(won), int(lost), float(before), float(after), float(p), float(q))
        for name, rows, won, lost, before, after, p, q in zip(names, *columns, strict=True)
    )
