"""The run's page: one HTML file that says what was decided and why, for a reader who was not there."""

from collections.abc import Iterable, Sequence

from fsl.evaluation.charts import draw_calibration, draw_difference
from fsl.evaluation.label_table import build_label_table
from fsl.evaluation.report import Flip, RunReport
from fsl.evaluation.ruling_words import HEADLINES
from fsl.evaluation.score_words import (
    describe_behaviour,
    describe_robustness,
    describe_scores,
    describe_slices,
    list_failures,
)
from fsl.evaluation.verdict import Outcome
from fsl.pages.markup import Markup, join, page, tag
from fsl.pages.parts import build_card, build_list, build_note, build_table
from fsl.pages.words import (
    megabytes,
    milliseconds,
    n_of,
    p_words,
    percent,
    points,
    points_range,
)

_WHAT_HAPPENS = {
    Outcome.PROMOTE: "The challenger may serve.",
    Outcome.REJECT: "The challenger does not serve.",
    Outcome.UNDECIDED: "What serves now stays.",
}


def render_page(report: RunReport) -> str:
    """Return the whole page; it loads nothing and holds no script."""
    facts, verdict = report.facts, report.verdict
    return page(
        f"{facts.project}: {verdict.outcome.value} {verdict.challenger}",
        tag("p", f"{facts.project} · {facts.when:%Y-%m-%d %H:%M %Z}", class_="kicker"),
        _verdict_card(report),
        _tiles(report),
        _difference_card(report),
        _scores_card(report),
        _beyond_card(report),
        build_card("Label by label", build_label_table(report)),
        _flips_card(report),
        _calibration_card(report),
        _learning_card(report),
        _footer(report),
    )


def _verdict_card(report: RunReport) -> Markup:
    verdict = report.verdict
    against = f"against {verdict.champion}" if verdict.champion else "as the first champion"
    return tag(
        "section",
        tag("span", verdict.outcome.value.capitalize(), class_="badge"),
        tag("h1", f"{verdict.challenger} {against}"),
        tag("p", f"{_WHAT_HAPPENS[verdict.outcome]} The run was started by {report.facts.trigger}.", class_="soft"),
        tag("h3", "Why"),
        build_list(verdict.reasons),
        *([tag("h3", "Good to know"), build_list(verdict.notes)] if verdict.notes else []),
        tag("h3", "What would change it"),
        build_list(verdict.what_would_change_it),
        class_=f"card verdict {verdict.outcome.value}",
    )


def _tiles(report: RunReport) -> Markup:
    verdict, scores = report.verdict, report.challenger
    tiles = []
    if found := verdict.comparison:
        name = HEADLINES.get(verdict.headline, verdict.headline)
        tiles += [
            (percent(found.challenger_score), f"{name}, against {percent(found.champion_score)}"),
            (points(found.difference), points_range(found.interval.low, found.interval.high)),
            (p_words(found.p_better).removeprefix("p ").removeprefix("= "), "p-value of being better, one-sided"),
            (f"{found.n_rows:,}", f"shared rows: {found.n_wins:,} won, {found.n_losses:,} lost"),
        ]
    if scores:
        tiles += [
            (milliseconds(scores.latency_p95_ms), f"p95 latency, at most {report.gate.max_latency_p95_ms:g} ms"),
            (megabytes(scores.size_bytes), f"served as {report.facts.footprint.served}"),
        ]
    return tag(
        "div", *(tag("div", tag("b", big), tag("span", small), class_="tile") for big, small in tiles), class_="tiles"
    )


def _difference_card(report: RunReport) -> Markup:
    found = report.verdict.comparison
    if found is None:
        return Markup()
    level = f"{100 * found.interval.level:g}%"
    margin = 100 * report.gate.non_inferiority_margin
    words = (
        f"Challenger less {report.verdict.baseline}, on the same {n_of(found.n_rows, 'row')}, whose labels both know. "
        f"The bar is the {level} interval; each of its ends is a bound at alpha. In the zone on the left, beyond the "
        f"margin of {margin:g} points, a loss is too large even for an update that adds labels. Test: {found.test}."
    )
    return build_card(
        "The difference", draw_difference(found, report.gate.non_inferiority_margin), tag("p", words, class_="soft")
    )


def _scores_card(report: RunReport) -> Markup:
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


def _beyond_card(report: RunReport) -> Markup:
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


def _flips_card(report: RunReport) -> Markup:
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
    return join([heading, tag("div", build_table(head, rows, caption, numbers=[4]), class_="flips")])


def _calibration_card(report: RunReport) -> Markup:
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


def _learning_card(report: RunReport) -> Markup:
    facts, footprint = report.facts, report.facts.footprint
    rows = [
        (
            one.name,
            percent(one.tune_score) if one.tune_score is not None else "–",
            f"{one.cost_seconds:,.0f} s",
            "chosen" if one.won else "",
            one.note,
        )
        for one in facts.candidates
    ]
    head = ["Candidate", "On tune rows", "Cost", "", "Note"]
    n_train = sum(label.n_train for label in facts.data.labels)
    n_judge = sum(label.n_judge for label in facts.data.labels)
    words = (
        f"Learnt from {n_of(n_train, 'train row')} and {n_of(facts.data.n_pool, 'unlabelled text')}, "
        f"judged on {n_of(n_judge, 'row')} that nothing was trained or chosen on."
    )
    int8 = ""
    if footprint.int8_bytes is not None and footprint.disagreement is not None:
        bound = (
            f" (at most {percent(footprint.disagreement_bound)})" if footprint.disagreement_bound is not None else ""
        )
        int8 = (
            f" int8 weighs {megabytes(footprint.int8_bytes)} and changes {percent(footprint.disagreement)} of the "
            f"answers{bound}."
        )
    export = f"Exported: fp32 weighs {megabytes(footprint.fp32_bytes)}.{int8} Served: {footprint.served}."
    return build_card(
        "How it learnt",
        build_table(head, rows, numbers=[1, 2]),
        tag("p", words, class_="soft"),
        tag("p", export, class_="soft"),
    )


def _footer(report: RunReport) -> Markup:
    gate = report.gate
    words = (
        f"Snapshot {report.facts.data.snapshot}. Gate: alpha {gate.alpha:g}, margin "
        f"{100 * gate.non_inferiority_margin:g} points, "
        f"recall of new labels at least {percent(gate.min_new_label_recall)}, at least "
        f"{gate.min_judge_rows_per_label} judge rows a label, p95 latency at most {gate.max_latency_p95_ms:g} ms, "
        f"when undecided: {gate.on_undecided}."
    )
    return tag("footer", tag("p", words))
