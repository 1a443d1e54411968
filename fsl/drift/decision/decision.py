"""From findings to an action, with reasons, also where nothing is done.

| texts of the same answer changed | told apart well enough | anything else changed | action |
|---|---|---|---|
| yes | yes | any | retrain |
| yes | no | any | watch: real, but too small to act on |
| no | any | yes | watch: the mix or the confidence moved, the texts behind each answer did not |
| no | any | no | none |

"Changed" means: alarmed after Holm's correction over all tests of the window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pydantic import JsonValue, TypeAdapter, ValidationError

from fsl.drift.detectors.findings import Finding
from fsl.drift.errors import DamagedDecision, TooFewPermutations
from fsl.pages.words import p_words

Action = Literal["none", "watch", "retrain"]
_ENOUGH_COMPARED = 0.5  # share of rows below which "as before" would be said of too little


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """What was compared."""

    window: str  # its name
    version: str
    encoder: str
    n_reference: int
    n_current: int
    reference_from: datetime
    reference_to: datetime
    current_from: datetime
    current_to: datetime


@dataclass(frozen=True)
class Decision:
    """What is to be done about one window, and why."""

    action: Action
    reasons: tuple[str, ...]
    notes: tuple[str, ...]  # what was left out of the windows
    findings: tuple[Finding, ...]
    facts: WindowFacts
    alpha: float
    min_effect: float
    when: datetime  # of the decision

    @property
    def window(self) -> str:
        return self.facts.window

    def to_json(self) -> dict[str, JsonValue]:
        written: dict[str, JsonValue] = TypeAdapter(Decision).dump_python(self, mode="json")
        return written

    @classmethod
    def from_json(cls, value: JsonValue) -> "Decision":
        """Raises DamagedDecision."""
        try:
            return TypeAdapter(Decision).validate_python(value)
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            raise DamagedDecision(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the findings of one window ask for."""

    action: Action
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]  # with their alarms set


def decide(findings: Sequence[Finding], *, alpha: float, min_effect: float) -> Ruling:
    """Return the action that the table asks for; `min_effect` is the AUROC from which a change is acted on."""
    judged = set_alarms(findings, alpha=alpha)
    by_name = {finding.name: finding for finding in judged}
    behind = [by_name[name] for name in ("texts_given_answers", "telling_apart") if by_name[name].alarmed]
    other = [finding for finding in judged if finding.alarmed and finding not in behind]
    auroc = by_name["telling_apart"].effect
    said = tuple(finding.words for finding in (*behind, *other))
    asked = f"AUROC {auroc:.2f}, where `drift.min_effect` asks for {min_effect:.2f}"
    if behind and auroc >= min_effect:
        return Ruling("retrain", (f"the texts behind the answers have changed: {asked}", *said), judged)
    if behind:
        return Ruling(
            "watch", (f"the texts behind the answers have changed, too little to act on: {asked}", *said), judged
        )
    if other:
        is_known = by_name["telling_apart"].compared_share >= _ENOUGH_COMPARED
        but = (
            "the texts behind each answer look as before"
            if is_known
            else "too few rows share an answer to look behind it"
        )
        return Ruling("watch", (f"something moved, but {but}", *said), judged)
    smallest = min(judged, key=lambda finding: finding.p_value)
    needs = f"an alarm needs {smallest.bound:.2g} or less among {len(judged)} tests at alpha {alpha:g}"
    return Ruling(
        "none", (f"nothing changed beyond chance: the smallest is {p_words(smallest.p_value)}, {needs}",), judged
    )


def set_alarms(findings: Sequence[Finding], *, alpha: float) -> tuple[Finding, ...]:
    """Mark the findings that are alarms: the chance of any false one in a window is at most alpha.

    Source:
        Holm 1979, Scandinavian Journal of Statistics 6:65-70.
    """
    order = sorted(range(len(findings)), key=lambda index: findings[index].p_value)
    judged = list(findings)
    alarmed, bound = True, alpha / max(1, len(findings))
    for rank, index in enumerate(order):
        if alarmed:  # from the first that is no alarm on, none is, and the bound stays
            bound = alpha / (len(findings) - rank)
            alarmed = findings[index].p_value <= bound
        judged[index] = replace(findings[index], alarmed=alarmed, bound=bound)
    return tuple(judged)


def require_permutations(n_permutations: int, *, alpha: float, n_tests: int = 5) -> None:
    """Raise TooFewPermutations where no p-value could be small enough for an alarm."""
    need = math.ceil(n_tests / alpha) - 1  # the smallest p-value, 1 / (1 + n), must reach alpha / n_tests
    if n_permutations < need:
        raise TooFewPermutations(n_permutations, need)
