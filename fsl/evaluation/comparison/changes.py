"""What changed between two versions' answers to the same rows: which labels are taken for which, what was forgotten."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fsl.evaluation.scores.intervals import Interval, wilson_interval
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems.base import Problem

_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ConfusionChange:
    """How often one label is taken for another."""

    truth: str
    answer: str
    n_before: int
    n_after: int

    @property
    def change(self) -> int:
        return self.n_after - self.n_before


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Rows of one label that were right before and are wrong now."""

    label: str
    n_right_before: int
    n_forgotten: int


@dataclass(frozen=True)
class Forgetting:
    """How much of what the champion got right the challenger gets wrong.

    Source:
        Toneva et al. 2019, arXiv:1812.05159 (forgetting events), between two versions instead of two steps.
    """

    n_right_before: int
    n_forgotten: int
    interval: Interval  # of the share
    labels: tuple[Forgotten, ...]  # those with something forgotten, the most first

    @property
    def share(self) -> float:
        return self.n_forgotten / self.n_right_before if self.n_right_before else 0.0


def compare_confusions(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, *, most: int = _MAX_SHOWN
) -> tuple[ConfusionChange, ...]:
    """Return the pairs of true and answered label whose count changed most, the largest change first."""
    before, after = _count(champion.rows, problem), _count(challenger.rows, problem)
    changes = [ConfusionChange(*pair, before[pair], after[pair]) for pair in before.keys() | after.keys()]
    changes.sort(key=lambda one: (-abs(one.change), one.truth, one.answer))
    return tuple(one for one in changes if one.change)[:most]


def measure_forgetting(champion: ScoreSheet, challenger: ScoreSheet, problem: Problem) -> Forgetting:
    """Count what the champion got right and the challenger gets wrong; the sheets hold the same rows."""
    right, forgotten = Counter[str](), Counter[str]()
    n_right = n_forgotten = 0
    for before, after in zip(champion.rows, challenger.rows, strict=True):
        if before.correct:
            labels = problem.labels_in(before.truth)
            n_right += 1
            right.update(labels)
            if not after.correct:
                n_forgotten += 1
                forgotten.update(labels)
    worst_first = sorted(forgotten, key=lambda label: (-forgotten[label], label))
    return Forgetting(
        n_right,
        n_forgotten,
        wilson_interval(n_forgotten, n_right),
        tuple(Forgotten(label, right[label], forgotten[label]) for label in worst_first),
    )


def _count(rows: Sequence[RowScore], problem: Problem) -> Counter[tuple[str, str]]:
    return Counter(pair for row in rows for pair in problem.confused(row.truth, row.answer))
