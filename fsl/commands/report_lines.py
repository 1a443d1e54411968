"""What the run's page says, as lines and tables for a terminal. Every text is inert."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType

from fsl.console import line, table
from fsl.evaluation.comparison.changes import ConfusionChange, Forgetting
from fsl.evaluation.comparison.flips import Flip
from fsl.evaluation.report.record import RunReport
from fsl.evaluation.report.score_words import (
    Row,
    describe_behaviour,
    describe_robustness,
    describe_scores,
    describe_slices,
    list_failures,
)
from fsl.evaluation.ruling.verdict import Verdict
from fsl.evaluation.scores.metrics import Scores
from fsl.pages.words import n_of, percent, percent_range, sentence

_MAX_FLIPS = 10
_MAX_WORDS = 3
Lines = Iterator[RenderableType]


def verdict_lines(verdict: Verdict) -> Lines:
    """Yield what was decided, why, and what would change it."""
    against = f"against {verdict.champion}" if verdict.champion else "as the first champion"
    yield line(f"{verdict.outcome.value.upper()}: {verdict.challenger} {against}")
    yield from _bullets("why", verdict.reasons)
    yield from _bullets("good to know", verdict.notes)
    yield from _bullets("what would change it", verdict.what_would_change_it)


def score_lines(versions: Sequence[tuple[str, Scores | None]], *, kind: str) -> Lines:
    """Yield the scores with their intervals, and what was asked beyond the judge rows."""
    given = [(name, scores) for name, scores in versions if scores]
    names, every = [name for name, _ in given], [scores for _, scores in given]
    if not every:
        return
    yield from _score_table("95% intervals", names, describe_scores(every, kind=kind))
    yield from _score_table("changed texts", names, describe_robustness(every))
    yield from _score_table("checks of behaviour", names, describe_behaviour(every))
    yield from _score_table("slices", names, describe_slices(every))
    yield from _bullets(f"where {names[-1]} failed", list_failures(every[-1]))


def change_lines(
    confusions: Sequence[ConfusionChange], forgetting: Forgetting | None, before: str, after: str
) -> Lines:
    """Yield the labels whose confusion changed most, and what was forgotten."""
    if confusions:
        rows = [(one.truth, one.answer, one.n_before, one.n_after, f"{one.change:+}") for one in confusions]
        yield from ("", line("labels whose confusion changed most:"))
        yield table(["true label", "answered", f"#{before}", f"#{after}", "#change"], rows)
    if forgetting is not None:
        interval = forgetting.interval
        yield ""
        yield line(
            f"forgotten: of {n_of(forgetting.n_right_before, 'row')} that {before} got right, {after} gets "
            f"{forgetting.n_forgotten:,} wrong: {percent(forgetting.share)} "
            f"({percent_range(interval.low, interval.high)})"
        )


def flip_lines(title: str, flips: Sequence[Flip], n_all: int, before: str, after: str) -> Lines:
    """Yield texts that flipped, and the words that carried the new answer where they are known."""
    yield from ("", line(f"{title}: {n_all:,}" + (f", the surest {_MAX_FLIPS}" if n_all > _MAX_FLIPS else "")))
    if flips:
        head, shown = ["text", "truth", before, after], flips[:_MAX_FLIPS]
        rows = [[flip.text or flip.row_id, flip.truth, flip.champion, flip.challenger] for flip in shown]
        if any(flip.explanation for flip in shown):
            head, rows = [*head, "carried by"], [[*row, _carried(flip)] for row, flip in zip(rows, shown, strict=True)]
        yield table(head, rows)


def origin_lines(report: RunReport) -> Lines:
    """Yield what the version was made from: rows, drift, and who won in learning at what cost."""
    data, drift = report.facts.data, report.facts.drift
    n_train, n_judge = sum(one.n_train for one in data.labels), sum(one.n_judge for one in data.labels)
    yield ""
    yield line(
        f"learnt from {n_of(n_train, 'train row')} and {n_of(data.n_pool, 'unlabelled text')} of snapshot "
        f"{data.snapshot[:12]}, judged on {n_of(n_judge, 'row')}; started by {report.facts.trigger}"
    )
    if drift is not None:
        yield line(f"drift of the champion's traffic: {drift.action}: {'; '.join(drift.reasons)}")
    rows = [
        (
            one.name,
            "–" if one.tune_score is None else f"{one.tune_score:.3f}",
            f"{one.cost_seconds:,.0f} s",
            "chosen: " + one.note if one.won else one.note,
        )
        for one in report.facts.candidates
    ]
    yield table(["candidate", "#log-likelihood of a tune row", "#cost", ""], rows)


def _score_table(title: str, names: Sequence[str], rows: Sequence[Row]) -> Lines:
    if rows:
        yield ""
        yield table([title, *names], [(name, *cells) for name, cells in rows])


def _bullets(title: str, items: Iterable[str]) -> Lines:
    shown = [line(f"  - {sentence(item)}") for item in items]
    if shown:
        yield from (line(f"{title}:"), *shown)


def _carried(flip: Flip) -> str:
    found = flip.explanation
    if found is None:
        return ""
    strongest = sorted(found.words, key=lambda word: -word.weight)[:_MAX_WORDS]
    return ", ".join(found.text[word.start : word.end] for word in strongest if word.weight > 0)
