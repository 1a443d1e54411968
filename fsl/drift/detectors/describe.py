"""Findings in words: what each test looked at, by how much it moved, and by which texts."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from fsl.drift.detectors.behind import in_both
from fsl.drift.detectors.changes import Changes
from fsl.drift.detectors.classifier import TellingApart, tell_apart
from fsl.drift.detectors.findings import Example, Finding, FindingName
from fsl.drift.detectors.forms import one_hot
from fsl.drift.detectors.joint import Judged
from fsl.drift.detectors.shuffles import number_strata
from fsl.drift.detectors.traits import Traits
from fsl.drift.windows.window import Window
from fsl.pages.words import p_words

MAX_EXAMPLE_CHARS = 160
_MOST_HINTS = 3
_UNSURE = 0.05  # the least sure share of the reference, which gives the bound of "out of scope"


def describe(
    changes: Changes, reference: Window, current: Window, traits: tuple[Traits, Traits]
) -> tuple[Finding, ...]:
    """Return a finding for all tests together and for each, in the order they were made.

    Args:
        current: the rows that `changes` is of: joined with those before where only these gave the alarm.
    """
    rows = traits[0].join(traits[1])
    everywhere = np.zeros(rows.n_rows, dtype=np.intp)
    told = tell_apart(rows.embeddings, everywhere, reference.n_rows)
    together, *singles = changes.overall
    findings = [_together(together, singles, changes.level, current)]
    findings += [_overall(one, changes, traits, told, current) for one in singles]
    findings += _behind(changes, rows, reference.n_rows)
    if changes.unsure is not None:
        words = f"the least sure texts of both windows: {p_words(changes.unsure.p_value)}"
        findings.append(_finding("unsure_texts", changes.unsure, changes.level, changes.unsure.surprise, words))
    return tuple(findings)


def _together(one: Judged, singles: list[Judged], level: float, current: Window) -> Finding:
    hints = sorted(singles, key=lambda single: -single.surprise)[:_MOST_HINTS]
    names = ", ".join(single.name.replace("_", " ") for single in hints)
    words = f"all tests together, over the last {current.n_rows:,} rows (most of it: {names}), {p_words(one.p_value)}"
    return _finding("together", one, level, one.surprise, words)


def _overall(
    one: Judged, changes: Changes, traits: tuple[Traits, Traits], told: TellingApart, current: Window
) -> Finding:
    name: FindingName = one.name  # type: ignore[assignment]
    effect, words = _measure(name, one, changes, traits, told)
    examples = tuple(example_of(current, place) for place in told.most_telling) if name == "telling_apart" else ()
    return _finding(name, one, changes.level, effect, f"{words}, {p_words(one.joint_p_value)}", examples)


def _measure(
    name: FindingName, one: Judged, changes: Changes, traits: tuple[Traits, Traits], told: TellingApart
) -> tuple[float, str]:
    """Return a finding's effect and what it says."""
    before, now = traits
    if name == "texts":
        distance = float(np.sqrt(max(0.0, one.statistic))) * (1 / before.n_rows + 1 / now.n_rows)
        return distance, f"all texts together: MMD {distance:.3f}"
    if name == "telling_apart":
        return told.auroc, f"old and new texts are told apart with AUROC {told.auroc:.2f}"
    if name == "within_answers":
        return one.surprise, "texts less the mean of their answer"
    if name == "clusters":
        return one.surprise, "clusters of texts that were rarer before"
    if name == "sureness":
        return one.surprise, "how sure it is of a text, less what texts like it foretell"
    if name in {"answers", "surge"}:
        return _measure_answers(name, traits)
    if name in {"confidence", "margin"}:
        return _measure_number(name, getattr(before, name), getattr(now, name))
    if name == "length":
        return _measure_number("characters of a text", before.length, now.length)
    if name == "out_of_scope":
        share = share_unsure(before.confidence, now.confidence)
        return share, f"{100 * share:.0f}% of the rows are less sure than the least sure {_UNSURE:.0%} were"
    if name == "script":
        return _most_moved("script", [(one,) for one in before.script], [(one,) for one in now.script])
    kept = set(changes.words)
    words = [[tuple(sorted(row & kept)) for row in side.words] for side in traits]
    return _most_moved("word", *words)


def _measure_answers(name: FindingName, traits: tuple[Traits, Traits]) -> tuple[float, str]:
    shares = label_shares(traits[0], traits[1])
    if name == "surge":
        label, before, now, (low, high) = max(shares, key=lambda one: one[2] - one[1])
        return now - before, f"the largest rise: {label} {_to(before, now)} (now {100 * low:.0f} to {100 * high:.0f}%)"
    moved = [one for one in shares[:3] if abs(one[2] - one[1]) >= 0.005]
    distance = sum(abs(now - before) for _, before, now, _ in shares) / 2
    changes = ", ".join(f"{label} {_to(before, now)}" for label, before, now, _ in moved)
    return distance, f"the mix of answers: {100 * distance:.0f}% moved" + (f" ({changes})" if changes else "")


