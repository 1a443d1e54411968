"""Losses of labels that do not compete, against values worked by hand."""

import math

import pytest
import torch

from fsl.learning.losses.distillation import UNLABELLED, champion_loss, student_loss
from fsl.learning.losses.independent import divergence, hard_label_loss, soft_label_loss
from fsl.learning.losses.regularising import agreement_loss

LOG2, LOG3 = math.log(2.0), math.log(3.0)


def test_hard_labels_cost_what_each_output_costs_by_itself() -> None:
    logits = torch.tensor([[0.0, LOG3]])  # probabilities 1/2 and 3/4

    assert hard_label_loss(logits, torch.tensor([[1, 0]])).item() == pytest.approx(LOG2 + 2 * LOG2)
    assert hard_label_loss(logits, torch.tensor([[0, 1]])).item() == pytest.approx(LOG2 + math.log(4 / 3))


def test_smoothing_moves_a_target_toward_a_half() -> None:
    loss = hard_label_loss(torch.tensor([[LOG3]]), torch.tensor([[1]]), smoothing=0.5)  # the target is 3/4

    assert loss.item() == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4.0))


def test_rows_without_labels_cost_nothing_and_count_for_nothing() -> None:
    logits = torch.tensor([[0.0, LOG3], [5.0, 5.0]], requires_grad=True)
    targets = torch.tensor([[1, 0], [UNLABELLED, UNLABELLED]])

    loss = hard_label_loss(logits, targets)
    loss.backward()

    assert loss.item() == pytest.approx(3 * LOG2)
    assert logits.grad is not None
    assert logits.grad[1].tolist() == [0.0, 0.0]
    assert hard_label_loss(logits, torch.tensor([UNLABELLED, UNLABELLED])).item() == 0.0


def test_soft_labels_cost_the_divergence_of_each_output() -> None:
    teacher = torch.tensor([[0.75, 0.5]])
    student = torch.tensor([[0.0, 0.0]])  # probabilities 1/2 and 1/2

    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert soft_label_loss(student, teacher, temperature=1.0).item() == pytest.approx(expected, abs=1e-6)


def test_softening_takes_the_logit_of_a_probability_apart_and_is_undone_in_size() -> None:
    teacher, student = torch.tensor([[0.75]]), torch.tensor([[0.0]])  # log 3 halved: a share of sqrt(3) / (1 + sqrt(3))

    share = math.sqrt(3.0) / (1.0 + math.sqrt(3.0))
    expected = share * math.log(2 * share) + (1 - share) * math.log(2 * (1 - share))
    assert soft_label_loss(student, teacher, temperature=2.0).item() == pytest.approx(4 * expected, abs=1e-6)


def test_a_row_of_which_no_teacher_spoke_is_left_out() -> None:
    teacher = torch.tensor([[0.75, 0.25], [0.0, 0.0]])
    student = torch.tensor([[LOG3, -LOG3], [4.0, 4.0]])

    assert soft_label_loss(student, teacher, temperature=1.0).item() == pytest.approx(0.0, abs=1e-6)
    assert soft_label_loss(student, torch.zeros(2, 2), temperature=1.0).item() == 0.0


def test_a_student_is_taught_by_both_in_their_weights() -> None:
    logits, targets, teacher = torch.tensor([[0.0]]), torch.tensor([[1]]), torch.tensor([[0.75]])

    loss = student_loss(
        logits, targets, teacher, temperature=1.0, weight_soft=2.0, weight_hard=0.5, activation="sigmoid"
    )

    expected = 2.0 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) + 0.5 * LOG2
    assert loss.item() == pytest.approx(expected, abs=1e-6)


THREE_TO_HALF = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)  # KL of 3/4 from 1/2
HALF_TO_THREE = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)


def test_each_yes_or_no_is_apart_by_its_own_divergence() -> None:
    apart = divergence(torch.tensor([[0.75, 0.5, 1.0]]), torch.tensor([[0.0, 0.0, 0.0]]))

    assert apart[0].tolist() == pytest.approx([THREE_TO_HALF, 0.0, LOG2], abs=1e-6)


def test_two_passes_agree_output_by_output() -> None:
    one, two = torch.tensor([[LOG3, 0.0]]), torch.tensor([[0.0, 0.0]])

    loss = agreement_loss(one, two, activation="sigmoid")

    assert loss.item() == pytest.approx((THREE_TO_HALF + HALF_TO_THREE) / 2, rel=1e-5)
    assert agreement_loss(one, one, activation="sigmoid").item() == pytest.approx(0.0, abs=1e-6)


def test_the_champion_is_followed_on_each_output_that_it_knows() -> None:
    champion = torch.tensor([[0.75, 0.0, 0.5], [0.0, 0.0, 0.0]])  # it does not know the second output

    loss = champion_loss(torch.tensor([[0.0, 9.0, 0.0], [3.0, 3.0, 3.0]]), champion, activation="sigmoid")

    assert loss.item() == pytest.approx(THREE_TO_HALF, rel=1e-5)


def test_the_surer_the_teacher_of_its_outputs_the_more_a_unit_counts() -> None:
    teacher = torch.tensor([[0.75], [0.5]])  # of the second it knows nothing

    loss = soft_label_loss(torch.tensor([[0.0], [5.0]]), teacher, temperature=1.0, by_confidence=True)

    assert loss.item() == pytest.approx(THREE_TO_HALF, rel=1e-4)
