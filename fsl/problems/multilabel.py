"""Any number of labels for each text, none included: the topics of a message. The canonical target is a sorted list.

Labels do not compete: the head gives each a probability of its own, and from its own threshold on a label is given.
What an answer's confidence is follows from them as if labels came and went without regard to one another; where they
go together, it is too low or too high, which the calibration of judge rows shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.problems.base import (
    NOTHING,
    Activation,
    Answer,
    BadTarget,
    Counts,
    Targets,
    Unit,
    UnitKind,
    read_json_list,
    read_label,
)

THRESHOLD = 0.5  # of a label for which no other was chosen


class Multilabel:
    """Any subset of a set of labels."""

    kind: ClassVar[str] = "multilabel"
    unit: ClassVar[UnitKind] = "text"
    activation: ClassVar[Activation] = "sigmoid"
    min_labels: ClassVar[int] = 1  # a text may also have none
    target_column: ClassVar[str] = "labels"
    target_name: ClassVar[str] = "set of labels"
    headline: ClassVar[str] = "f1"
    score_names: ClassVar[Mapping[str, str]] = {
        "accuracy": "Exact match: the whole set is right",
        "f1": "F1, all labels together",
    }
    hub_task: ClassVar[str] = "text-classification"

    def read_target(self, value: JsonValue, text: str) -> JsonValue:
        if not isinstance(value, list):
            raise BadTarget(f"the labels are {value!r}, but a list is needed (an empty one says: none fits)")
        return sorted({_read_one(label) for label in value})  # type: ignore[return-value]  # a list of texts is JSON

    def read_cell(self, cell: str, *, delimiter: str) -> JsonValue:
        value = read_json_list(cell)
        if isinstance(value, list):
            return value
        labels: list[JsonValue] = [part for part in cell.split(delimiter) if part.strip()]
        if not labels:
            raise BadTarget("the cell names no label: write [] where none fits, or nothing where nobody has looked")
        return labels

    def labels_in(self, target: JsonValue) -> tuple[str, ...]:
        return tuple(sorted(as_labels(target)))

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted(labels))

    def unit_targets(self, target: JsonValue, units: Sequence[Unit], outputs: Sequence[str]) -> Targets:
        labels = as_labels(target)
        return np.tile(np.array([output in labels for output in outputs], np.int64), (len(units), 1))

    def decode(
        self,
        probabilities: NDArray[np.float32],
        units: Sequence[Unit],
        outputs: Sequence[str],
        thresholds: Sequence[float] = (),
    ) -> Answer:
        own = probabilities[0].astype(np.float64)
        given = own >= np.asarray(thresholds or THRESHOLD)
        chances = np.where(given, own, 1.0 - own)
        confidence = float(chances.prod())
        return Answer(
            target=[output for output, is_given in zip(outputs, given, strict=True) if is_given],
            confidence=confidence,
            margin=confidence - _next_best(chances, confidence),
            probabilities={output: float(one) for output, one in zip(outputs, own, strict=True)},
        )

    def probability_of(
        self, target: JsonValue, probabilities: NDArray[np.float32], units: Sequence[Unit], outputs: Sequence[str]
    ) -> float:
        labels = as_labels(target)
        if not labels <= set(outputs):
            return 0.0
        own = probabilities[0].astype(np.float64)
        return float(np.where([output in labels for output in outputs], own, 1.0 - own).prod())

    def is_correct(self, truth: JsonValue, answer: JsonValue) -> bool:
        return as_labels(truth) == as_labels(answer)

    def count(self, truth: JsonValue, answer: JsonValue) -> Mapping[str, Counts]:
        right, given = as_labels(truth), as_labels(answer)
        return {
            label: Counts(hits=label in right & given, false_alarms=label not in right, misses=label not in given)
            for label in right | given
        }

    def confused(self, truth: JsonValue, answer: JsonValue) -> Iterator[tuple[str, str]]:
        missed, invented = (
            sorted(one - other)
            for one, other in ((as_labels(truth), as_labels(answer)), (as_labels(answer), as_labels(truth)))
        )
        if len(missed) == len(invented) == 1:
            yield missed[0], invented[0]
            return
        yield from ((label, NOTHING) for label in missed)
        yield from ((NOTHING, label) for label in invented)


def as_labels(target: JsonValue) -> set[str]:
    """Return a canonical target's labels."""
    assert isinstance(target, list)
    assert all(isinstance(label, str) for label in target)
    return {str(label) for label in target}


def _next_best(chances: NDArray[np.float64], confidence: float) -> float:
    """Return the probability of the likeliest other set: it differs in the label that is doubted most, or where
    thresholds overruled what was likelier."""
    if (chances < THRESHOLD).any():
        return float(np.maximum(chances, 1.0 - chances).prod())
    return confidence * float(((1.0 - chances) / chances).max(initial=0.0))


def _read_one(label: JsonValue) -> str:
    if not isinstance(label, str):
        raise BadTarget(f"the list holds {label!r}, but a label is a text")
    name = read_label(label)
    if not name:
        raise BadTarget("a label in the list is empty")
    if not name.isprintable():
        raise BadTarget(f"the label {name!r} holds characters that cannot be shown")
    return name
