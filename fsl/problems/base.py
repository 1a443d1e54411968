"""The small protocol behind which every kind of problem stands.

A head answers once for each *unit* of a text: the text itself, or each word. Everything that learns, exports and
serves works on units; only a problem knows how units become an answer. Targets and answers are plain JSON in one
canonical form per kind, so that storage, drift and registry never look inside them. No torch lives here: the
server uses these very classes.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

UnitKind = Literal["text", "word"]
Activation = Literal["softmax", "sigmoid"]  # a unit has one of the outputs; or each of them or not, by itself
Targets = NDArray[np.int64]  # of units: an output's index each, (n_units,); with a sigmoid 0 or 1, (n_units, n_outputs)
Unit = tuple[int, int]  # character offsets [start, end) of what one row of the head's output stands for


NOTHING = "nothing"  # what stands for no label, where a label was missed or given for none


class BadTarget(ValueError):
    """A target that cannot belong to its text; the message is the reason a person reads in quarantine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one text."""

    target: JsonValue  # the canonical form of the problem, as in labelled rows
    confidence: float  # probability of the answer, 0 to 1; for spans, of the least sure word
    margin: float  # probability of the answer minus that of the next best, at the least sure unit
    probabilities: Mapping[str, float] = field(default_factory=dict)  # of each label, where each stands by itself


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
    activation: ClassVar[Activation]
    min_labels: ClassVar[int]  # with fewer, there is nothing to tell apart
    target_column: ClassVar[str]  # the column name that users of this kind expect
    target_name: ClassVar[str]  # what a target is called in a sentence about a row
    headline: ClassVar[str]  # the score that people quote: "accuracy" or "f1"
    score_names: ClassVar[Mapping[str, str]]  # what "accuracy" and "f1" are called for this kind
    hub_task: ClassVar[str]  # what the Hugging Face hub calls the kind

    def read_target(self, value: JsonValue, text: str) -> JsonValue:
        """Return the canonical target for what a user wrote. Raises BadTarget with the reason."""

    def read_cell(self, cell: str, *, delimiter: str) -> JsonValue:
        """Return what a text in the target's place stands for, as `read_target` takes it. Raises BadTarget.

        Args:
            delimiter: what parts labels in a cell of CSV (`data.label_delimiter`).
        """

    def labels_in(self, target: JsonValue) -> tuple[str, ...]:
        """Return the distinct labels that a target mentions, sorted."""

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the head's output columns for a label set, in order."""

    def unit_targets(self, target: JsonValue, units: Sequence[Unit], outputs: Sequence[str]) -> Targets:
        """Return what is right for each unit: `Targets` says in which form."""

    def decode(
        self,
        probabilities: NDArray[np.float32],
        units: Sequence[Unit],
        outputs: Sequence[str],
        thresholds: Sequence[float] = (),
    ) -> Answer:
        """Turn the head's probabilities, shape (n_units, n_outputs), into one answer.

        Args:
            thresholds: from which probability on each output is given, where each stands by itself; none: 0.5.
        """

    def probability_of(
        self, target: JsonValue, probabilities: NDArray[np.float32], units: Sequence[Unit], outputs: Sequence[str]
    ) -> float:
        """Return how probable an answer is by the head's probabilities, 0 to 1; 0 where it has an unknown label."""

    def is_correct(self, truth: JsonValue, answer: JsonValue) -> bool:
        """Return whether the whole answer is right."""

    def count(self, truth: JsonValue, answer: JsonValue) -> Mapping[str, Counts]:
        """Return the counts by label for one row."""

    def confused(self, truth: JsonValue, answer: JsonValue) -> Iterator[tuple[str, str]]:
        """Yield each true label with what was answered in its place, where that is another; NOTHING for none."""


def picks_one(problem: Problem) -> bool:
    """Say whether a text gets exactly one label, so that labels compete for it and each text is a row of one label."""
    return problem.unit == "text" and problem.activation == "softmax"


def read_json_list(cell: str) -> JsonValue:
    """Return the list that a cell of CSV holds as JSON, or the cell where it holds none. Raises BadTarget."""
    if not cell.lstrip().startswith("["):
        return cell
    try:
        value: JsonValue = json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise BadTarget(f"the target is neither usable as it is nor JSON ({error})") from error
    return value


def read_label(label: str) -> str:
    """Return a label's name in its one spelling: an é typed as one character or as two is the same é."""
    return unicodedata.normalize("NFC", label.strip())
