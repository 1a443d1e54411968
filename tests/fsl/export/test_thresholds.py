"""Thresholds: chosen on tune rows for the best F1, a half where there is too little to choose from."""

import numpy as np
import pytest

from fsl.export.thresholds import best_threshold, choose_thresholds, f1_at


def test_f1_counts_what_is_given_from_a_threshold_on() -> None:
    probabilities, truth = np.array([0.9, 0.6, 0.4, 0.2]), np.array([True, False, True, False])

    assert f1_at(probabilities, truth, 0.5) == 2 * 1 / (2 + 2)
    assert f1_at(probabilities, truth, 0.3) == 2 * 2 / (3 + 2)
    assert f1_at(probabilities, truth, 0.95) == 0.0
    assert f1_at(probabilities, np.zeros(4, bool), 0.95) == 0.0


def test_the_best_threshold_lies_between_the_rows_that_it_parts() -> None:
    probabilities, truth = np.array([0.9, 0.6, 0.4, 0.2]), np.array([True, False, True, False])

    assert best_threshold(probabilities, truth) == (pytest.approx(0.3), pytest.approx(0.8))


def test_of_thresholds_as_good_the_one_nearest_a_half_is_taken() -> None:
    probabilities, truth = np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, True, False, False])

    assert best_threshold(probabilities, truth) == (0.5, 1.0)

    # From 0.45 on and from 0.5 on the same three rows are given.
    probabilities, truth = np.array([0.9, 0.7, 0.6, 0.3, 0.2]), np.array([True, False, True, False, True])

    assert best_threshold(probabilities, truth) == (0.5, pytest.approx(2 / 3))


def test_no_threshold_is_drawn_to_the_ends() -> None:
    probabilities = np.array([0.02, 0.04, 0.01, 0.03])

    assert best_threshold(probabilities, np.array([True, True, False, False])) == (0.5, 0.0)


def test_few_tune_rows_choose_nothing() -> None:
    found = choose_thresholds(np.full((19, 2), 0.3), np.ones((19, 2), np.int64), ("billing", "delivery"))

    assert found.thresholds == (0.5, 0.5)
    assert found.reasons == ("19 tune rows are too few to choose thresholds (20 needed): all are 0.5",)
    assert choose_thresholds(np.empty((0, 2)), np.empty(0, np.int64), ("a", "b")).thresholds == (0.5, 0.5)


def test_each_label_gets_its_own_where_enough_rows_have_it() -> None:
    targets = np.array([[1, 1]] * 7 + [[1, 0]] * 3 + [[0, 0]] * 10)
    probabilities = np.array([[0.375, 0.375]] * 10 + [[0.125, 0.125]] * 10)

    found = choose_thresholds(probabilities, targets, ("billing", "delivery"))

    assert found.thresholds == (0.25, 0.5)
    assert found.reasons == (
        "billing: 0.25, where F1 is 1.000 on 10 tune rows with it (0.000 at 0.5)",
        "delivery: 0.5, since 7 tune rows with it are too few to choose (8)",
    )
