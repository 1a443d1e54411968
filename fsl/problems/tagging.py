"""Labelled spans in a text: organisations, persons, amounts. The canonical target is a sorted list of
`[start, end, label]`, character offsets with the end exclusive.

Words are tagged B-label, I-label or O (Ramshaw and Marcus 1995, arXiv:cmp-lg/9505040). A span is right when start,
end and label all are, as in the CoNLL-2003 evaluation.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
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

Span = tuple[int, int, str]
OUTSIDE = "O"


class Tagging:
    """Non-overlapping labelled spans."""

    kind: ClassVar[str] = "tagging"
    unit: ClassVar[UnitKind] = "word"
    activation: ClassVar[Activation] = "softmax"
    min_labels: ClassVar[int] = 1  # a word may also be of no label
    target_column: ClassVar[str] = "spans"
    target_name: ClassVar[str] = "target"
    headline: ClassVar[str] = "f1"
    score_names: ClassVar[Mapping[str, str]] = {"accuracy": "Texts wholly right", "f1": "Entity F1, exact spans"}
    hub_task: ClassVar[str] = "token-classification"

    def read_target(self, value: JsonValue, text: str) -> JsonValue:
        if not isinstance(value, list):
            raise BadTarget(f"the spans are {type(value).__name__}, but a list is needed (an empty one says: nothing)")
        spans = sorted(_read_span(item, text) for item in value)
        for before, after in pairwise(spans):
            if after[0] < before[1]:
                raise BadTarget(f"the spans {list(before)} and {list(after)} overlap")
        return [list(span) for span in spans]

    def read_cell(self, cell: str, *, delimiter: str) -> JsonValue:
        return read_json_list(cell)

    def labels_in(self, target: JsonValue) -> tuple[str, ...]:
        return tuple(sorted({label for _, _, label in as_spans(target)}))

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        return (OUTSIDE, *(f"{position}-{label}" for label in sorted(labels) for position in "BI"))

    def unit_targets(self, target: JsonValue, units: Sequence[Unit], outputs: Sequence[str]) -> Targets:
        indices = {name: index for index, name in enumerate(outputs)}
        tags = np.zeros(len(units), dtype=np.int64)
        for start, end, label in as_spans(target):
            position = "B"
            for row, (unit_start, unit_end) in enumerate(units):
                if unit_start < end and unit_end > start:
                    tags[row] = indices[f"{position}-{label}"]
                    position = "I"
        return tags

    def decode(
        self,
        probabilities: NDArray[np.float32],
        units: Sequence[Unit],
        outputs: Sequence[str],
        thresholds: Sequence[float] = (),
    ) -> Answer:
        if len(units) == 0:
            return Answer(target=[], confidence=1.0, margin=1.0)
        ranked = np.sort(probabilities, axis=1)[:, ::-1]
        margins = ranked[:, 0] - ranked[:, 1]
        tags = [outputs[int(index)] for index in probabilities.argmax(axis=1)]
        return Answer(
            target=[list(span) for span in spans_of(tags, units)],
            confidence=float(ranked[:, 0].min()),
            margin=float(margins.min()),
        )

    def probability_of(
        self, target: JsonValue, probabilities: NDArray[np.float32], units: Sequence[Unit], outputs: Sequence[str]
    ) -> float:
        if not {f"B-{label}" for label in self.labels_in(target)} <= set(outputs):
            return 0.0
        tags = self.unit_targets(target, units, outputs)
        return float(probabilities[np.arange(len(tags)), tags].min(initial=1.0))

    def is_correct(self, truth: JsonValue, answer: JsonValue) -> bool:
        return set(as_spans(truth)) == set(as_spans(answer))

    def count(self, truth: JsonValue, answer: JsonValue) -> Mapping[str, Counts]:
        right, given = set(as_spans(truth)), set(as_spans(answer))
        counts: dict[str, Counts] = {}
        for span in right | given:
            one = Counts(hits=span in right & given, false_alarms=span not in right, misses=span not in given)
            counts[span[2]] = counts.get(span[2], Counts()) + one
        return counts

    def confused(self, truth: JsonValue, answer: JsonValue) -> Iterator[tuple[str, str]]:
        right, given = ({(start, end): label for start, end, label in as_spans(target)} for target in (truth, answer))
        for place in right.keys() | given.keys():
            one, other = right.get(place, NOTHING), given.get(place, NOTHING)
            if one != other:
                yield one, other


def as_spans(target: JsonValue) -> list[Span]:
    """Return a canonical target's spans as tuples."""
    assert isinstance(target, list)
    return [(int(start), int(end), str(label)) for start, end, label in target]  # type: ignore[misc, arg-type, str-unpack]


def spans_of(tags: Sequence[str], units: Sequence[Unit]) -> list[Span]:
    """Read spans from BIO tags. An I- that continues nothing begins a span, as in the CoNLL-2003 script."""
    spans: list[Span] = []
    for tag, (start, end) in zip(tags, units, strict=True):
        position, _, label = tag.partition("-")
        if tag == OUTSIDE:
            spans.append((start, end, ""))
        elif position == "I" and spans and spans[-1][2] == label:
            spans[-1] = (spans[-1][0], end, label)
        else:
            spans.append((start, end, label))
    return [span for span in spans if span[2]]


def label_places(tags: Targets) -> Targets:
    """Return the place of each tag's label among the labels in `Tagging.outputs`, -1 for a word outside of all."""
    return (tags - 1) // 2


def keep_labels(tags: Targets, places: Sequence[int]) -> Targets:
    """Return the tags over the outputs of some labels alone, in the order given. Spans of all others are outside."""
    own, is_inside = label_places(tags), (tags - 1) % 2
    kept = np.zeros_like(tags)
    for place, old in enumerate(places):
        kept[own == old] = 1 + 2 * place + is_inside[own == old]
    return kept


def _read_span(item: JsonValue, text: str) -> Span:
    if isinstance(item, dict):
        item = [item.get("start"), item.get("end"), item.get("label")]
    if not isinstance(item, list) or len(item) != 3:
        raise BadTarget(f"the span {item!r} is not of the form {{start, end, label}}")
    start, end, label = item
    if not isinstance(start, int) or not isinstance(end, int) or isinstance(start, bool) or isinstance(end, bool):
        raise BadTarget(f"the span {item!r} has offsets that are not whole numbers")
    if not isinstance(label, str) or not label.strip() or not label.isprintable():
        raise BadTarget(f"the span {item!r} has no usable label")
    if not 0 <= start < end <= len(text):
        raise BadTarget(f"the span {item!r} lies outside its text of {len(text)} characters")
    return start, end, read_label(label)
