"""The run's page in short, as Markdown: what Prefect shows beside the run. The whole page is `report_page`'s."""

from collections.abc import Iterator, Sequence

from fsl.evaluation.comparison.flips import Flip
from fsl.evaluation.report.markdown import bullets, plain, table
from fsl.evaluation.report.record import RunReport
from fsl.evaluation.report.score_words import (
    describe_behaviour,
    describe_robustness,
    describe_scores,
    describe_slices,
    estimate,
)
from fsl.evaluation.scores.metrics import Estimate, LabelScores, Scores
from fsl.pages.words import percent, sentence

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
    if report.asks:
        yield f"**It waits for a person**, because {plain(report.asks)}."
    yield bullets(plain(sentence(reason)) for reason in (*verdict.reasons, *verdict.notes))
    yield "**What would change it**\n\n" + bullets(plain(sentence(one)) for one in verdict.what_would_change_it)
    columns = [("challenger", report.challenger), ("champion", report.champion)]
    yield score_table(columns, kind=facts.kind)
    yield from beyond_tables(columns)
    yield "## Labels\n\n" + label_table(report.challenger.labels if report.challenger else ())
    if report.became_wrong:
        yield f"## Right before, wrong now: {report.n_became_wrong}\n\n{_flip_table(report.became_wrong)}"
    if report.became_right:
        yield f"## Wrong before, right now: {report.n_became_right}\n\n{_flip_table(report.became_right)}"
    rows = [
        [
            plain(one.name) + (" (chosen)" if one.won else ""),
            f"{one.tune_score:.3f}" if one.tune_score is not None else "–",
            f"{one.cost_seconds:,.0f} s",
        ]
        for one in facts.candidates
    ]
    yield "## How it learnt\n\n" + table(["candidate", "log-likelihood of a tune row", "cost"], rows)


def render_request(version: str, standing: str, reasons: str) -> str:
    """Return what a person must know to decide about a version that waits."""
    why = f"fsl models why {version}"
    decide = [f'fsl models {verb} {version} --reason "…"' for verb in ("approve", "refuse")]
    commands = "\n".join([why, *decide])
    return f"# Waiting for approval\n\n{plain(sentence(standing))}\n\n{plain(reasons)}\n\n```\n{commands}\n```\n"


def score_table(columns: Sequence[tuple[str, Scores | None]], *, kind: str) -> str:
    """Return every score, a column for each version that has scores."""
    given = [(name, scores) for name, scores in columns if scores]
    rows = describe_scores([scores for _, scores in given], kind=kind)
    return table(["95% intervals", *(name for name, _ in given)], [[name, *cells] for name, cells in rows])


def beyond_tables(columns: Sequence[tuple[str, Scores | None]]) -> Iterator[str]:
    """Yield what was asked beyond the judge rows: changed texts, checks, slices; nothing where nothing was."""
    given = [(name, scores) for name, scores in columns if scores]
    every = [scores for _, scores in given]
    parts = {
        "changed texts": describe_robustness(every),
        "checks of behaviour": describe_behaviour(every),
        "slices": describe_slices(every),
    }
    for title, rows in parts.items():
        if rows:
            cells = [[plain(name), *(plain(cell) for cell in row)] for name, row in rows]
            yield table([title, *(name for name, _ in given)], cells)


def label_table(labels: Sequence[LabelScores]) -> str:
    """Return one row for each label, the worst found first."""
    worst_first = sorted(labels, key=lambda score: (score.f1, score.label))[:_MAX_LABELS]
    rows = [
        [
            plain(score.label),
            f"{score.n_rows:,}",
            percent(score.precision) if score.n_given else "–",
            estimate(Estimate(score.recall, score.recall_interval)) if score.n_truths else "–",
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
