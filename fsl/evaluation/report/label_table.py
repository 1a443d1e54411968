"""The page's table of labels: rows, precision, recall with its interval, and what each label's row must warn of."""

from fsl.evaluation.report.charts import draw_share
from fsl.evaluation.report.record import RunReport
from fsl.evaluation.scores.metrics import LabelScores
from fsl.pages.markup import Markup, join, tag
from fsl.pages.words import percent, percent_range

_HEAD = ("Label", "Train", "Judge", "Precision", "Recall, 95% interval", "F1", "F1 before", "")


def build_label_table(report: RunReport) -> Markup:
    """Return one row for each label that has labelled rows or was answered, the most changed first."""
    ours = {score.label: score for score in report.challenger.labels} if report.challenger else {}
    theirs = {score.label: score for score in report.champion.labels} if report.champion else {}
    rows = {rows.label: rows for rows in report.facts.data.labels}
    labels = sorted(rows.keys() | ours.keys() | theirs.keys(), key=lambda name: (-_change(name, ours, theirs), name))
    body = []
    for label in labels:
        score, before, count = ours.get(label), theirs.get(label), rows.get(label)
        body.append(
            tag(
                "tr",
                tag("th", label, scope="row", dir="auto"),
                _number(f"{count.n_train:,}" if count else "–"),
                _number(f"{score.n_rows:,}" if score else "0"),
                _number(percent(score.precision) if score and score.n_given else "–"),
                tag("td", _recall(score)),
                _number(percent(score.f1) if score else "–"),
                _number(percent(before.f1) if before else "–"),
                tag("td", _badges(label, report)),
            )
        )
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in _HEAD)))
    return tag("table", tag("caption", "The labels whose F1 changed most stand first."), head, tag("tbody", *body))


def _change(label: str, ours: dict[str, LabelScores], theirs: dict[str, LabelScores]) -> float:
    if label not in ours or label not in theirs:
        return 0.0
    return round(abs(ours[label].f1 - theirs[label].f1), 6)


def _recall(score: LabelScores | None) -> Markup:
    if score is None or not score.n_truths:
        return Markup("–")
    interval = score.recall_interval
    words = f" {percent(score.recall)} ({percent_range(interval.low, interval.high)})"
    return join([draw_share(score.recall, interval), words])


def _badges(label: str, report: RunReport) -> Markup:
    verdict = report.verdict
    badges = []
    if any(new.label == label for new in verdict.new_labels):
        badges.append(tag("span", "new", class_="badge good"))
    if any(lost.label == label for lost in verdict.lost_labels):
        badges.append(tag("span", "lost", class_="badge bad"))
    if label in verdict.unjudged_labels:
        badges.append(tag("span", "too few rows to judge", class_="badge wait"))
    return join(badges)


def _number(words: str) -> Markup:
    return tag("td", words, class_="number")
