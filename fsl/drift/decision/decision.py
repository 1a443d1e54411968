"""A decision about one window as it is kept: what was found, what it asks for, and why, also where nothing is done.

Which signs lead to which action is the config's `drift.decisions`, read by `table`.
"""

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue, TypeAdapter, ValidationError

from fsl.config.drift import Advice, Sign
from fsl.drift.decision.budget import Budget
from fsl.drift.decision.table import STARTS_RETRAIN
from fsl.drift.detectors.findings import Finding
from fsl.drift.errors import DamagedDecision
from fsl.drift.harm.verdict import Harm


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A served row whose label would help."""

    row_id: str
    inclusion: float | None  # its chance of having been drawn, for an audit row; None where it was picked


@dataclass(frozen=True)
class Decision:
    """What is to be done about one window, and why."""

    action: Advice
    reasons: tuple[str, ...]
    notes: tuple[str, ...]  # what was left out of the windows
    findings: tuple[Finding, ...]
    facts: WindowFacts
    alpha: float
    min_effect: float
    when: datetime  # of the decision
    # Decisions of earlier versions lack what follows.
    signs: tuple[Sign, ...] = ()
    harm: Harm | None = None
    budget: Budget | None = None
    ask: tuple[Asked, ...] = ()
    mix: tuple[str, ...] = field(default=())  # the true mix of labels, in words
    shares: dict[str, float] = field(default_factory=dict)  # of the commonest labels now

    @property
    def window(self) -> str:
        return self.facts.window

    @property
    def starts_retrain(self) -> bool:
        return self.action in STARTS_RETRAIN

    @property
    def alarms(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.alarmed)

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
