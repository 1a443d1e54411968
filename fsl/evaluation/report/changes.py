"""The parts of the run's page that tell what changed: labels taken for others, flipped texts, what was forgotten."""

from collections.abc import Sequence

from fsl.evaluation.comparison.flips import Flip
from fsl.evaluation.report.record import RunReport
from fsl.explaining.page import MEANING, build_explanation
from fsl.pages.markup import Markup, join, tag
from fsl.pages.parts import build_card, build_table
from fsl.pages.words import n_of, percent, percent_range

_MAX_LABELS = 10


def build_confusion_card(report: RunReport) -> Markup:
    """Return the pairs of labels that are taken for each other more or less often than before."""
    if report.verdict.champion is None:
        return Markup()
    if not report.confusions:
        return build_card("Labels whose confusion changed most", tag("p", "None changed.", class_="soft"))
    rows = [
        (one.truth, one.answer, f"{one.n_before:,}", f"{one.n_after:,}", f"{one.change:+,}")
        for one in report.confusions
    ]
    caption = "Judge rows of the first label that get the second. Fewer is better."
    head = ["True label", "Answered", "Champion", "Challenger", "Change"]
    return build_card("Labels whose confusion changed most", build_table(head, rows, caption, numbers=[2, 3, 4]))


def build_forgetting_card(report: RunReport) -> Markup:
    """Return how much of what the champion got right the challenger gets wrong, and in which labels."""
    found = report.forgetting
    if found is None:
        return Markup()
    interval = found.interval
    words = (
        f"Of {n_of(found.n_right_before, 'judge row')} that the champion got right, the challenger gets "
        f"{found.n_forgotten:,} wrong: {percent(found.share)} "
        f"(95% interval {percent_range(interval.low, interval.high)})."
    )
    rows = [(one.label, f"{one.n_forgotten:,}", f"{one.n_right_before:,}") for one in found.labels[:_MAX_LABELS]]
    table = build_table(["Label", "Wrong now", "Of those right before"], rows, numbers=[1, 2]) if rows else Markup()
    return build_card("What was forgotten", tag("p", words), table)


def build_flips_card(report: RunReport) -> Markup:
    if report.verdict.champion is None:
        return Markup()
    wrong = _flips("Right before, wrong now", report.became_wrong, report.n_became_wrong)
    right = _flips("Wrong before, right now", report.became_right, report.n_became_right)
    return build_card("Texts that flipped", wrong, right)


def _flips(title: str, flips: Sequence[Flip], n_all: int) -> Markup:
    heading = tag("h3", f"{title}: {n_all:,}")
    if not flips:
        return join([heading, tag("p", "None.", class_="soft")])
    rows = [
        (flip.text or flip.row_id, flip.truth, flip.champion, flip.challenger, percent(flip.confidence))
        for flip in flips
    ]
    caption = f"The {len(flips)} of which the challenger is surest." if n_all > len(flips) else ""
    head = ["Text", "Truth", "Champion", "Challenger", "Sure"]
    table = tag("div", build_table(head, rows, caption, numbers=[4]), class_="flips")
    return join([heading, table, _explanations(flips)])


def _explanations(flips: Sequence[Flip]) -> Markup:
    explained = [flip for flip in flips if flip.explanation]
    if not explained:
        return Markup()
    return tag(
        "details",
        tag("summary", f"Why the challenger answered so: {n_of(len(explained), 'text')}"),
        tag("p", MEANING, class_="soft"),
        *(build_explanation(flip.explanation, truth=flip.truth) for flip in explained if flip.explanation),
    )
