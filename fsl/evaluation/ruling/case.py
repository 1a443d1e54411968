"""The numbers that the gate's rules ask for, gathered from two score sheets. What follows from them is `rules`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from fsl.config import GateConfig
from fsl.evaluation.comparison.compare import MACRO_F1, Comparison, Levels, compare
from fsl.evaluation.comparison.parts import Part, Slices, compare_parts
from fsl.evaluation.comparison.recent import RecentWindow
from fsl.evaluation.comparison.spending import JudgeUse
from fsl.evaluation.jsonable import canonical_json
from fsl.evaluation.ruling.verdict import LostLabel, NewLabel
from fsl.evaluation.scores.counts import build_counts, macro_f1, micro_f1
from fsl.evaluation.scores.intervals import Interval
from fsl.evaluation.scores.metrics import score_labels
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.pages.words import listed
from fsl.problems.base import Problem

_MAX_CONSTANTS = 30  # distinct truths that are tried as the answer to everything


@dataclass(frozen=True)
class Case:
    """Everything that the rules look at. Without numbers it is the case of answers that cannot be read."""

    champion: ScoreSheet | None
    challenger: ScoreSheet
    config: GateConfig
    use: JudgeUse
    headline: str
    baseline: str = "the champion"  # in words, what the challenger is compared with
    comparison: Comparison | None = None
    new_labels: tuple[NewLabel, ...] = ()
    lost_labels: tuple[LostLabel, ...] = ()
    n_rows_by_label: Mapping[str, int] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()  # labels that both know, and slices
    recent: RecentWindow | None = None

    @property
    def is_not_worse(self) -> bool:
        """Whether the challenger is shown not to be worse by more than the margin, by one test of its own."""
        return self.comparison is not None and self.comparison.lower_bound > -self.config.non_inferiority_margin

    @property
    def unjudged_labels(self) -> tuple[str, ...]:
        """Return the labels that the challenger knows and that too few judge rows carry."""
        least = self.config.min_judge_rows_per_label
        return tuple(label for label in self.challenger.labels if self.n_rows_by_label.get(label, 0) < least)

    @property
    def unknown_labels(self) -> tuple[str, ...]:
        """Return the labels of judge rows that neither model knows."""
        known = {*self.challenger.labels, *(self.champion.labels if self.champion else ())}
        return tuple(sorted(set(self.n_rows_by_label) - known))


def gather(case: Case, problem: Problem, *, slices: Slices | None, seed: int) -> Case:
    """Compute what the rules ask for; the case's sheets hold the same rows, and their answers can be read."""
    champion, challenger = case.champion, case.challenger
    n_rows = Counter(label for row in challenger.rows for label in problem.labels_in(row.truth))
    case = replace(case, n_rows_by_label=n_rows)
    if champion is None:
        constant = _constant_answer(challenger, problem, case.headline)
        return replace(case, baseline=constant.version, comparison=_compare(constant, challenger, problem, case, seed))
    shared = set(champion.labels) & set(challenger.labels)
    ours, theirs = only_labels(challenger, shared, problem), only_labels(champion, shared, problem)
    return replace(
        case,
        comparison=_compare(theirs, ours, problem, case, seed),
        parts=compare_parts(theirs, ours, problem, slices),
        new_labels=_score_new_labels(sorted(set(challenger.labels) - shared), case, problem),
        lost_labels=tuple(LostLabel(label, n_rows[label]) for label in sorted(set(champion.labels) - shared)),
    )


def _compare(
    champion: ScoreSheet, challenger: ScoreSheet, problem: Problem, case: Case, seed: int
) -> Comparison | None:
    use, config = case.use, case.config
    levels = Levels(use.alpha, use.alpha_next, margin=config.non_inferiority_margin, margin_alpha=config.alpha)
    return compare(champion, challenger, problem, case.headline, levels, seed=seed)


def only_labels(sheet: ScoreSheet, labels: set[str], problem: Problem) -> ScoreSheet:
    """Return the sheet with the rows whose truth mentions no other labels."""
    return replace(sheet, rows=tuple(row for row in sheet.rows if labels.issuperset(problem.labels_in(row.truth))))


def _score_new_labels(labels: Iterable[str], case: Case, problem: Problem) -> tuple[NewLabel, ...]:
    scores = {score.label: score for score in score_labels(build_counts(case.challenger.rows, problem))}
    least = case.config.min_judge_rows_per_label
    found = []
    for label in labels:
        n_rows, score = case.n_rows_by_label.get(label, 0), scores.get(label)
        recall, interval = (score.recall, score.recall_interval) if score else (0.0, Interval(0.0, 1.0))
        found.append(NewLabel(label, n_rows, recall, interval, is_judged=n_rows >= least))
    return tuple(found)


def _constant_answer(challenger: ScoreSheet, problem: Problem, headline: str) -> ScoreSheet:
    """Return the sheet of a model that always gives the same truth of these rows; its version says which.

    It is the most common one. Where F1 decides on texts that may have no label, that could be no label at all, whose F1
    is 0, so there the best of the common ones is taken.
    """
    keys = [canonical_json(row.truth) for row in challenger.rows]
    counts, truths = Counter(keys), dict(zip(keys, (row.truth for row in challenger.rows), strict=True))
    common = sorted(counts, key=lambda key: (-counts[key], key))
    if headline == "accuracy" or problem.unit != "text":
        return _answering(truths[common[0]], challenger, problem)
    sheets = [_answering(truths[key], challenger, problem) for key in common[:_MAX_CONSTANTS]]
    score = macro_f1 if headline == MACRO_F1 else micro_f1
    return max(
        sheets, key=lambda sheet: float(score(build_counts(sheet.rows, problem).counts.sum(axis=0, dtype=float)))
    )


def _answering(answer: JsonValue, challenger: ScoreSheet, problem: Problem) -> ScoreSheet:
    rows = tuple(
        RowScore(row.row_id, row.truth, answer, 1.0, problem.is_correct(row.truth, answer)) for row in challenger.rows
    )
    words = listed(problem.labels_in(answer)) or "nothing"
    return replace(challenger, version=f"always answering {words}", rows=rows)
