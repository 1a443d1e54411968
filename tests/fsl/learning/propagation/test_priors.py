"""How common a label is among texts without labels, told from what a teacher says of them."""

import numpy as np
import pytest

from fsl.learning.propagation.priors import balance, estimate_prior, expect_prior

EVEN = np.array([0.5, 0.5])


def said(n_first: int, n_second: int) -> np.ndarray:
    """Return what a teacher says that knows but one word, which 80% of the first label have and 20% of the other."""
    return np.array([[0.8, 0.2]] * n_first + [[0.2, 0.8]] * n_second, np.float32)


def test_the_share_that_is_found_is_worked_by_hand() -> None:
    # Of nine texts of the first label to one of the second, 0.9 * 0.8 + 0.1 * 0.2 = 74% have the word.
    assert estimate_prior(said(74, 26), EVEN) == pytest.approx([0.9, 0.1], abs=1e-3)
    assert estimate_prior(said(50, 50), EVEN) == pytest.approx([0.5, 0.5])


def test_answers_move_by_how_much_more_common_a_label_is() -> None:
    # 0.2 * 0.9 / 0.5 = 0.36 against 0.8 * 0.1 / 0.5 = 0.16.
    moved = expect_prior(said(1, 1), np.array([0.9, 0.1]), EVEN)

    assert moved[1] == pytest.approx([0.36 / 0.52, 0.16 / 0.52])
    assert moved[0] == pytest.approx([0.72 / 0.74, 0.02 / 0.74])
    assert expect_prior(said(1, 1), EVEN, EVEN) == pytest.approx(said(1, 1))


def test_what_a_teacher_learnt_from_is_not_expected_twice() -> None:
    uneven = np.array([0.8, 0.2])  # a teacher that saw as many says so of every text it knows nothing about
    nothing_known = np.tile(uneven.astype(np.float32), (10, 1))

    assert estimate_prior(nothing_known, uneven) == pytest.approx(uneven)


def test_a_teacher_that_is_too_sure_lets_the_share_move_once_it_is_flattened() -> None:
    sure = said(74, 26) ** 4
    sure /= sure.sum(axis=1, keepdims=True)

    unmoved = estimate_prior(sure, EVEN)
    assert unmoved is not None
    assert unmoved[0] < 0.75
    assert estimate_prior(sure, EVEN, temperature=4.0) == pytest.approx([0.9, 0.1], abs=1e-3)


def test_rows_of_zeros_and_labels_that_nobody_taught_stay_out() -> None:
    silent = np.zeros((5, 2), np.float32)

    assert estimate_prior(np.concatenate([said(74, 26), silent]), EVEN) == pytest.approx([0.9, 0.1], abs=1e-3)
    assert estimate_prior(silent, EVEN) == pytest.approx(EVEN)
    assert expect_prior(silent, np.array([0.9, 0.1]), EVEN).tolist() == silent.tolist()
    assert estimate_prior(np.array([[0.5, 0.5]], np.float32), np.array([1.0, 0.0])) == pytest.approx([1.0, 0.0])


def test_answers_are_balanced_until_every_label_has_its_share() -> None:
    answers = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], np.float32)

    even = balance(answers, EVEN)

    assert even.sum(axis=0) == pytest.approx([2.0, 2.0], abs=1e-3)
    assert even.sum(axis=1) == pytest.approx(1.0)
    assert even.argmax(axis=1).tolist() == [0, 0, 1, 1]
    odds = answers[:, 0] / answers[:, 1]  # each row's odds are scaled by the same number
    assert even[:, 0] / even[:, 1] / odds == pytest.approx(even[0, 0] / even[0, 1] / odds[0], rel=1e-3)
    assert balance(answers, np.array([0.75, 0.25])).sum(axis=0) == pytest.approx([3.0, 1.0], abs=1e-3)


def test_silent_rows_and_labels_that_no_text_holds_stay_out_of_the_balance() -> None:
    answers = np.array([[0.9, 0.1, 0.0], [0.0, 0.0, 0.0], [0.6, 0.4, 0.0]], np.float32)

    found = balance(answers, np.full(3, 1 / 3))

    assert found[1].tolist() == [0.0, 0.0, 0.0]
    assert found[:, 2].tolist() == [0.0, 0.0, 0.0]
    assert found[[0, 2]].sum(axis=1) == pytest.approx(1.0)
    assert balance(np.zeros((0, 2), np.float32), EVEN).shape == (0, 2)


def test_a_label_that_would_vanish_is_not_believed_to() -> None:
    assert estimate_prior(np.tile(np.array([[0.7, 0.3]], np.float32), (30, 1)), EVEN) is None
    # At 20% with the word the first label is gone already: 0.8 p + 0.2 (1 - p) = 0.2 where p is 0.
    assert estimate_prior(said(6, 94), EVEN) is None
    assert estimate_prior(said(30, 70), EVEN) is not None
