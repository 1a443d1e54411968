"""One window examined from end to end: tests, harm, then the decision. Reading and storing are the callers'."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from fsl.config import DriftConfig
from fsl.drift.decision.asking import choose_rows
from fsl.drift.decision.budget import Budget, compute_budget
from fsl.drift.decision.decision import Decision, WindowFacts
from fsl.drift.decision.signs import Health, read_signs
from fsl.drift.decision.table import MEANINGS, choose_action
from fsl.drift.detectors.changes import find_changes
from fsl.drift.detectors.describe import describe
from fsl.drift.detectors.findings import Finding
from fsl.drift.detectors.traits import traits_of
from fsl.drift.errors import EmptyWindow
from fsl.drift.harm.audit import AuditRows
from fsl.drift.harm.calibration import Curve
from fsl.drift.harm.estimate import Served
from fsl.drift.harm.verdict import NO_AUDIT, Harm, assess_harm
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window, name_window
from fsl.pages.words import p_words

_log = logging.getLogger(__name__)
_MOST_SHARES = 8


@dataclass(frozen=True, eq=False)
class Known:
    """What is known beside the two windows."""

    curve: Curve | None = None  # from how sure to how often right
    audit: AuditRows = NO_AUDIT
    n_waiting: int = 0  # labelled rows since the champion was trained
    earlier: Sequence[str] = ()  # names of the version's windows so far
    mix: tuple[str, ...] = ()  # the true mix of labels, in words


NOTHING_KNOWN = Known()


def examine(
    windows: Windows, config: DriftConfig, *, now: datetime, known: Known = NOTHING_KNOWN, seed: int = 0
) -> Decision:
    """Test the current window against the reference and decide. Raises EmptyWindow."""
    for which, window in (("reference", windows.reference), ("current", windows.current)):
        if not window.n_rows:
            raise EmptyWindow(window.version, which)
    reference, earlier, current, notes = _comparable(windows)
    traits = traits_of(reference), traits_of(current)
    before = traits_of(earlier) if earlier is not None else None
    changes = find_changes(*traits, level=config.level, n_shuffles=config.n_shuffles, seed=seed, earlier=before)
    if changes.is_joined and earlier is not None and before is not None:
        findings = describe(changes, reference, earlier.join(current), (traits[0], before.join(traits[1])))
    else:
        findings = describe(changes, reference, current, traits)
    harm = assess_harm(
        known.curve,
        _served(reference),
        _served(current),
        known.audit,
        has_changed=bool(changes.alarms()),
        tolerance=config.max_accuracy_drop,
        level=config.level,
    )
    health = Health(windows.unusable_share, float(np.mean(~np.isfinite(current.confidence))))
    signs = read_signs(findings, harm, health, n_waiting=known.n_waiting, min_effect=config.min_effect)
    chosen = choose_action(signs, config.decisions)
    name = name_window(reference, current)
    budget = compute_budget(config.alpha, config.budget_windows, known.earlier, name)
    decision = Decision(
        action=chosen.action,
        reasons=_reasons(chosen.action, chosen.because, findings, harm, budget),
        notes=notes,
        findings=findings,
        facts=_facts(name, reference, current),
        alpha=config.alpha,
        min_effect=config.min_effect,
        when=now,
        signs=tuple(sorted(signs)),
        harm=harm,
        budget=budget,
        ask=choose_rows(current, traits, config.ask_rows, seed=seed) if chosen.action == "ask-labels" else (),
        mix=known.mix,
        shares=_shares(current),
    )
    _log.info("window %s: %s, because %s", name, decision.action, "; ".join(decision.reasons))
    return decision


def _comparable(windows: Windows) -> tuple[Window, Window | None, Window, tuple[str, ...]]:
    """Return the windows without embeddings where those of two encoders would meet, saying so."""
    reference, earlier, current = windows.reference, windows.earlier, windows.current
    if earlier is not None and earlier.encoder != current.encoder:
        earlier = None
    if reference.encoder == current.encoder and reference.embeddings.shape[1] == current.embeddings.shape[1]:
        return reference, earlier, current, windows.notes
    if reference.encoder != current.encoder:
        why = f"the reference was embedded by {reference.encoder} and the current window by {current.encoder}"
    else:
        sizes = reference.embeddings.shape[1], current.embeddings.shape[1]
        why = f"embeddings of the reference have {sizes[0]} numbers, those of the current window {sizes[1]}"
    note = f"{why}: their texts are not compared by embedding"
    kept = _without_embeddings(earlier) if earlier is not None else None
    return _without_embeddings(reference), kept, _without_embeddings(current), (*windows.notes, note)


def _without_embeddings(window: Window) -> Window:
    return replace(window, embeddings=np.zeros((window.n_rows, 0), dtype=np.float32))


def _reasons(
    action: str, because: Sequence[str], findings: Sequence[Finding], harm: Harm, budget: Budget
) -> tuple[str, ...]:
    """Return why, the alarms in their own words, what it does to accuracy, and what the action means."""
    alarmed = [finding.words for finding in findings if finding.alarmed]
    meaning = MEANINGS[action]  # type: ignore[index]
    if not alarmed:
        smallest = min(findings, key=lambda finding: finding.p_value)
        because = [
            f"nothing changed beyond chance: the smallest of {len(findings)} tests together is "
            f"{p_words(smallest.p_value)}, an alarm needs {budget.level:.2g} or less"
            if action == "none"
            else ", and ".join(because)
        ]
        return (*because, *([] if action == "none" else [meaning]), *harm.words)
    return (", and ".join(because), meaning, *alarmed, *harm.words)


def _facts(name: str, reference: Window, current: Window) -> WindowFacts:
    return WindowFacts(
        window=name,
        version=current.version,
        encoder=current.encoder,
        n_reference=reference.n_rows,
        n_current=current.n_rows,
        reference_from=reference.times[0],
        reference_to=reference.times[-1],
        current_from=current.times[0],
        current_to=current.times[-1],
    )


def _shares(window: Window) -> dict[str, float]:
    counts = Counter(label for labels in window.labels for label in labels)
    return {label: n / window.n_rows for label, n in counts.most_common(_MOST_SHARES)}


def _served(window: Window) -> Served:
    return Served(window.confidence, window.margin, window.labels)
