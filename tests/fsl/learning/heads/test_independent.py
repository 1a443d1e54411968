"""Labels that do not compete: a head each, one set of folds, one temperature."""

import math
from functools import partial

import numpy as np
import pytest

from fsl.learning.heads import (
    Head,
    choose_head,
    discriminant,
    fit_probe,
    fit_temperature,
    log_likelihoods,
    logistic,
    prototypes,
)
from fsl.learning.heads.head import likelihoods_of
from fsl.learning.heads.independent import each_label, strata_of


def clouds(n_rows: int, *, noise: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors, and two labels, each told by a coordinate of its own: none, one or both fit."""
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, 2, (n_rows, 2))
    vectors = np.concatenate([2.0 * targets - 1.0, np.ones((n_rows, 2))], axis=1)
    vectors += generator.normal(scale=noise, size=vectors.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), targets


def test_the_likelihood_of_a_set_is_that_of_all_its_labels_together() -> None:
    logits = np.array([[math.log(3.0), 0.0, -math.log(3.0)]])  # probabilities 3/4, 1/2 and 1/4

    found = likelihoods_of(np.repeat(logits, 2, axis=0), np.array([[1, 0, 0], [0, 1, 1]]))

    assert np.exp(found) == pytest.approx([3 / 4 * 1 / 2 * 3 / 4, 1 / 4 * 1 / 2 * 1 / 4])


def test_the_likelihood_of_outputs_that_compete_is_that_of_the_right_one() -> None:
    assert np.exp(likelihoods_of(np.array([[math.log(3.0), 0.0]]), np.array([1]))) == pytest.approx(1 / 4)


def test_a_sigmoid_head_tells_each_output_by_itself() -> None:
    head = Head(np.zeros((2, 2), np.float32), np.array([math.log(9.0), 0.0], np.float32), 2.0, activation="sigmoid")

    assert np.exp(head.log_probabilities(np.ones((1, 2), np.float32))) == pytest.approx(np.array([[3 / 4, 1 / 2]]))


@pytest.mark.parametrize(
    "fit",
    [
        partial(logistic.fit_path, strengths=(1.0, 30.0)),
        partial(discriminant.fit_path, shrinkages=(0.3, 0.9)),
        lambda x, y, n: (prototypes.fit_prototypes(x, y, n),),
    ],
)
def test_each_label_gets_the_head_that_it_would_get_if_it_were_the_only_question(fit) -> None:  # type: ignore[no-untyped-def]
    vectors, targets = clouds(40)

    joint = each_label(fit)(vectors, targets, 2)

    for label in range(2):
        for together, alone in zip(joint, fit(vectors, targets[:, label], 2), strict=True):
            expected = np.exp(alone.log_probabilities(vectors))[:, 1]
            assert np.exp(together.log_probabilities(vectors))[:, label] == pytest.approx(expected, abs=1e-5)


def test_a_label_that_no_row_has_is_never_given_and_one_that_all_have_always() -> None:
    vectors, targets = clouds(12)
    targets = np.concatenate([targets, np.zeros((12, 1), np.int64), np.ones((12, 1), np.int64)], axis=1)

    head = fit_probe(vectors, targets, 4, seed=0)

    assert np.exp(head.log_probabilities(vectors))[:, 2].max() < 1e-9
    assert np.exp(head.log_probabilities(vectors))[:, 3].min() > 1 - 1e-9


def test_a_row_is_dealt_by_its_rarest_label() -> None:
    targets = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 1], [0, 0, 0], [1, 1, 0]])  # of 5, 3 and 2 rows

    assert strata_of(targets).tolist() == [0, 1, 2, 2, 3, 1]
    assert strata_of(np.array([2, 0, 1])).tolist() == [2, 0, 1]


def test_one_temperature_makes_all_labels_as_sure_as_they_are_right() -> None:
    vectors = np.array([[1.0], [1.0], [1.0], [1.0]], np.float32)
    head = Head(np.array([[6.0, -6.0]], np.float32), np.zeros(2, np.float32), activation="sigmoid")
    targets = np.array([[1, 0], [1, 0], [1, 0], [0, 1]])  # each label is right three times in four

    found = fit_temperature(head, vectors, targets)

    assert 6.0 / found.temperature == pytest.approx(math.log(3.0), abs=1e-3)
    assert log_likelihoods(found, vectors, targets).mean() > log_likelihoods(head, vectors, targets).mean()


def test_a_head_chosen_by_cross_validation_tells_fresh_rows_their_sets() -> None:
    vectors, targets = clouds(80)
    fresh, truth = clouds(200, seed=1)

    chosen = choose_head(vectors, targets, 2, seed=0)

    said = np.exp(chosen.head.log_probabilities(fresh)) >= 0.5
    assert chosen.winner is not None
    assert {trial.family for trial in chosen.trials} == {"logistic regression", "prototypes", "discriminant analysis"}
    assert (said == truth).all(axis=1).mean() > 0.95
    again = choose_head(vectors, targets, 2, seed=0)
    assert np.array_equal(chosen.head.weight, again.head.weight)


def test_with_very_many_labels_none_is_decomposed_by_itself() -> None:
    vectors, targets = clouds(24)
    chosen = choose_head(vectors, np.tile(targets, (1, 16)), 32, seed=0)

    assert {trial.family for trial in chosen.trials} == {"logistic regression", "prototypes"}
