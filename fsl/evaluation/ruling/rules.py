"""The gate's rules, in the order in which they are asked. The first that has an answer decides.

Each rule takes the whole case and returns a ruling with its words, or None to pass the question on. Nothing is
computed here: the numbers come with the case, gathered in `case`.
"""

from collections.abc import Callable

from fsl.evaluation.comparison.compare import Comparison
from fsl.evaluation.jsonable import canonical_json
from fsl.evaluation.ruling.case import Case
from fsl.evaluation.ruling.rulings import Ruling
from fsl.evaluation.ruling.verdict import Outcome, Route
from fsl.evaluation.ruling.words import (
    advice_on_rows,
    alpha_words,
    describe_comparison,
    describe_new_label,
    explain_promotion,
)
from fsl.evaluation.scores.records import ScoreSheet
from fsl.pages.words import listed, n_of, p_words, points


def rule_on_latency(case: Case) -> Ruling | None:
    """Too slow to serve is too slow, however good."""
    latency, limit = case.challenger.latency_p95_ms, case.config.max_latency_p95_ms
    if latency <= limit:
        return None
    return Ruling(
        Outcome.REJECT,
        (f"p95 latency {latency:.1f} ms is over the gate of {limit:.1f} ms",),
        ("fewer layers or int8 would make it faster; `gate.max_latency_p95_ms` sets the limit",),
    )


def rule_on_equals(case: Case) -> Ruling | None:
    """A challenger that answers as the champion does is never promoted."""
    if case.champion is None or not answer_alike(case.champion, case.challenger):
        return None
    reason = f"it knows the same labels as the champion and answers all {n_of(len(case.challenger.rows), 'row')} alike"
    return Ruling(Outcome.UNDECIDED, (f"{reason}, so there is nothing to gain",), ("a challenger that differs",))


def rule_on_first_champion(case: Case) -> Ruling | None:
    """Where nothing serves yet, a model must beat the best constant answer."""
    if case.champion is not None:
        return None
    found, least = case.comparison, case.config.min_judge_rows_per_label
    if found is None or found.n_rows < least:
        reason = f"nothing serves yet, and {n_of(len(case.challenger.rows), 'judge row')} are too few to judge by"
        return Ruling(Outcome.UNDECIDED, (reason,), ("label more rows, or declare a test file of your own",))
    story = f"nothing serves yet; {describe_comparison(found, case.headline, case.baseline)}"
    if found.p_better < case.use.alpha:
        reason = f"better than that constant answer: {p_words(found.p_better)}, under {alpha_words(case.use)}"
        advice = explain_promotion(found, case.use.alpha)
        return Ruling(Outcome.PROMOTE, (story, reason), advice, route=Route.FIRST)
    if found.p_worse < case.use.alpha:
        reason = f"worse than that constant answer: {p_words(found.p_worse)}"
        return Ruling(Outcome.REJECT, (story, reason), ("look for wrong labels, or label more training rows",))
    reason = f"not shown to be better than that: {p_words(found.p_better)}, not under {alpha_words(case.use)}"
    return Ruling(Outcome.UNDECIDED, (story, reason), advice_on_rows(found.rows_to_tell), found.rows_to_tell)


def rule_on_lost_labels(case: Case) -> Ruling | None:
    """A label that still occurs must not be forgotten."""
    forgotten = [lost for lost in case.lost_labels if lost.n_rows > 0]
    if not forgotten:
        return None
    reasons = tuple(
        f"the champion knows {lost.label}, the challenger does not, and {n_of(lost.n_rows, 'judge row')} carry it"
        for lost in forgotten
    )
    names = listed([lost.label for lost in forgotten])
    return Ruling(Outcome.REJECT, reasons, (f"training rows of {names}; if it is to go, its judge rows must go too",))


def rule_on_no_shared_rows(case: Case) -> Ruling | None:
    """Without rows whose labels both know there is no common ground."""
    if case.comparison is not None:
        return None
    reason = "no judge row carries only labels that both know, so the two cannot be compared"
    return Ruling(Outcome.UNDECIDED, (reason,), ("judge rows of the labels that both know",))


