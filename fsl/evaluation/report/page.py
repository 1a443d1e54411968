"""The run's page: one HTML file that says what was decided and why, for a reader who was not there."""

from fsl.evaluation.report.changes import build_confusion_card, build_flips_card, build_forgetting_card
from fsl.evaluation.report.charts import draw_difference
from fsl.evaluation.report.label_table import build_label_table
from fsl.evaluation.report.origin import build_data_card, build_learning_card
from fsl.evaluation.report.record import RunReport
from fsl.evaluation.report.scores import build_beyond_card, build_calibration_card, build_scores_card
from fsl.evaluation.ruling.verdict import Outcome
from fsl.evaluation.ruling.words import HEADLINES
from fsl.pages.markup import Markup, page, tag
from fsl.pages.parts import build_card, build_list
from fsl.pages.words import megabytes, milliseconds, n_of, p_words, percent, points, points_range

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
        build_scores_card(report),
        build_beyond_card(report),
        build_card("Label by label", build_label_table(report)),
        build_confusion_card(report),
        build_flips_card(report),
        build_forgetting_card(report),
        build_calibration_card(report),
        build_data_card(report),
        build_learning_card(report),
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
        *_ask(report),
        tag("h3", "Why"),
        build_list(verdict.reasons),
        *([tag("h3", "Good to know"), build_list(verdict.notes)] if verdict.notes else []),
        tag("h3", "What would change it"),
        build_list(verdict.what_would_change_it),
        class_=f"card verdict {verdict.outcome.value}",
    )


def _ask(report: RunReport) -> list[Markup]:
    """Return that a person has the last word, and how to say it."""
    if report.asks is None:
        return []
    version, hours = report.verdict.challenger, f"{report.gate.approval_hours:g}"
    words = f"It waits for a person, because {report.asks}. No answer within {hours} hours is a refusal."
    commands = (f"fsl models {verb} {version} --reason …" for verb in ("approve", "refuse"))
    return [tag("h3", "Somebody must decide"), tag("p", words), *(tag("p", tag("code", one)) for one in commands)]


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
