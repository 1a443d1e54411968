"""One label for a text."""

import numpy as np
import pytest

from fsl.problems import find_problem
from fsl.problems.base import Answer, BadTarget, Counts
from fsl.problems.classification import Classification

PROBLEM = Classification()
OUTPUTS = ("balance", "refund", "退款")


def test_a_kind_is_found_by_the_name_that_the_config_uses() -> None:
    assert find_problem("classification").kind == "classification"
    assert find_problem("tagging").kind == "tagging"


@pytest.mark.parametrize("label", ["refund", "  refund\t\n", "退款", "two words", "1"])
def test_a_label_is_its_text_without_space_around_it(label: str) -> None:
    assert PROBLEM.read_target(label, "some text") == label.strip()


def test_an_accent_typed_as_one_character_or_as_two_makes_one_label() -> None:
    assert PROBLEM.read_target("cafe\u0301", "") == PROBLEM.read_target("caf\u00e9", "") == "caf\u00e9"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (3, "the label is 3, but a label is a text"),
        (True, "the label is True, but a label is a text"),
        (None, "the label is None, but a label is a text"),
        (["refund"], "but a label is a text"),
        ("  ", "the label is empty"),
        ("a\x1b[31mb", "holds characters that cannot be shown"),
        ("a\nb", "holds characters that cannot be shown"),
        ("a\u202eb", "holds characters that cannot be shown"),
        ("\ud800", "holds characters that cannot be shown"),
    ],
)
def test_what_cannot_be_a_label_gets_its_reason(value: object, reason: str) -> None:
    with pytest.raises(BadTarget) as caught:
        PROBLEM.read_target(value, "some text")  # type: ignore[arg-type]

    assert reason in str(caught.value)


def test_outputs_are_the_labels_in_one_order_however_they_came() -> None:
    assert PROBLEM.outputs(["退款", "refund", "balance"]) == OUTPUTS


def test_the_text_itself_is_the_only_unit() -> None:
    assert PROBLEM.unit_targets("退款", [(0, 9)], OUTPUTS).tolist() == [2]
    assert PROBLEM.labels_in("退款") == ("退款",)


def test_an_answer_is_the_likeliest_label_with_its_lead_over_the_second() -> None:
    answer = PROBLEM.decode(np.array([[0.125, 0.25, 0.625]], np.float32), [(0, 4)], OUTPUTS)

    assert answer == Answer("退款", confidence=0.625, margin=0.375)


def test_of_two_equal_outputs_the_first_is_always_given() -> None:
    answer = PROBLEM.decode(np.array([[0.25, 0.375, 0.375]], np.float32), [(0, 4)], OUTPUTS)

    assert answer == Answer("refund", confidence=0.375, margin=0.0)


def test_a_single_output_leads_by_all_it_has() -> None:
    answer = PROBLEM.decode(np.array([[1.0]], np.float32), [(0, 4)], ("refund",))

    assert answer == Answer("refund", confidence=1.0, margin=1.0)


def test_a_wrong_answer_is_a_miss_of_one_label_and_a_false_alarm_of_another() -> None:
    assert PROBLEM.count("refund", "refund") == {"refund": Counts(hits=1)}
    assert PROBLEM.count("refund", "balance") == {"refund": Counts(misses=1), "balance": Counts(false_alarms=1)}
    assert PROBLEM.is_correct("refund", "refund")
    assert not PROBLEM.is_correct("refund", "balance")


def test_counts_add_up() -> None:
    assert Counts(1, 2, 3) + Counts(10, 20, 30) == Counts(11, 22, 33)


def test_an_answer_is_as_probable_as_its_output_and_an_unknown_label_not_at_all() -> None:
    probabilities = np.array([[0.125, 0.25, 0.625]], np.float32)

    assert PROBLEM.probability_of("refund", probabilities, [(0, 4)], OUTPUTS) == 0.25
    assert PROBLEM.probability_of("loan", probabilities, [(0, 4)], OUTPUTS) == 0.0


def test_a_label_is_confused_with_what_was_answered_in_its_place() -> None:
    assert list(PROBLEM.confused("refund", "balance")) == [("refund", "balance")]
    assert list(PROBLEM.confused("refund", "refund")) == []
