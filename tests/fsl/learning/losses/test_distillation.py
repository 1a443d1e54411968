"""Losses, against values worked by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.learning.losses.distillation import (
    UNLABELLED,
    champion_loss,
    confidence_weights,
    contrastive_loss,
    hard_label_loss,
    soft_label_loss,
    student_loss,
)


def test_loss_matches_a_divergence_worked_by_hand() -> None:
    teacher = torch.tensor([[0.75, 0.25]])
    student = torch.tensor([[0.0, 0.0]])  # probabilities 1/2 and 1/2
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)

    assert soft_label_loss(student, teacher, temperature=1.0).item() == pytest.approx(expected)


def test_softening_is_undone_by_temperature_squared() -> None:
    teacher = torch.tensor([[0.9, 0.1]])  # 9 to 1; at temperature 2, 3 to 1
    student = torch.tensor([[0.0, 0.0]])
    expected = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))

    assert soft_label_loss(student, teacher, temperature=2.0).item() == pytest.approx(expected, rel=1e-5)


def test_the_students_logits_are_softened_too() -> None:
    teacher = torch.tensor([[0.5, 0.5]])
    student = torch.tensor([[2 * math.log(3.0), 0.0]])  # at temperature 2, probabilities 3/4 and 1/4
    expected = 4 * (0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25))

    assert soft_label_loss(student, teacher, temperature=2.0).item() == pytest.approx(expected, rel=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.floats(0.5, 5))
def test_a_student_of_its_teachers_mind_has_nothing_to_learn(logits: list[float], temperature: float) -> None:
    student = torch.tensor([logits])

    assert soft_label_loss(student, student.softmax(-1), temperature=temperature).item() == pytest.approx(0, abs=1e-4)


def test_units_without_soft_labels_do_not_count() -> None:
    student = torch.tensor([[0.0, 0.0], [9.0, -9.0]])
    teacher = torch.tensor([[0.75, 0.25], [0.0, 0.0]])

    alone = soft_label_loss(student[:1], teacher[:1], temperature=1.0)

    assert soft_label_loss(student, teacher, temperature=1.0).item() == pytest.approx(alone.item())


def test_a_teacher_that_is_quite_sure_costs_a_finite_number() -> None:
    loss = soft_label_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]), temperature=1.0)

    assert loss.item() == pytest.approx(math.log(2.0), rel=1e-5)


def test_cross_entropy_is_averaged_over_the_units_that_have_a_label() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0], [5.0, -5.0]])
    targets = torch.tensor([0, 1, UNLABELLED])
    expected = (-math.log(0.75) - math.log(0.5)) / 2

    assert hard_label_loss(logits, targets).item() == pytest.approx(expected)


def test_a_batch_without_any_label_costs_nothing_and_still_has_a_gradient() -> None:
    logits = torch.tensor([[1.0, 2.0]], requires_grad=True)
    soft = soft_label_loss(logits, torch.zeros(1, 2), temperature=1.0)
    hard = hard_label_loss(logits, torch.tensor([UNLABELLED]))

    (soft + hard).backward()

    assert (soft.item(), hard.item()) == (0.0, 0.0)
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.0, 0.0]]


def test_a_batch_without_any_unit_costs_nothing() -> None:
    logits = torch.empty(0, 2, requires_grad=True)

    loss = student_loss(
        logits,
        torch.empty(0, dtype=torch.int64),
        torch.empty(0, 2),
        temperature=2.0,
        weight_soft=1.0,
        weight_hard=1.0,
    )

    assert loss.item() == 0.0


def test_both_losses_are_weighted_and_added() -> None:
    logits = torch.tensor([[0.0, 0.0]])
    soft = torch.tensor([[0.75, 0.25]])
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)

    loss = student_loss(logits, torch.tensor([0]), soft, temperature=1.0, weight_soft=3.0, weight_hard=0.5)

    assert loss.item() == pytest.approx(3.0 * divergence + 0.5 * math.log(2.0))


def test_without_a_teacher_the_weights_play_no_part() -> None:
    loss = student_loss(
        torch.tensor([[0.0, 0.0]]), torch.tensor([0]), None, temperature=2.0, weight_soft=3.0, weight_hard=0.5
    )

    assert loss.item() == pytest.approx(math.log(2.0))


def test_smoothing_spreads_a_share_of_each_target_over_all_outputs() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0]])  # probabilities 3/4 and 1/4
    expected = -(0.9 * math.log(0.75) + 0.1 * math.log(0.25))  # a fifth of the target, spread over two

    assert hard_label_loss(logits, torch.tensor([0]), smoothing=0.2).item() == pytest.approx(expected)


def test_the_contrastive_loss_of_two_friends_and_a_stranger_is_worked_by_hand() -> None:
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    # Each friend sees the other at cosine 1 and the stranger at 0: log-softmax of (1, 0). The stranger has no friend.
    expected = math.log(1.0 + math.exp(-1.0))

    assert contrastive_loss(vectors, torch.tensor([0, 0, 1]), temperature=1.0).item() == pytest.approx(expected)
    assert contrastive_loss(vectors, torch.tensor([0, 0, 1]), temperature=0.5).item() == pytest.approx(
        math.log(1.0 + math.exp(-2.0))
    )


def test_units_without_a_label_are_neither_friends_nor_strangers() -> None:
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], requires_grad=True)

    loss = contrastive_loss(vectors, torch.tensor([0, 0, 1, UNLABELLED]), temperature=1.0)
    loss.backward()

    assert loss.item() == pytest.approx(math.log(1.0 + math.exp(-1.0)))
    assert vectors.grad is not None
    assert vectors.grad[3].tolist() == [0.0, 0.0]
    assert torch.isfinite(vectors.grad).all()


def test_a_batch_without_two_of_a_label_contrasts_nothing() -> None:
    vectors = torch.eye(2, requires_grad=True)

    loss = contrastive_loss(vectors, torch.tensor([0, 1]), temperature=1.0)
    loss.backward()

    assert loss.item() == 0.0


def test_a_teacher_is_as_sure_as_its_entropy_is_small() -> None:
    probabilities = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]])
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)

    assert confidence_weights(probabilities).tolist() == pytest.approx([1.0, 0.0, 1 - entropy / math.log(2)], abs=1e-6)


def test_the_surer_the_teacher_the_more_a_unit_counts() -> None:
    teacher = torch.tensor([[0.75, 0.25], [0.5, 0.5], [0.0, 0.0]])  # of the second it knows nothing, of the third none
    student = torch.tensor([[0.0, 0.0], [3.0, 0.0], [9.0, 0.0]])
    first = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)

    loss = soft_label_loss(student, teacher, temperature=1.0, by_confidence=True)

    assert loss.item() == pytest.approx(first, rel=1e-5)
    assert soft_label_loss(student, teacher, temperature=1.0).item() > 2 * first
    even = torch.tensor([[0.5, 0.5]])
    assert soft_label_loss(even * 0, even, temperature=1.0, by_confidence=True).item() == 0.0


def test_the_champion_is_followed_on_the_outputs_that_it_knows_worked_by_hand() -> None:
    champion = torch.tensor(
        [[0.6, 0.2, 0.0], [0.0, 0.0, 0.0]]
    )  # 3/4 and 1/4 of what both know; not asked of the second
    student = torch.tensor([[0.0, 0.0, 5.0], [1.0, 2.0, 3.0]])  # of those, 1/2 and 1/2, whatever it says of the third
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)

    assert champion_loss(student, champion).item() == pytest.approx(expected)
    assert champion_loss(student, torch.zeros(2, 3)).item() == 0.0


def test_following_the_champion_moves_no_output_that_it_does_not_know() -> None:
    student = torch.zeros(1, 3, requires_grad=True)

    champion_loss(student, torch.tensor([[0.9, 0.1, 0.0]])).backward()

    assert student.grad is not None
    assert student.grad.flatten().tolist() == pytest.approx([0.5 - 0.9, 0.5 - 0.1, 0.0])
