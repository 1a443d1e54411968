"""When a text is left unanswered, and why. How the limits are found is `fsl.export.limits`.

Two scores are held against two limits: the answer's probability, and `scope`, which is minus the squared distance of a
text's vector to the nearest label's mean. A text may look like none of the labels and still get a high probability,
which only says which label is the nearest.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field


class Reason(StrEnum):
    """Why a text has no answer."""

    UNSURE = "unsure"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True)
class Limits:
    """From where on a text is answered; None: every text is."""

    confidence: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)] | None = None
    scope: Annotated[float, Field(allow_inf_nan=False)] | None = None

    def reason(self, confidence: float, scope: float | None) -> Reason | None:
        """Return why a text with these scores is left unanswered; None where it is not. A NaN is no answer."""
        if self.scope is not None and (scope is None or not scope >= self.scope):
            return Reason.OUT_OF_SCOPE
        if self.confidence is not None and not confidence >= self.confidence:
            return Reason.UNSURE
        return None


NO_LIMITS = Limits()
