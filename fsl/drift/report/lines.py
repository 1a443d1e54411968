"""A window's decision as a terminal tells it: ten lines, and a sparkline of the windows before."""

import math
from collections.abc import Sequence

from fsl.drift.decision.decision import Decision
from fsl.drift.decision.table import MEANINGS
from fsl.pages.words import n_of

_BARS = "▁▂▃▄▅▆▇█"
_MOST_ALARMS, _MOST_TEXTS = 2, 1


def sparkline(values: Sequence[float | None]) -> str:
    """Return a bar for each value, the largest full; a dot where there is none."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    top = max(known, default=0.0)
    shown = []
    for value in values:
        if value is None or not math.isfinite(value):
            shown.append("·")
        else:
            shown.append(_BARS[min(len(_BARS) - 1, int(value / top * len(_BARS)))] if top > 0 else _BARS[0])
    return "".join(shown)


def drift_score(decision: Decision) -> float:
    """Return how surprising a window is: minus the logarithm of the smallest joint p-value."""
    return -math.log10(max(1e-12, min((one.p_value for one in decision.findings), default=1.0)))


def tell_window(decision: Decision, before: Sequence[Decision] = ()) -> list[str]:
    """Return at most ten lines on a window.

    Args:
        before: earlier windows of the same version, the oldest first.
    """
    facts, harm = decision.facts, decision.harm
    of_version = [one for one in before if one.facts.version == facts.version and one.window < decision.window]
    scores = [*map(drift_score, of_version[-29:]), drift_score(decision)]
    said = [
        f"{decision.window}: {decision.action} ({MEANINGS[decision.action]})",
        f"{n_of(facts.n_current, 'row')} of {facts.version} against its first {facts.n_reference}",
        f"drift {sparkline(scores)} {n_of(len(scores), 'window')}",
    ]
    # All tests together alarm with every other one: told last, and so alone where no single one does.
    alarms = sorted(decision.alarms, key=lambda one: one.name == "together")
    said += [f"! {one.words}" for one in alarms[:_MOST_ALARMS]] or [decision.reasons[0]]
    examples = [one for finding in decision.alarms for one in finding.examples]
    said += [f"  {one.label}: {one.text}" for one in examples[:_MOST_TEXTS]]
    said += list(harm.words[:3]) if harm else []
    if decision.budget is not None:
        said.append(decision.budget.words)
    return said[:10]
