"""The parts of the run's page that tell how good each version is: scores, what was asked beyond them, calibration."""

from collections.abc import Iterable

from fsl.evaluation.report.charts import draw_calibration
from fsl.evaluation.report.record import RunReport
from fsl.evaluation.report.score_words import (
    describe_behaviour,
    describe_robustness,
    describe_scores,
    describe_slices,
    list_failures,
)
from fsl.pages.markup import Markup, tag
from fsl.pages.parts import build_card, build_list, build_note, build_table
from fsl.pages.words import n_of, points


def build_scores_card(report: RunReport) -> Markup:
    both = [
        (name, scores) for name, scores in (("Challenger", report.challenger), ("Champion", report.champion)) if scores
    ]
    if not both:
        return Markup()

    every = [scores for _, scores in both]
    rows = [(name, *cells) for name, cells in describe_scores(every, kind=report.facts.kind)]
    n_rows = n_of(every[0].n_rows, "judge row")
    caption = f"The exported bundles on all {n_rows}, labels that only one of them knows included. 95% intervals."
    return build_card("Scores", build_table(["", *(name for name, _ in both)], rows, caption))


def build_beyond_card(report: RunReport) -> Markup:
    """What was asked beyond the judge rows; a part that a project asks nothing of is named, so that it is missed."""
    both = [
        (name, scores) for name, scores in (("Challenger", report.challenger), ("Champion", report.champion)) if scores
    ]
    if not any(scores.examination for _, scores in both):
        return Markup()
    every, heads = [scores for _, scores in both], ["", *(name for name, _ in both)]
    parts: list[Markup] = []
    for title, rows, missing in (
        ("Changed texts", describe_robustness(every), "none asked: gate.robustness_texts is 0, or no judge row"),
        ("Checks of behaviour", describe_behaviour(every), "none declared under gate.behaviour"),
        ("Slices", describe_slices(every), "none declared under gate.slices"),
    ):
        shown = build_table(heads, [(name, *cells) for name, cells in rows]) if rows else build_note(f"{missing}.")
        parts += [tag("h3", title), shown]
    failures = list_failures(every[0]) if report.challenger else []
    if failures:
        parts += [tag("h3", "Where the challenger failed"), build_list(failures)]
    return build_card("Beyond the judge rows", *parts)


def build_calibration_card(report: RunReport) -> Markup:
    ours = report.challenger.calibration if report.challenger else None
    if ours is None:
        return Markup()
    theirs = report.champion.calibration if report.champion else None
    words = [
        f"When the challenger says 80%, it should be right four times in five. On average its confidence is "
        f"{points(ours.expected_error).lstrip('+')} away from its accuracy.",
        "Each dot holds about equally many rows; on the dashed line confidence is accuracy.",
        *(["Filled: challenger. Ring: champion."] if theirs else []),
    ]
    return build_card(
        "Is it as sure as it should be?", tag("div", draw_calibration(ours, theirs), _paragraphs(words), class_="two")
    )


def _paragraphs(words: Iterable[str]) -> Markup:
    return tag("div", *(tag("p", one) for one in words))
