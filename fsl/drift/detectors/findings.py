"""What one test found. Whether that is an alarm follows from all findings together, in `decision`."""

from dataclasses import dataclass
from typing import Literal

FindingName = Literal["texts", "texts_given_answers", "telling_apart", "answers", "confidence"]


@dataclass(frozen=True, slots=True)
class Example:
    """A served text that shows what changed."""

    row_id: str
    text: str  # its beginning
    label: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One two-sample test between the reference and the current window."""

    name: FindingName
    p_value: float
    effect: float  # its size, on the test's own scale, which `words` names
    words: str
    alarmed: bool = False
    bound: float = 0.0  # what the p-value must reach for an alarm; set with it, since it depends on all findings
    examples: tuple[Example, ...] = ()
    compared_share: float = 1.0  # of the rows; the others' answer is in one window only
