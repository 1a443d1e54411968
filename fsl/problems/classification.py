"""One label for each text: intents, moods, topics. The canonical target is the label's name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.problems.base import Activation, Answer, BadTarget, Counts, Targets, Unit, UnitKind, read_label


class Classification:
    """Exactly one of a set of labels."""

    kind: ClassVar[str] = "classification"
    unit: ClassVar[UnitKind] = "text"
    activation: ClassVar[Activation] = "softmax"
    min_labels: ClassVar[int] = 2
    target_column: ClassVar[str] = "label"
    target_name: ClassVar[str] = "label"
    headline: ClassVar[str] = "accuracy"
    score_names: ClassVar[Mapping[str, str]] = {"accuracy": "Accuracy", "f1": "F1, all labels together"}
    hub_task: ClassVar[str] = "text-classification"

    def read_target(self, value: JsonValue, text: str) -> JsonValue:
        if not isinstance(value, str):
            raise BadTarget(f"the label is {value!r}, but a label is a text")
        label = read_label(value)
        if not label:
            raise BadTarget("the label is empty")
        if not label.isprintable():
            raise BadTarget(f"the label {label!r} holds characters that cannot be shown")
        return label

    def read_cell(self, cell: str, *, delimiter: str) -> JsonValue:
        return cell

    def labels_in(self, target: JsonValue) -> tuple[str, ...]:
        return (str(target),)

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted(labels))

    def unit_targets(self, target: JsonValue, units: Sequence[Unit], outputs: Sequence[str]) -> Targets:
        return np.full(len(units), outputs.index(str(target)), dtype=np.int64)

    def decode(
        self,
        probabilities: NDArray[np.float32],
        units: Sequence[Unit],
        outputs: Sequence[str],
        thresholds: Sequence[float] = (),
    ) -> Answer:
        order = np.argsort(-probabilities[0], kind="stable")
        best = float(probabilities[0, order[0]])
        second = float(probabilities[0, order[1]]) if len(order) > 1 else 0.0
        return Answer(target=outputs[int(order[0])], confidence=best, margin=best - second)

    def probability_of(
        self, target: JsonValue, probabilities: NDArray[np.float32], units: Sequence[Unit], outputs: Sequence[str]
    ) -> float:
        return float(probabilities[0, outputs.index(str(target))]) if target in outputs else 0.0

    def is_correct(self, truth: JsonValue, answer: JsonValue) -> bool:
        return truth == answer

    def count(self, truth: JsonValue, answer: JsonValue) -> Mapping[str, Counts]:
        if truth == answer:
            return {str(truth): Counts(hits=1)}
        return {str(truth): Counts(misses=1), str(answer): Counts(false_alarms=1)}

    def confused(self, truth: JsonValue, answer: JsonValue) -> Iterator[tuple[str, str]]:
        if truth != answer:
            yield str(truth), str(answer)