def label_shares(before: Traits, now: Traits) -> list[tuple[str, float, float, tuple[float, float]]]:
    """Return each label with its share before and now and the 95% interval of the latter, the most moved first.

    Source:
        Wilson 1927, JASA 22:209-212.
    """
    given = one_hot(before.answers + now.answers)
    names = sorted({name for row in before.answers + now.answers for name in row})
    shares = given[: before.n_rows].mean(axis=0), given[before.n_rows :].mean(axis=0)
    found = [
        (name, float(old), float(new), _wilson(float(new), now.n_rows))
        for name, old, new in zip(names, *shares, strict=True)
    ]
    return sorted(found, key=lambda one: (-abs(one[2] - one[1]), one[0]))


def share_unsure(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the share of rows that are less sure than the least sure reference rows; 0 where nothing is known."""
    known = now[np.isfinite(now)]
    if not np.isfinite(before).any() or not len(known):
        return 0.0
    return float((known < np.nanquantile(before, _UNSURE)).mean())


def example_of(window: Window, place: int) -> Example:
    text = window.texts[place]
    shown = text if len(text) <= MAX_EXAMPLE_CHARS else f"{text[:MAX_EXAMPLE_CHARS]}…"
    return Example(window.ids[place], shown, " + ".join(window.labels[place]))


def _behind(changes: Changes, rows: Traits, n_reference: int) -> list[Finding]:
    if not changes.behind:
        return []
    strata = number_strata(rows.answers)
    kept = np.flatnonzero(in_both(strata, n_reference))
    inner = number_strata(strata[kept].tolist())
    auroc = tell_apart(rows.embeddings[kept], inner, int((kept < n_reference).sum()), n_telling=0).auroc
    share = len(kept) / rows.n_rows
    part = "" if share == 1 else f" (on the {len(kept)} of {rows.n_rows} rows whose answer both windows have)"
    said: dict[str, tuple[FindingName, float, str]] = {
        "texts_given_answers": (
            "texts_given_answers",
            changes.behind[0].surprise,
            "texts of the same answer, by MMD",
        ),
        "telling_apart": (
            "telling_apart_given_answers",
            auroc,
            f"old and new texts of the same answer are told apart with AUROC {auroc:.2f}",
        ),
        "out_of_scope": (
            "out_of_scope_given_answers",
            changes.behind[2].surprise,
            "unsure rows of the same answer",
        ),
    }
    findings = []
    for one in changes.behind:
        name, effect, words = said[one.name]
        words = f"{words}, {p_words(one.joint_p_value)}{part}"
        findings.append(_finding(name, one, changes.level, effect, words, compared_share=share))
    return findings


def _finding(
    name: FindingName,
    one: Judged,
    level: float,
    effect: float,
    words: str,
    examples: tuple[Example, ...] = (),
    compared_share: float = 1.0,
) -> Finding:
    return Finding(name, one.joint_p_value, effect, words, one.joint_p_value <= level, level, examples, compared_share)


def _measure_number(name: str, before: NDArray[np.float64], now: NDArray[np.float64]) -> tuple[float, str]:
    known = before[np.isfinite(before)], now[np.isfinite(now)]
    n_missing = len(before) + len(now) - len(known[0]) - len(known[1])
    missing = f" ({n_missing} rows without a number left out)" if n_missing else ""
    if not len(known[0]) or not len(known[1]):
        return 0.0, f"{name} cannot be compared{missing}"
    medians = float(np.median(known[0])), float(np.median(known[1]))
    return medians[1] - medians[0], f"{name}: median {medians[0]:.3g} before, {medians[1]:.3g} now{missing}"


def _most_moved(what: str, before: list[tuple[str, ...]], now: list[tuple[str, ...]]) -> tuple[float, str]:
    counts = [Counter(name for row in side for name in row) for side in (before, now)]
    shares = {
        name: (counts[0][name] / len(before), counts[1][name] / len(now)) for name in sorted(counts[0] | counts[1])
    }
    if not shares:
        return 0.0, f"no {what} to compare"
    name, (old, new) = max(shares.items(), key=_moved)
    return new - old, f"the {what} that moved most: {name} {_to(old, new)}"


def _moved(one: tuple[str, tuple[float, float]]) -> tuple[float, bool]:
    before, now = one[1]
    return round(abs(now - before), 9), now > before  # of two that moved as far, the new one is told


def _to(before: float, now: float) -> str:
    return f"{100 * before:.0f}% to {100 * now:.0f}%"


def _wilson(share: float, n: int) -> tuple[float, float]:
    z2 = 1.96**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = 1.96 / (1 + z2 / n) * float(np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)))
    return max(0.0, middle - half), min(1.0, middle + half)
