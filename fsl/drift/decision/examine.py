"""One window examined from end to end: tests, then the decision. Reading and storing are the callers'."""

import logging
from datetime import datetime

from fsl.config import DriftConfig
from fsl.drift.decision.decision import Decision, WindowFacts, decide, require_permutations
from fsl.drift.detectors.battery import run_tests
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import name_window

_log = logging.getLogger(__name__)


def examine(windows: Windows, config: DriftConfig, *, now: datetime, seed: int = 0) -> Decision:
    """Test the current window against the reference and decide. Raises TooFewPermutations, DifferentEncoders."""
    require_permutations(config.n_permutations, alpha=config.alpha)
    reference, current = windows.reference, windows.current
    findings = run_tests(reference, current, n_permutations=config.n_permutations, seed=seed)
    ruling = decide(findings, alpha=config.alpha, min_effect=config.min_effect)
    facts = WindowFacts(
        window=name_window(reference, current),
        version=current.version,
        encoder=current.encoder,
        n_reference=reference.n_rows,
        n_current=current.n_rows,
        reference_from=reference.times[0],
        reference_to=reference.times[-1],
        current_from=current.times[0],
        current_to=current.times[-1],
    )
    _log.info("window %s: %s, because %s", facts.window, ruling.action, "; ".join(ruling.reasons))
    return Decision(
        action=ruling.action,
        reasons=ruling.reasons,
        notes=windows.notes,
        findings=ruling.findings,
        facts=facts,
        alpha=config.alpha,
        min_effect=config.min_effect,
        when=now,
    )
