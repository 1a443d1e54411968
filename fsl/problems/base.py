"""The small protocol behind which every kind of problem stands.

A head answers once for each *unit* of a text: the text itself, or each word. Everything that learns, exports and
serves works on units; only a problem knows how units become an answer. Targets and answers are plain JSON in one
canonical form per kind, so that storage, drift and registry never look inside them. No torch lives here: the
server uses these very classes.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

UnitKind = Literal["text", "word"]
Unit = tuple[int, int]  # character offsets [start, end) of what one row of the head's output stands for


class BadTarget(ValueError):
    """A target that cannot belong to its text; the message is the reason a person reads in quarantine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one text."""

    target: JsonValue  # the canonical form of the problem, as in labelled rows
    confidence: float  # probability of the answer, 0 to 1; for spans, of the least sure word
    margin: float  # probability of the best output minus that of the second, at the least sure unit


@dataclass(frozen=True, slots=True)
class Counts:
    """How often a label was rightly given, wrongly given, and missed."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.hits + other.hits, self.false_alarms + other.false_alarms, self.misses + other.misses)


class Problem(Protocol):
    """One kind of problem."""

    kind: ClassVar[str]
    unit: ClassVar[UnitKind]
    target_column: ClassVar[str]  # the column name that users of this kind expect
    headline: ClassVar[str]  # the score that people quote: "accuracy" or "f1"

    def read_target(self, value: JsonValue, text: str) -> JsonValue:
        """Return the canonical target for what a user wrote. Raises BadTarget with the reason."""

    def labels_in(self, target: JsonValue) -> tuple[str, ...]:
        """Return the distinct labels that a target mentions, sorted."""

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the head's output columns for a label set, in order."""

    def unit_targets(self, target: JsonValue, units: Sequence[Unit], outputs: Sequence[str]) -> NDArray[np.int64]:
        """Return the index of the right output for each unit, shape (n_units,)."""

    def decode(self, probabilities: NDArray[np.float32], units: Sequence[Unit], outputs: Sequence[str]) -> Answer:
        """Turn the head's probabilities, shape (n_units, n_outputs), into one answer."""

    def is_correct(self, truth: JsonValue, answer: JsonValue) -> bool:
        """Return whether the whole answer is right."""

    def count(self, truth: JsonValue, answer: JsonValue) -> Mapping[str, Counts]:
        """Return the counts by label for one row."""


def read_label(label: str) -> str:
    """Return a label's name in its one spelling: an é typed as one character or as two is the same é."""
    return unicodedata.normalize("NFC", label.strip())
