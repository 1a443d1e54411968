"""Labelled spans in a text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.problems.base import BadTarget, Counts, Unit
from fsl.problems.tagging import Span, Tagging, as_spans, keep_labels, label_places, spans_of

PROBLEM = Tagging()
LABELS = ("ORG", "PER", "a-b", "公司")
OUTPUTS = PROBLEM.outputs(LABELS)
WORDS: list[Unit] = [(0, 4), (5, 9), (10, 12), (12, 13)]


def one_hot(indices: NDArray[np.int64], n_outputs: int) -> NDArray[np.float32]:
    return np.eye(n_outputs, dtype=np.float32)[indices]


@st.composite
def tagged_texts(draw: st.DrawFn) -> tuple[list[Unit], list[Span]]:
    """Draw words with or without space between them, and non-overlapping spans that begin and end with words."""
    words: list[Unit] = []
    at = 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=20)):
        words.append((at + gap, at + gap + length))
        at += gap + length
    spans: list[Span] = []
    first = 0
    while first < len(words):
        last = draw(st.integers(first, len(words) - 1))
        label = draw(st.sampled_from([*LABELS, None]))
        if label is not None:
            spans.append((words[first][0], words[last][1], label))
        first = last + 1
    return words, spans


@settings(deadline=None)
@given(tagged_texts())
def test_spans_that_begin_and_end_with_words_survive_the_trip_through_tags(text: tuple[list[Unit], list[Span]]) -> None:
    words, spans = text
    target: JsonValue = [list(span) for span in spans]

    tags = PROBLEM.unit_targets(target, words, OUTPUTS)
    answer = PROBLEM.decode(one_hot(tags, len(OUTPUTS)), words, OUTPUTS)

    assert answer.target == target
    assert answer.confidence == answer.margin == 1.0
    assert PROBLEM.is_correct(target, answer.target)


@settings(deadline=None)
@given(tagged_texts())
def test_a_canonical_target_is_its_own_canonical_form(text: tuple[list[Unit], list[Span]]) -> None:
    words, spans = text
    target: JsonValue = [list(span) for span in spans]

    assert PROBLEM.read_target(list(reversed(target)), "x" * (words[-1][1] if words else 0)) == target


def test_outputs_are_outside_and_two_for_each_label() -> None:
    assert PROBLEM.outputs(["PER", "ORG"]) == ("O", "B-ORG", "I-ORG", "B-PER", "I-PER")


def test_a_span_that_cuts_a_word_tags_the_whole_word() -> None:
    tags = PROBLEM.unit_targets([[2, 11, "PER"]], WORDS, OUTPUTS)

    assert [OUTPUTS[tag] for tag in tags] == ["B-PER", "I-PER", "I-PER", "O"]


@pytest.mark.parametrize(("span", "tags"), [([10, 12], ["O", "O", "B-PER", "O"]), ([12, 13], ["O", "O", "O", "B-PER"])])
def test_a_word_that_touches_a_span_without_lying_in_it_is_outside(span: list[int], tags: list[str]) -> None:
    found = PROBLEM.unit_targets([[*span, "PER"]], WORDS, OUTPUTS)

    assert [OUTPUTS[tag] for tag in found] == tags


def test_a_span_past_the_last_word_that_was_read_tags_nothing() -> None:
    assert PROBLEM.unit_targets([[40, 44, "PER"]], WORDS, OUTPUTS).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        (["B-PER", "I-PER", "O", "O"], [(0, 9, "PER")]),
        (["B-PER", "B-PER", "O", "O"], [(0, 4, "PER"), (5, 9, "PER")]),
        (["I-PER", "O", "I-PER", "I-PER"], [(0, 4, "PER"), (10, 13, "PER")]),
        (["B-ORG", "I-PER", "I-PER", "O"], [(0, 4, "ORG"), (5, 12, "PER")]),
        (["I-a-b", "I-a-b", "O", "B-a-b"], [(0, 9, "a-b"), (12, 13, "a-b")]),
        (["O", "O", "O", "O"], []),
    ],
)
def test_tags_are_read_as_the_conll_script_reads_them(tags: list[str], spans: list[Span]) -> None:
    assert spans_of(tags, WORDS) == spans


def test_an_answer_is_as_sure_as_its_least_sure_word() -> None:
    outputs = PROBLEM.outputs(["PER"])
    probabilities = np.array([[0.125, 0.75, 0.125], [0.0, 0.4375, 0.5625]], np.float32)

    answer = PROBLEM.decode(probabilities, WORDS[:2], outputs)

    assert answer.target == [[0, 9, "PER"]]
    assert (answer.confidence, answer.margin) == (0.5625, 0.125)


def test_a_text_without_words_holds_nothing_for_sure() -> None:
    answer = PROBLEM.decode(np.empty((0, 3), np.float32), [], PROBLEM.outputs(["PER"]))

    assert (answer.target, answer.confidence, answer.margin) == ([], 1.0, 1.0)


@pytest.mark.parametrize(
    "value",
    [
        [{"start": 5, "end": 9, "label": "PER"}, {"start": 0, "end": 4, "label": " ORG "}],
        [[5, 9, "PER"], [0, 4, "ORG"]],
        [{"start": 5, "end": 9, "label": "PER", "note": "kept nowhere"}, [0, 4, "ORG"]],
    ],
)
def test_spans_may_be_written_as_objects_or_as_lists_in_any_order(value: JsonValue) -> None:
    assert PROBLEM.read_target(value, "Acme Anna") == [[0, 4, "ORG"], [5, 9, "PER"]]


def test_no_spans_is_an_answer_and_touching_spans_do_not_overlap() -> None:
    assert PROBLEM.read_target([], "Acme Anna") == []
    assert PROBLEM.read_target([[0, 4, "ORG"], [4, 9, "PER"]], "Acme Anna") == [[0, 4, "ORG"], [4, 9, "PER"]]


def test_an_accent_typed_as_one_character_or_as_two_makes_one_label() -> None:
    assert PROBLEM.read_target([[0, 4, "cafe\u0301"]], "Acme") == [[0, 4, "caf\u00e9"]]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("ORG", "the spans are str, but a list is needed"),
        ({"start": 0}, "the spans are dict, but a list is needed"),
        (None, "the spans are NoneType, but a list is needed"),
        ([[0, 5, "ORG"], [4, 9, "PER"]], "the spans [0, 5, 'ORG'] and [4, 9, 'PER'] overlap"),
        ([[0, 4, "ORG"], [0, 4, "PER"]], "overlap"),
        ([[0, 4]], "is not of the form {start, end, label}"),
        ([{"start": 0, "label": "ORG"}], "has offsets that are not whole numbers"),
        ([7], "is not of the form {start, end, label}"),
        ([[0, 4.0, "ORG"]], "has offsets that are not whole numbers"),
        ([["0", "4", "ORG"]], "has offsets that are not whole numbers"),
        ([[False, 4, "ORG"]], "has offsets that are not whole numbers"),
        ([[0, True, "ORG"]], "has offsets that are not whole numbers"),
        ([[0, 10, "ORG"]], "lies outside its text of 9 characters"),
        ([[-4, 4, "ORG"]], "lies outside its text of 9 characters"),
        ([[4, 4, "ORG"]], "lies outside its text of 9 characters"),
        ([[0, 10**30, "ORG"]], "lies outside its text of 9 characters"),
        ([[0, 4, " "]], "has no usable label"),
        ([[0, 4, 7]], "has no usable label"),
        ([[0, 4, "a\x1bb"]], "has no usable label"),
    ],
)
def test_what_cannot_be_spans_gets_its_reason(value: JsonValue, reason: str) -> None:
    with pytest.raises(BadTarget) as caught:
        PROBLEM.read_target(value, "Acme Anna")

    assert reason in str(caught.value)


def test_a_span_is_right_when_start_end_and_label_are() -> None:
    truth: JsonValue = [[0, 4, "ORG"], [5, 9, "PER"], [10, 12, "PER"]]
    answer: JsonValue = [[0, 4, "ORG"], [5, 9, "ORG"], [10, 13, "PER"]]

    assert not PROBLEM.is_correct(truth, answer)
    assert PROBLEM.count(truth, answer) == {
        "ORG": Counts(hits=1, false_alarms=1, misses=0),
        "PER": Counts(hits=0, false_alarms=1, misses=2),
    }
    assert PROBLEM.labels_in(truth) == ("ORG", "PER")
    assert as_spans(truth)[0] == (0, 4, "ORG")


def test_a_row_without_spans_counts_nothing_when_nothing_is_found() -> None:
    assert PROBLEM.count([], []) == {}
    assert PROBLEM.is_correct([], [])


def test_an_answer_is_as_probable_as_its_least_sure_word() -> None:
    outputs = PROBLEM.outputs(["PER"])  # O, B-PER, I-PER
    probabilities = np.array([[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]], np.float32)

    assert PROBLEM.probability_of([[0, 11, "PER"]], probabilities, [(0, 5), (6, 11)], outputs) == 0.5
    assert PROBLEM.probability_of([], probabilities, [(0, 5), (6, 11)], outputs) == 0.125
    assert PROBLEM.probability_of([[0, 5, "ORG"]], probabilities, [(0, 5), (6, 11)], outputs) == 0.0


def test_a_cell_of_csv_holds_spans_as_json() -> None:
    assert PROBLEM.read_cell('[[0, 4, "ORG"]]', delimiter="|") == [[0, 4, "ORG"]]
    assert PROBLEM.read_cell("none", delimiter="|") == "none"
    with pytest.raises(BadTarget, match="neither usable as it is nor JSON"):
        PROBLEM.read_cell("[[0, 4", delimiter="|")


def test_a_tags_label_and_the_tags_of_some_labels_alone() -> None:
    tags = np.array([OUTPUTS.index(name) for name in ("O", "B-ORG", "I-ORG", "B-a-b", "B-PER", "I-PER", "B-公司")])
    places = label_places(tags)

    kept = keep_labels(tags, [2, 0])

    assert [LABELS[place] if place >= 0 else "" for place in places] == ["", "ORG", "ORG", "a-b", "PER", "PER", "公司"]
    names = np.array(["O", "B-a-b", "I-a-b", "B-ORG", "I-ORG"])  # in the order that was asked for
    assert names[kept].tolist() == ["O", "B-ORG", "I-ORG", "B-a-b", "O", "O", "O"]
