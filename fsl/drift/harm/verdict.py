"""Is it hurting? Two answers: what changed texts do to accuracy, and whether labels changed their meaning.

The first can be estimated from what was served. The second cannot be seen without labels, so it stays unknown until
enough audit labels are in, and says how many would settle it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fsl.drift.harm.audit import AuditRows, bounds_of_labels, estimate_from_audit, labels_to_settle
from fsl.drift.harm.calibration import MIN_ROWS, Curve
from fsl.drift.harm.estimate import Interval, Served, estimate_accuracy, estimate_fall
from fsl.pages.words import n_of, percent, percent_range, points

Answer = Literal["yes", "no", "unknown"]
NO_AUDIT = AuditRows(np.zeros(0, dtype=np.bool_), np.zeros(0), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Harm:
    """What a window does to accuracy, in words too."""

    by_texts: Answer  # the same answers are right less often since the texts changed
    by_meaning: Answer  # labels mean something else now
    accuracy: Interval | None  # estimated, over the window's rows
    fall: Interval | None  # within the same answers, with one-sided bounds
    mix_fall: float  # what the mix of answers alone does to it
    n_audit: int
    n_to_settle: int  # audit labels that would settle what is unknown
    words: tuple[str, ...]

    @property
    def is_harmful(self) -> bool:
        return "yes" in (self.by_texts, self.by_meaning)


def assess_harm(
    curve: Curve | None,
    reference: Served,
    current: Served,
    audit: AuditRows = NO_AUDIT,
    *,
    has_changed: bool,
    tolerance: float,
    level: float,
) -> Harm:
    """Say whether a window is harmful.

    Args:
        curve: of labelled rows; None where there were too few.
        has_changed: whether any test of the window alarmed; without an alarm texts are not blamed.
        tolerance: a fall of the accuracy up to this is no harm.
        level: the chance of calling labels' meaning changed when it is not.
    """
    fall = estimate_fall(curve, reference, current) if curve else None
    accuracy = estimate_accuracy(curve, current) if curve else None
    by_texts: Answer = "unknown"
    if fall is not None:
        is_clear = fall.within.low > tolerance or fall.within.high <= tolerance
        by_texts = "yes" if has_changed and fall.within.low > tolerance else "no"
        by_texts = by_texts if is_clear or not has_changed else "unknown"
    expected = accuracy.value if accuracy else None
    by_meaning = _judge_meaning(audit, expected, tolerance, level)
    n_needed = labels_to_settle(expected if expected is not None else 0.9, max(3 * tolerance, 0.05), level=level)
    if audit.n_rows and accuracy is not None and curve is not None:
        known = current.known()
        accuracy = estimate_from_audit(audit, curve.predict(known.confidence, known.margin)) or accuracy
    elif audit.n_rows:
        accuracy = estimate_from_audit(audit, np.zeros(0))
    within, of_mix = (fall.within, fall.of_mix) if fall else (None, 0.0)
    left = max(0, n_needed - audit.n_rows)
    words = tuple(_words(curve, accuracy, within, of_mix, by_texts, by_meaning, audit.n_rows, left))
    return Harm(by_texts, by_meaning, accuracy, within, of_mix, audit.n_rows, left, words)


def _judge_meaning(audit: AuditRows, expected: float | None, tolerance: float, level: float) -> Answer:
    """Compare audit labels with what the texts alone would lead one to expect."""
    if audit.n_rows == 0:
        return "unknown"
    hopes = audit.chance[np.isfinite(audit.chance)]
    expected = float(hopes.mean()) if len(hopes) else expected
    if expected is None:
        return "unknown"
    if bounds_of_labels(audit, level=level)[1] < expected - tolerance:
        return "yes"
    return "no" if bounds_of_labels(audit, level=0.05)[0] > expected - tolerance else "unknown"


def _words(
    curve: Curve | None,
    accuracy: Interval | None,
    fall: Interval | None,
    of_mix: float,
    by_texts: Answer,
    by_meaning: Answer,
    n_audit: int,
    n_left: int,
) -> list[str]:
    said = []
    if curve is None:
        said.append(f"accuracy cannot be estimated: fewer than {MIN_ROWS} labelled rows to learn from how sure it is")
    if accuracy is not None:
        source = f"with {n_of(n_audit, 'audit label')}" if n_audit else "without labels"
        span = percent_range(accuracy.low, accuracy.high)
        said.append(f"accuracy is about {percent(accuracy.value)} ({span}), {source}")
    if fall is not None:
        said_of = {"yes": "the change of the texts is harmful", "no": "the texts do no harm"}
        mix = f"; the mix of answers alone: {points(-of_mix)}" if abs(of_mix) >= 0.005 else ""
        opening = said_of.get(by_texts, "whether the texts do harm is open")
        said.append(f"{opening}: accuracy of the same answers moved by about {points(-fall.value)}{mix}")
    if by_meaning == "yes":
        said.append("labels changed their meaning: audit labels disagree more than the texts explain")
    elif by_meaning == "no":
        said.append(f"labels mean what they meant: {n_of(n_audit, 'audit label')} agree as expected")
    else:
        have = f" with {n_of(n_audit, 'audit label')}" if n_audit else ""
        said.append(
            f"whether labels changed their meaning is unknown{have}: about {n_of(n_left, 'uniform audit label')} more "
            "would settle it"
        )
    return said
