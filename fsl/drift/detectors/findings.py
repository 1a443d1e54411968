"""What one test found, as a person and a program read it. What is to be done about it is `fsl.drift.decision`'s."""

from dataclasses import dataclass
from typing import Literal

FindingName = Literal[
    "together",
    "texts",
    "telling_apart",
    "within_answers",
    "clusters",
    "answers",
    "surge",
    "confidence",
    "margin",
    "sureness",
    "out_of_scope",
    "length",
    "script",
    "vocabulary",
    "texts_given_answers",
    "telling_apart_given_answers",
    "out_of_scope_given_answers",
    "unsure_texts",
]


@dataclass(frozen=True, slots=True)
class Example:
    """A served text that shows what changed."""

    row_id: str
    text: str  # its beginning
    label: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One test between the reference and the current window."""

    name: FindingName
    p_value: float  # joint: among all tests of the window
    effect: float  # its size, on the test's own scale, which `words` names
    words: str
    alarmed: bool = False
    bound: float = 0.0  # what the p-value must reach for an alarm
    examples: tuple[Example, ...] = ()
    compared_share: float = 1.0  # of the rows; the others' answer is in one window only