def rule_on_new_labels(case: Case) -> Ruling | None:
    """New labels are worth a small loss on the old ones, but not more, and they must be found."""
    found = case.comparison
    if not case.new_labels or found is None:
        return None
    names = listed([label.label for label in case.new_labels])
    reasons = [
        f"it adds {names}, so what both know must not get worse, and what is new must be found",
        describe_comparison(found, case.headline, case.baseline),
        _words_of_margin(case, found),
    ]
    reasons += [describe_new_label(label, case.config.min_new_label_recall) for label in case.new_labels]
    missed = [label for label in case.new_labels if label.is_judged and label.recall < case.config.min_new_label_recall]
    surely_missed = [label for label in missed if label.interval.high < case.config.min_new_label_recall]
    if surely_missed or (found.p_worse < case.config.alpha and not case.is_not_worse):
        return Ruling(Outcome.REJECT, tuple(reasons), ("training rows of what got worse or is not found",))
    if missed:
        names = listed([label.label for label in missed])
        return Ruling(
            Outcome.UNDECIDED, tuple(reasons), (f"more labelled rows of {names}, to train on and to judge by",)
        )
    if not case.is_not_worse:
        advice = advice_on_rows(found.rows_to_trust)
        return Ruling(Outcome.UNDECIDED, tuple(reasons), advice, found.rows_to_trust)
    advice = ("a loss of more than the margin on the labels both know",)
    return Ruling(Outcome.PROMOTE, tuple(reasons), advice, route=Route.NEW_LABELS)


def rule_on_the_difference(case: Case) -> Ruling | None:
    """With the same labels, only a difference that chance does not explain decides."""
    found, alpha = case.comparison, case.use.alpha
    if found is None:
        return None
    level = alpha_words(case.use)
    story = describe_comparison(found, case.headline, case.baseline)
    if found.p_better < alpha:
        reason = f"better: {p_words(found.p_better)} ({found.test}), under {level}"
        return Ruling(Outcome.PROMOTE, (story, reason), explain_promotion(found, alpha), route=Route.BETTER)
    if found.p_worse < alpha:
        reason = f"worse: {p_words(found.p_worse)} ({found.test}), under {level}"
        return Ruling(Outcome.REJECT, (story, reason), ("the rows that flipped from right to wrong say where it lost",))
    p_values = f"better {p_words(found.p_better)}, worse {p_words(found.p_worse)}"
    reason = f"neither better nor worse beyond chance: {p_values}, {level} ({found.test})"
    if case.is_not_worse and case.config.on_undecided == "promote_if_not_worse":
        reasons = (story, reason, _words_of_margin(case, found), "`gate.on_undecided` is promote_if_not_worse")
        instead = "with `gate.on_undecided: keep` the champion would have stayed"
        return Ruling(Outcome.PROMOTE, reasons, (instead,), route=Route.NOT_WORSE)
    advice = advice_on_rows(found.rows_to_tell)
    if case.is_not_worse:
        advice += (f"`gate.on_undecided: promote_if_not_worse` would promote it: {_words_of_margin(case, found)}",)
    return Ruling(Outcome.UNDECIDED, (story, reason), advice, found.rows_to_tell)


RULES: tuple[Callable[[Case], Ruling | None], ...] = (
    rule_on_latency,
    rule_on_equals,
    rule_on_first_champion,
    rule_on_lost_labels,
    rule_on_no_shared_rows,
    rule_on_new_labels,
    rule_on_the_difference,
)


def answer_alike(champion: ScoreSheet, challenger: ScoreSheet) -> bool:
    """Return whether both know the same labels and give the same answer to every row."""
    same_labels = champion.labels == challenger.labels
    pairs = zip(champion.rows, challenger.rows, strict=True)
    return champion.version == challenger.version or (
        same_labels and all(canonical_json(a.answer) == canonical_json(b.answer) for a, b in pairs)
    )


def _words_of_margin(case: Case, found: Comparison) -> str:
    bound, margin = points(found.lower_bound), 100 * case.config.non_inferiority_margin
    shown = "shown" if case.is_not_worse else "not shown"
    level = 100 * (1 - case.config.alpha)
    return f"{shown} to be no worse by more than {margin:g} points: one-sided {level:g}% bound {bound}"
