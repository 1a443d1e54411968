"""What can hold back a challenger that a rule would promote: a part that got worse, recent traffic, unjudged labels.

A veto only ever takes a promotion away, so it makes no false promotion likelier. Which rule promotes is `rules`.
"""

from collections.abc import Iterator
from dataclasses import replace

from fsl.evaluation.comparison.parts import Part
from fsl.evaluation.comparison.recent import RecentState, RecentWindow
from fsl.evaluation.ruling.case import Case
from fsl.evaluation.ruling.rulings import Ruling
from fsl.evaluation.ruling.verdict import Outcome
from fsl.pages.words import listed, n_of, p_words, percent, points


def apply_vetoes(case: Case, ruling: Ruling) -> Ruling:
    """Return the ruling, or what is left of it: a promotion that is held back is rejected or undecided."""
    if ruling.outcome is not Outcome.PROMOTE:
        return ruling
    for veto in (_veto_forgetting, _veto_recent, _veto_unjudged):
        held = veto(case)
        if held is not None:
            reasons = (*held.reasons, *ruling.reasons)
            return replace(held, reasons=reasons)
    return ruling


def write_notes(case: Case) -> Iterator[str]:
    """Yield what parts and recent traffic say, whatever was decided."""
    for part in shown_worse(case):
        yield _describe_part(part)
    if case.recent is not None:
        yield _describe_recent(case.recent)


def shown_worse(case: Case) -> list[Part]:
    """Return the labels and slices that got worse beyond chance, the largest loss first."""
    shown = [part for part in case.parts if part.q_worse <= case.config.regression_fdr and part.loss > 0]
    return sorted(shown, key=lambda part: (-part.loss, part.kind, part.name))


def _veto_forgetting(case: Case) -> Ruling | None:
    limit = case.config.max_forgetting
    lost = [part for part in shown_worse(case) if part.loss > limit]
    if not lost:
        return None
    reasons = tuple(f"{_describe_part(part)}, where {100 * limit:g} points may be lost" for part in lost)
    names = listed([f"{part.kind} {part.name}" for part in lost])
    return Ruling(Outcome.REJECT, reasons, (f"training rows of {names}; `gate.max_forgetting` sets the limit",))


def _veto_recent(case: Case) -> Ruling | None:
    recent = case.recent
    if recent is None:
        return None
    if recent.state is RecentState.UNUSABLE:
        return Ruling(Outcome.UNDECIDED, (_describe_recent(recent),), ("scoring the window's rows again",))
    if recent.state is not RecentState.JUDGED or recent.p_worse >= case.config.alpha:
        return None
    reason = f"judge rows and recent traffic disagree: {_describe_recent(recent)}"
    return Ruling(Outcome.UNDECIDED, (reason,), ("training rows from recent traffic, or more audited rows of it",))


def _veto_unjudged(case: Case) -> Ruling | None:
    if case.config.on_unjudged == "promote" or case.champion is None or not case.unjudged_labels:
        return None
    names, least = listed(case.unjudged_labels), n_of(case.config.min_judge_rows_per_label, "judge row")
    reason = f"`gate.on_unjudged` is keep, and fewer than {least} carry {names}"
    return Ruling(Outcome.UNDECIDED, (reason,), (f"judge rows of {names}",))


def _describe_part(part: Part) -> str:
    name = "F1" if part.kind == "label" else "accuracy"
    return (
        f"the {part.kind} {part.name} got worse: its {name} went from {percent(part.champion_score)} to "
        f"{percent(part.challenger_score)}, {n_of(part.n_wins, 'row')} won and {part.n_losses:,} lost "
        f"({p_words(part.q_worse)} after adjusting for the number of {part.kind}s)"
    )


def _describe_recent(recent: RecentWindow) -> str:
    match recent.state:
        case RecentState.EMPTY:
            return "the recent window is empty: no served row was labelled for audit, so judge rows alone decide"
        case RecentState.TOO_FEW:
            return f"the recent window holds {n_of(recent.n_rows, 'audited row')}: too few to judge by"
        case RecentState.UNUSABLE:
            return f"the recent window cannot be used: {recent.why}"
        case RecentState.JUDGED:
            return (
                f"on {n_of(recent.n_rows, 'audited row')} of recent traffic {percent(recent.challenger_score)} of its "
                f"answers are right against {percent(recent.champion_score)}: {points(recent.difference)}, "
                f"worse {p_words(recent.p_worse)}"
            )
