"""The run's page in short, as Markdown: what Prefect shows beside the run. The whole page is `report_page`'s."""

from collections.abc import Iterator, Sequence

from fsl.evaluation.markdown import bullets, plain, table
from fsl.evaluation.metrics import Estimate, LabelScores, Scores
from fsl.evaluation.report import Flip, RunReport
from fsl.pages.words import megabytes, milliseconds, percent, percent_range, sentence

_MAX_LABELS = 40
_MAX_FLIPS = 10


def render_markdown(report: RunReport) -> str:
    """Return the verdict, its reasons, the scores, and the texts that flipped."""
    return "\n\n".join(_sections(report)) + "\n"


def _sections(report: RunReport) -> Iterator[str]:
    verdict, facts = report.verdict, report.facts
    against = f" against {plain(verdict.champion)}" if verdict.champion else ", the first champion"
    yield f"# {verdict.outcome.value.capitalize()}: {plain(verdict.challenger)}{against}"
    yield f"{plain(facts.project)}, {facts.when:%Y-%m-%d %H:%M %Z}. Started by {plain(facts.trigger)}."
    yield bullets(plain(sentence(reason)) for reason in (*verdict.reasons, *verdict.notes))
    yield "**What would change it**\n\n" + bullets(plain(sentence(one)) for one in verdict.what_would_change_it)
    yield score_table([("challenger", report.challenger), ("champion", report.champion)])
    yield "## Labels\n\n" + label_table(report.challenger.labels if report.challenger else ())
    if report.became_wrong:
        yield f"## Right before, wrong now: {report.n_became_wrong}\n\n{_flip_table(report.became_wrong)}"
    if report.became_right:
        yield f"## Wrong before, right now: {report.n_became_right}\n\n{_flip_table(report.became_right)}"
    rows = [
        [
            plain(one.name) + (" (chosen)" if one.won else ""),
            percent(one.tune_score) if one.tune_score is not None else "–",
            f"{one.cost_seconds:,.0f} s",
        ]
        for one in facts.candidates
    ]
    yield "## How it learnt\n\n" + table(["candidate", "on tune rows", "cost"], rows)


def score_table(columns: Sequence[tuple[str, Scores | None]]) -> str:
    """Return accuracy, F1, calibration, latency and size, a column for each version that has scores."""
    given = [(name, scores) for name, scores in columns if scores]
    rows = [
        ["accuracy", *(_estimate(scores.accuracy) for _, scores in given)],
        ["F1, all labels together", *(_estimate(scores.f1) for _, scores in given)],
        ["F1, mean over labels", *(_estimate(scores.macro_f1) for _, scores in given)],
        ["calibration error", *(_calibration(scores) for _, scores in given)],
        ["p95 latency", *(milliseconds(scores.latency_p95_ms) for _, scores in given)],
        ["size", *(megabytes(scores.size_bytes) for _, scores in given)],
    ]
    return table(["95% intervals", *(name for name, _ in given)], rows)


def label_table(labels: Sequence[LabelScores]) -> str:
    """Return one row for each label, the worst found first."""
    worst_first = sorted(labels, key=lambda score: (score.f1, score.label))[:_MAX_LABELS]
    rows = [
        [
            plain(score.label),
            f"{score.n_rows:,}",
            percent(score.precision) if score.n_given else "–",
            _estimate(Estimate(score.recall, score.recall_interval)) if score.n_truths else "–",
            percent(score.f1),
        ]
        for score in worst_first
    ]
    cut = f"\n\nThe {_MAX_LABELS} worst of {len(labels)}." if len(labels) > _MAX_LABELS else ""
    return table(["label", "judge rows", "precision", "recall", "F1"], rows) + cut


def _flip_table(flips: Sequence[Flip]) -> str:
    rows = [
        [plain(one) for one in (flip.text or flip.row_id, flip.truth, flip.champion, flip.challenger)] for flip in flips
    ]
    return table(["text", "truth", "champion", "challenger"], rows[:_MAX_FLIPS])


def _estimate(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} ({percent_range(estimate.interval.low, estimate.interval.high)})"


def _calibration(scores: Scores) -> str:
    return f"{100 * scores.calibration.expected_error:.1f} points" if scores.calibration else "–"
