"""Any number of labels for a text."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from fsl.problems import find_problem
from fsl.problems.base import BadTarget, Counts, picks_one
from fsl.problems.multilabel import Multilabel

PROBLEM = Multilabel()
OUTPUTS = ("billing", "delivery", "退货")
UNIT = [(0, 9)]


def test_the_kind_is_found_and_its_labels_do_not_compete() -> None:
    assert find_problem("multilabel").kind == "multilabel"
    assert not picks_one(find_problem("multilabel"))
    assert picks_one(find_problem("classification"))


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        (["delivery", "billing"], ["billing", "delivery"]),
        ([" billing\t", "billing"], ["billing"]),  # one label, however often it is written
        (["cafe\u0301", "caf\u00e9"], ["caf\u00e9"]),
        ([], []),
    ],
)
def test_a_target_is_its_labels_in_one_order_each_once(given: JsonValue, canonical: JsonValue) -> None:
    assert PROBLEM.read_target(given, "some text") == canonical


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("billing", "the labels are 'billing', but a list is needed (an empty one says: none fits)"),
        ({"billing": True}, "but a list is needed"),
        (None, "the labels are None, but a list is needed"),
        (["billing", 3], "the list holds 3, but a label is a text"),
        (["billing", ["delivery"]], "but a label is a text"),
        (["billing", " "], "a label in the list is empty"),
        (["a\x1b[31mb"], "holds characters that cannot be shown"),
    ],
)
def test_what_cannot_be_a_set_of_labels_gets_its_reason(given: JsonValue, reason: str) -> None:
    with pytest.raises(BadTarget) as caught:
        PROBLEM.read_target(given, "some text")

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "delimiter", "labels"),
    [
        ("billing|delivery", "|", ["billing", "delivery"]),
        ("billing | delivery |", "|", ["billing", "delivery"]),
        ("billing", "|", ["billing"]),
        ("billing, delivery", ",", ["billing", "delivery"]),
        ("billing;;delivery", ";", ["billing", "delivery"]),
        ("[]", "|", []),
        (' ["billing", "退货"]', "|", ["billing", "退货"]),
    ],
)
def test_a_cell_of_csv_is_parted_at_the_delimiter_or_holds_json(cell: str, delimiter: str, labels: JsonValue) -> None:
    assert PROBLEM.read_target(PROBLEM.read_cell(cell, delimiter=delimiter), "") == labels


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("  ", r"the cell names no label: write \[\] where none fits"),
        ("||", "the cell names no label"),
        ('["billing"', "neither usable as it is nor JSON"),
    ],
)
def test_a_cell_that_names_nothing_says_how_to_write_none(cell: str, reason: str) -> None:
    with pytest.raises(BadTarget, match=reason):
        PROBLEM.read_cell(cell, delimiter="|")


def test_each_output_of_a_text_is_there_or_not() -> None:
    assert PROBLEM.outputs(["退货", "delivery", "billing"]) == OUTPUTS
    assert PROBLEM.unit_targets(["billing", "退货"], UNIT, OUTPUTS).tolist() == [[1, 0, 1]]
    assert PROBLEM.unit_targets([], UNIT, OUTPUTS).tolist() == [[0, 0, 0]]
    assert PROBLEM.labels_in(["billing", "退货"]) == ("billing", "退货")


def test_an_answer_holds_what_reaches_its_threshold_and_is_as_sure_as_its_labels_together() -> None:
    answer = PROBLEM.decode(np.array([[0.75, 0.25, 0.5]], np.float32), UNIT, OUTPUTS)

    assert answer.target == ["billing", "退货"]
    assert answer.confidence == 0.75 * 0.75 * 0.5
    assert answer.margin == 0.0  # without 退货 the set is as likely
    assert answer.probabilities == {"billing": 0.75, "delivery": 0.25, "退货": 0.5}


def test_the_margin_is_the_lead_over_the_set_that_differs_in_the_label_most_doubted() -> None:
    answer = PROBLEM.decode(np.array([[0.875, 0.25, 0.125]], np.float32), UNIT, OUTPUTS)

    assert answer.target == ["billing"]
    assert answer.confidence == pytest.approx(0.875 * 0.75 * 0.875)
    assert answer.margin == pytest.approx(0.875 * 0.75 * 0.875 - 0.875 * 0.25 * 0.875)


def test_a_threshold_may_overrule_what_is_likelier() -> None:
    answer = PROBLEM.decode(np.array([[0.75, 0.25, 0.125]], np.float32), UNIT, OUTPUTS, (0.875, 0.25, 0.5))

    assert answer.target == ["delivery"]
    assert answer.confidence == pytest.approx(0.25 * 0.25 * 0.875)
    assert answer.margin == pytest.approx(0.25 * 0.25 * 0.875 - 0.75 * 0.75 * 0.875)


def test_a_text_may_get_no_label_at_all() -> None:
    answer = PROBLEM.decode(np.array([[0.25, 0.25, 0.25]], np.float32), UNIT, OUTPUTS)

    assert answer.target == []
    assert answer.confidence == pytest.approx(0.75**3)


def test_a_probability_that_is_no_number_gives_no_label_and_no_confidence() -> None:
    answer = PROBLEM.decode(np.array([[np.nan, 0.75, 0.25]], np.float32), UNIT, OUTPUTS)

    assert answer.target == ["delivery"]
    assert math.isnan(answer.confidence)


@given(chances=st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_no_set_is_likelier_than_an_answer_at_thresholds_of_a_half(chances: list[float]) -> None:
    probabilities = np.array([chances], np.float32)
    answer = PROBLEM.decode(probabilities, UNIT, OUTPUTS)
    every = [
        [label for place, label in enumerate(OUTPUTS) if number >> place & 1] for number in range(2 ** len(OUTPUTS))
    ]

    found = sorted((PROBLEM.probability_of(labels, probabilities, UNIT, OUTPUTS) for labels in every), reverse=True)

    assert sum(found) == pytest.approx(1.0)
    assert answer.confidence == pytest.approx(found[0])
    assert answer.margin == pytest.approx(found[0] - found[1], abs=1e-9)


def test_a_set_with_an_unknown_label_is_not_probable_at_all() -> None:
    assert PROBLEM.probability_of(["loan"], np.array([[0.5, 0.5, 0.5]], np.float32), UNIT, OUTPUTS) == 0.0


def test_labels_are_counted_each_by_itself_and_a_row_is_right_where_the_whole_set_is() -> None:
    found = PROBLEM.count(["billing", "delivery"], ["delivery", "退货"])

    assert found == {
        "billing": Counts(misses=1),
        "delivery": Counts(hits=1),
        "退货": Counts(false_alarms=1),
    }
    assert not PROBLEM.is_correct(["billing", "delivery"], ["delivery", "退货"])
    assert PROBLEM.is_correct(["billing", "delivery"], ["delivery", "billing"])
    assert PROBLEM.is_correct([], [])
    assert PROBLEM.count([], []) == {}


def test_one_label_for_one_other_is_a_confusion_and_all_else_is_missed_or_invented() -> None:
    assert list(PROBLEM.confused(["billing", "delivery"], ["delivery", "退货"])) == [("billing", "退货")]
    assert list(PROBLEM.confused(["billing", "delivery"], [])) == [("billing", "nothing"), ("delivery", "nothing")]
    assert list(PROBLEM.confused([], ["退货"])) == [("nothing", "退货")]
    assert list(PROBLEM.confused(["billing"], ["billing"])) == []


@pytest.mark.parametrize("answer", ["billing", [1], None, [["billing"]]])
def test_an_answer_of_another_kind_cannot_be_read(answer: JsonValue) -> None:
    with pytest.raises(AssertionError):
        PROBLEM.labels_in(answer)
