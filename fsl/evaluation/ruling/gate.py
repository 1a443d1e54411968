"""The gate: whether a challenger replaces the champion, judged on their answers to the same judge rows.

The headline score is compared on the rows whose labels both know; a label that only the challenger knows is scored
apart and is never a free win. The numbers are gathered in `case`, and what follows from them stands in `rules`.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import replace

from fsl.config import GateConfig
from fsl.evaluation.comparison.parts import Slices
from fsl.evaluation.comparison.recent import EMPTY_WINDOW, RecentRows, RecentState, RecentWindow, judge_recent
from fsl.evaluation.comparison.spending import JudgeUse
from fsl.evaluation.errors import DifferentRows, UnreadableAnswer
from fsl.evaluation.jsonable import canonical_json
from fsl.evaluation.ruling.case import Case, gather, only_labels
from fsl.evaluation.ruling.rules import RULES, answer_alike
from fsl.evaluation.ruling.rulings import Ruling
from fsl.evaluation.ruling.verdict import Outcome, State, Verdict
from fsl.evaluation.ruling.vetoes import apply_vetoes, write_notes
from fsl.evaluation.ruling.words import describe_use
from fsl.evaluation.scores.counts import build_counts
from fsl.evaluation.scores.records import ScoreSheet
from fsl.pages.words import listed, n_of
from fsl.problems.base import Problem

_log = logging.getLogger(__name__)


def judge(
    champion: ScoreSheet | None,
    challenger: ScoreSheet,
    problem: Problem,
    config: GateConfig,
    *,
    seed: int = 0,
    use: JudgeUse | None = None,
    recent: RecentRows | None = None,
    slices: Slices | None = None,
) -> Verdict:
    """Return the verdict on a challenger. A model that fails is an answer, not an error.

    Args:
        champion: what serves now, scored on the same rows; None where nothing does.
        seed: of the resampling, which is used where the score is F1.
        use: where this test stands among all against this champion; None: it is the only one there will ever be.
        recent: both models' answers to audited rows of recent traffic; None: there are none.
        slices: row ids by the name of each slice that must not get worse.

    Raises:
        DifferentRows: the two sheets do not hold the same rows with the same truths.
    """
    if champion is not None:
        _require_same_rows(champion, challenger)
    headline = problem.headline if config.score == "headline" else config.score
    case = Case(champion, challenger, config, use or JudgeUse.alone(config.alpha), headline)
    ruling = _rule_on_input(champion, challenger, problem)
    state = State.UNUSABLE if challenger.rows else State.NO_ROWS
    if ruling is None:
        case = gather(case, problem, slices=slices, seed=seed)
        case = replace(case, recent=_judge_recent(case, recent, problem, seed))
        ruling = next(ruling for rule in RULES if (ruling := rule(case)) is not None)
        ruling, state = apply_vetoes(case, ruling), _state_of(case)
    alike = champion is not None and answer_alike(champion, challenger)
    verdict = replace(_write_verdict(case, ruling), state=state, use=use, answers_alike=alike)
    _log.info("%s: %s, because %s", challenger.version, verdict.outcome.value, "; ".join(verdict.reasons))
    return verdict


def _state_of(case: Case) -> State:
    if case.champion is None:
        return State.FIRST_RUN
    return State.COMPARED if case.comparison is not None else State.NO_SHARED_ROWS


def _judge_recent(case: Case, recent: RecentRows | None, problem: Problem, seed: int) -> RecentWindow | None:
    """Judge the window on the labels that both know. Answers that cannot be used are a state, not an error."""
    if case.champion is None:
        return None
    if recent is None:
        return EMPTY_WINDOW
    _require_same_rows(recent.champion, recent.challenger)
    for sheet in (recent.champion, recent.challenger):
        if fault := _fault_of(sheet, problem):
            return RecentWindow(RecentState.UNUSABLE, len(sheet.rows), f"of {sheet.version}, {fault}")
    shared = set(recent.champion.labels) & set(recent.challenger.labels)
    champion, challenger = (only_labels(sheet, shared, problem) for sheet in (recent.champion, recent.challenger))
    rows = RecentRows(champion, challenger, recent.inclusion)
    return judge_recent(rows, least=case.config.min_recent_rows, alpha=case.config.alpha, seed=seed)


def _rule_on_input(champion: ScoreSheet | None, challenger: ScoreSheet, problem: Problem) -> Ruling | None:
    """Rule where the answers themselves cannot be used, so that no rule meets a NaN."""
    if not challenger.rows:
        return Ruling(Outcome.UNDECIDED, ("there is no judge row, so nothing can be judged",), ("label more rows",))
    if fault := _fault_of(challenger, problem):
        return Ruling(Outcome.REJECT, (fault,), ("a model whose outputs are numbers: look at its training and export",))
    if not math.isfinite(challenger.latency_p95_ms):
        return Ruling(Outcome.REJECT, ("its latency was not measured",), ("score the exported bundle again",))
    if champion is not None and (fault := _fault_of(champion, problem)):
        reason = f"the champion cannot be compared with: {fault}"
        return Ruling(Outcome.UNDECIDED, (reason,), ("a rollback of the champion, or scoring it again",))
    return None


def _fault_of(sheet: ScoreSheet, problem: Problem) -> str | None:
    n_unusable = sum(not row.is_usable for row in sheet.rows)
    if n_unusable:
        of_all = f"{n_unusable:,} of {n_of(len(sheet.rows), 'answer')}"
        return f"the confidence of {of_all} is no probability (NaN, or outside 0 to 1)"
    try:
        build_counts(sheet.rows, problem, version=sheet.version)
    except UnreadableAnswer as error:
        return str(error)
    return None


def _require_same_rows(champion: ScoreSheet, challenger: ScoreSheet) -> None:
    theirs = {row.row_id: canonical_json(row.truth) for row in champion.rows}
    ours = {row.row_id: canonical_json(row.truth) for row in challenger.rows}
    other_truth = {row_id for row_id in theirs.keys() & ours.keys() if theirs[row_id] != ours[row_id]}
    odd = sorted((theirs.keys() ^ ours.keys()) | other_truth)
    if odd:
        n_theirs, n_ours = len(theirs.keys() - ours.keys()), len(ours.keys() - theirs.keys())
        raise DifferentRows(champion.version, challenger.version, n_theirs, n_ours, len(other_truth), odd[0])


def _write_verdict(case: Case, ruling: Ruling) -> Verdict:
    return Verdict(
        outcome=ruling.outcome,
        reasons=ruling.reasons,
        notes=tuple(_notes(case)),
        what_would_change_it=ruling.what_would_change_it,
        challenger=case.challenger.version,
        champion=case.champion.version if case.champion else None,
        baseline=case.baseline,
        headline=case.headline,
        comparison=case.comparison,
        new_labels=case.new_labels,
        lost_labels=case.lost_labels,
        unjudged_labels=case.unjudged_labels,
        rows_needed=ruling.rows_needed,
        route=ruling.route,
        parts=case.parts,
        recent=case.recent,
    )


def _notes(case: Case) -> Iterator[str]:
    if not case.n_rows_by_label:
        return
    if case.unjudged_labels:
        least = n_of(case.config.min_judge_rows_per_label, "judge row")
        yield f"fewer than {least} carry {listed(case.unjudged_labels)}, so these labels are not judged by themselves"
    if case.unknown_labels:
        yield f"judge rows also carry {listed(case.unknown_labels)}, which neither model knows"
    for lost in case.lost_labels:
        if lost.n_rows == 0:
            yield f"the challenger no longer knows {lost.label}, and no judge row carries it"
    yield from write_notes(case)
    if not case.use.is_alone and case.comparison is not None:
        yield describe_use(case.use, case.champion.version if case.champion else None)
