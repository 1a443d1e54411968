"""A version's scores in words, row by row: what the page, its Markdown, the model card and the terminal all say."""

from collections.abc import Callable, Sequence
from typing import Any

from fsl.evaluation.scores.intervals import Interval
from fsl.evaluation.scores.metrics import Estimate, Scores
from fsl.pages.words import megabytes, milliseconds, percent, percent_range
from fsl.problems import find_problem

NOT_MEASURED = "not measured"
NOT_DECLARED = "not measured: gate.out_of_scope declares no text"
ALL_ANSWERED = "all of them"
Row = tuple[str, list[str]]


def describe_scores(versions: Sequence[Scores], *, kind: str) -> list[Row]:
    """Return one row for each score, a cell for each version."""
    names = find_problem(kind).score_names
    rows: list[tuple[str, Callable[[Scores], str]]] = [
        (names["accuracy"], lambda one: estimate(one.accuracy)),
        (names["f1"], lambda one: estimate(one.f1)),
        ("F1, mean over labels", lambda one: estimate(one.macro_f1)),
        ("Calibration error", _calibration),
        ("Brier score", lambda one: f"{one.calibration.brier:.3f}" if one.calibration else NOT_MEASURED),
        ("Confidence tells right from wrong (AUROC)", _abstention),
        ("Out-of-scope texts are told (AUROC)", _out_of_scope),
        ("Out-of-scope texts answered, at 95% recall", _false_accepts),
        *(_AS_SERVED if any(one.selection for one in versions) else ()),
        ("Latency p50, p95", _latency),
        ("Size", lambda one: megabytes(one.size_bytes)),
        ("Peak memory while answering", _memory),
    ]
    return [(name, [words(one) for one in versions]) for name, words in rows]


def describe_robustness(versions: Sequence[Scores]) -> list[Row]:
    """Return one row for each way of changing texts: answers that change, and accuracy before and after."""
    names = dict.fromkeys(one.name for scores in versions for one in _examined(scores, "robustness"))
    return [(name, [_robustness(scores, name) for scores in versions]) for name in names]


def describe_behaviour(versions: Sequence[Scores]) -> list[Row]:
    """Return one row for each check of behaviour: how many of its cases hold."""
    names = dict.fromkeys(one.name for scores in versions for one in _examined(scores, "behaviour"))
    return [(name, [_behaviour(scores, name) for scores in versions]) for name in names]


def describe_slices(versions: Sequence[Scores]) -> list[Row]:
    """Return one row for each slice: accuracy inside and outside, and what swapping its words changes."""
    names = dict.fromkeys(one.name for scores in versions for one in scores.slices)
    return [(name, [_slice(scores, name) for scores in versions]) for name in names]


def list_failures(scores: Scores) -> list[str]:
    """Return examples of failed checks and of answers that a swap changed, in words."""
    found = [f"{one.name}: {text}" for one in _examined(scores, "behaviour") for text in one.examples]
    return found + [f"{one.name}: {text}" for one in _examined(scores, "slices") for text in one.examples]


def estimate(one: Estimate) -> str:
    return f"{percent(one.value)} ({percent_range(one.interval.low, one.interval.high)})"


def _examined(scores: Scores, part: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] = getattr(scores.examination, part, ())
    return found


def _calibration(scores: Scores) -> str:
    return f"{100 * scores.calibration.expected_error:.1f} points" if scores.calibration else NOT_MEASURED


def _abstention(scores: Scores) -> str:
    return _area(scores.abstention.auroc, scores.abstention.interval) if scores.abstention else NOT_MEASURED


def _out_of_scope(scores: Scores) -> str:
    found = scores.out_of_scope
    return f"{_area(found.separation.auroc, found.separation.interval)} by {found.by}" if found else NOT_DECLARED


def _false_accepts(scores: Scores) -> str:
    found = scores.out_of_scope
    return estimate(Estimate(found.false_accepts, found.interval)) if found else NOT_DECLARED


def _answered(scores: Scores) -> str:
    found = scores.selection
    return estimate(Estimate(found.n_answered / found.n_rows, found.given)) if found and found.n_rows else ALL_ANSWERED


def _right_when_answered(scores: Scores) -> str:
    found = scores.selection
    if found is None:
        return estimate(scores.accuracy)
    if not found.n_answered:
        return "none is given"
    withheld = f"{found.n_withheld_right:,} right ones withheld"
    return f"{estimate(Estimate(found.n_right / found.n_answered, found.right))}, {withheld}"


def _outside_answered(scores: Scores) -> str:
    found, outside = scores.selection, getattr(scores.examination, "out_of_scope", ())
    if not outside:
        return NOT_DECLARED
    return f"{found.n_outside_answered if found else len(outside):,} of {len(outside):,}"


def _area(auroc: float, interval: Interval) -> str:
    return f"{auroc:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _latency(scores: Scores) -> str:
    return f"{milliseconds(scores.latency_p50_ms)}, {milliseconds(scores.latency_p95_ms)}"


def _memory(scores: Scores) -> str:
    found = scores.examination.peak_memory_bytes if scores.examination else None
    return megabytes(found) if found else NOT_MEASURED


def _robustness(scores: Scores, name: str) -> str:
    for one in _examined(scores, "robustness"):
        if one.name == name and one.n_texts:
            changed, after = one.n_changed / one.n_texts, one.n_right_after / one.n_texts
            before = percent(one.n_right_before / one.n_texts)
            return f"{percent(changed)} of {one.n_texts} change, accuracy {before} to {percent(after)}"
    return NOT_MEASURED


def _behaviour(scores: Scores, name: str) -> str:
    for one in _examined(scores, "behaviour"):
        if one.name == name:
            return f"{one.n_cases - one.n_failed} of {one.n_cases} hold"
    return NOT_MEASURED


def _slice(scores: Scores, name: str) -> str:
    inside = next((one for one in scores.slices if one.name == name), None)
    if inside is None:
        return NOT_MEASURED
    words = "no judge row belongs to it"
    if inside.n_rows:
        words = f"{estimate(inside.accuracy)} on {inside.n_rows} rows, {percent(inside.rest.value)} on the others"
    swaps = next((one for one in _examined(scores, "slices") if one.name == name and one.n_swapped), None)
    return f"{words}; swapping words changes {swaps.n_changed} of {swaps.n_swapped} answers" if swaps else words


_AS_SERVED = (
    ("As served: texts that are answered", _answered),
    ("As served: right among the answers given", _right_when_answered),
    ("As served: out-of-scope texts answered", _outside_answered),
)
