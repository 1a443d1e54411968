"""The parts of the run's page that tell what a version was made from: rows, drift, and how it was learnt."""

from fsl.evaluation.report.record import DriftFacts, RunReport
from fsl.pages.markup import Markup, tag
from fsl.pages.parts import build_card, build_list, build_table
from fsl.pages.words import listed, megabytes, n_of, percent


def build_data_card(report: RunReport) -> Markup:
    """Return how many rows there were of what, and what was last found of the champion's traffic."""
    data, verdict = report.facts.data, report.verdict
    rows = [
        ("Train", f"{sum(one.n_train for one in data.labels):,}", "fits weights and heads"),
        ("Tune", f"{sum(one.n_tune for one in data.labels):,}", "temperature, int8, choice of candidates"),
        ("Judge", f"{sum(one.n_judge for one in data.labels):,}", "the gate alone"),
        ("Unlabelled", f"{data.n_pool:,}", "soft labels of the teacher"),
    ]
    new = listed([one.label for one in verdict.new_labels])
    words = (
        f"{n_of(len(data.labels), 'label')}" + (f", new: {new}" if new else "") + f". Snapshot {data.snapshot[:12]}."
    )
    return build_card(
        "Data and drift",
        build_table(["Rows", "Number", "Used for"], rows, numbers=[1]),
        tag("p", words, class_="soft"),
        *_drift(report.facts.drift, verdict.champion),
    )


def _drift(drift: DriftFacts | None, champion: str | None) -> list[Markup]:
    if champion is None:
        return [tag("p", "Drift: nothing was served yet.", class_="soft")]
    if drift is None:
        return [tag("p", f"Drift: no window of {champion}'s traffic was compared yet.", class_="soft")]
    when = f"{drift.when:%Y-%m-%d %H:%M}"
    return [tag("h3", f"Drift of {champion}'s traffic: {drift.action}, {when}"), build_list(drift.reasons)]


def build_learning_card(report: RunReport) -> Markup:
    facts, footprint = report.facts, report.facts.footprint
    rows = [
        (
            one.name,
            f"{one.tune_score:.3f}" if one.tune_score is not None else "–",
            f"{one.cost_seconds:,.0f} s",
            "chosen" if one.won else "",
            one.note,
        )
        for one in facts.candidates
    ]
    head = ["Candidate", "Log-likelihood of a tune row", "Cost", "", "Note"]
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
            f" {footprint.served} weighs {megabytes(footprint.int8_bytes)} and changes "
            f"{percent(footprint.disagreement)} of the answers{bound}."
        )
    export = f"Exported: fp32 weighs {megabytes(footprint.fp32_bytes)}.{int8} Served: {footprint.served}."
    return build_card(
        "How it learnt",
        build_table(head, rows, numbers=[1, 2]),
        tag("p", words, class_="soft"),
        tag("p", export, class_="soft"),
    )
