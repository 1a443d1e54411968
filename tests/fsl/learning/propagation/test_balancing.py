"""Answers about a pool that is known to hold as many texts of every label."""

import numpy as np
import pytest

from fsl.learning.propagation.balancing import balance


def test_answers_are_balanced_until_every_label_has_as_much() -> None:
    answers = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], np.float32)

    even = balance(answers)

    assert even.sum(axis=0) == pytest.approx([2.0, 2.0], abs=1e-3)
    assert even.sum(axis=1) == pytest.approx(1.0)
    assert even.argmax(axis=1).tolist() == [0, 0, 1, 1]
    odds = answers[:, 0] / answers[:, 1]  # each row's odds are scaled by the same number
    assert even[:, 0] / even[:, 1] / odds == pytest.approx(even[0, 0] / even[0, 1] / odds[0], rel=1e-3)


def test_silent_rows_and_labels_that_no_text_holds_stay_out_of_the_balance() -> None:
    answers = np.array([[0.9, 0.1, 0.0], [0.0, 0.0, 0.0], [0.6, 0.4, 0.0]], np.float32)

    found = balance(answers)

    assert found[1].tolist() == [0.0, 0.0, 0.0]
    assert found[:, 2].tolist() == [0.0, 0.0, 0.0]
    assert found[[0, 2]].sum(axis=1) == pytest.approx(1.0)
    assert balance(np.zeros((0, 2), np.float32)).shape == (0, 2)
