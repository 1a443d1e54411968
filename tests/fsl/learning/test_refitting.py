"""A new head on an encoder that stays."""

import numpy as np
import pytest

from fsl.learning.refitting import LabelledVectors, is_shown, refit_head


def cloud(n: int, *, n_labels: int = 3, noise: float = 0.3, seed: int = 0) -> LabelledVectors:
    generator = np.random.default_rng(seed)
    targets = np.arange(n) % n_labels
    vectors = np.eye(8)[targets] + noise * generator.normal(size=(n, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return LabelledVectors(vectors.astype(np.float32), targets.astype(np.int64), np.arange(n))


NOTHING = LabelledVectors(np.empty((0, 8), np.float32), np.empty(0, np.int64), np.empty(0, np.int64))


def accuracy(head: object, rows: LabelledVectors) -> float:
    return float((head.log_probabilities(rows.vectors).argmax(axis=1) == rows.targets).mean())  # type: ignore[attr-defined]


def test_a_refitted_head_tells_new_texts_apart() -> None:
    assert accuracy(refit_head(cloud(90), cloud(30, seed=1), 3, seed=0), cloud(300, seed=2)) > 0.95


def test_the_same_rows_give_the_same_head() -> None:
    first, second = (refit_head(cloud(90), cloud(30, seed=1), 3, seed=0) for _ in range(2))

    assert np.array_equal(first.weight, second.weight)
    assert first.temperature == second.temperature


@pytest.mark.parametrize("n_tune", [0, 3])
def test_with_few_tune_rows_the_head_is_as_sure_as_train_rows_bear_out(n_tune: int) -> None:
    # Three rows that are all answered rightly would make it sure without bound.
    tune = cloud(n_tune, noise=0.01) if n_tune else NOTHING

    head = refit_head(cloud(90, noise=0.6), tune, 3, seed=0)

    asked = cloud(3000, noise=0.6, seed=2)
    sure = float(np.exp(head.log_probabilities(asked.vectors)).max(axis=1).mean())
    assert sure == pytest.approx(accuracy(head, asked), abs=0.08)


def test_an_output_that_no_row_shows_is_never_given() -> None:
    head = refit_head(cloud(90, n_labels=2), cloud(30, n_labels=3, seed=1), 3, seed=0)

    assert np.exp(head.log_probabilities(cloud(60, seed=3).vectors))[:, 2].max() < 1e-6


def test_a_label_taken_away_leaves_no_trace() -> None:
    before, after = cloud(90), cloud(90)
    kept = after.targets < 2
    rest = LabelledVectors(after.vectors[kept], after.targets[kept], after.texts[kept])

    head = refit_head(rest, NOTHING, 2, seed=0)

    assert np.array_equal(head.weight, refit_head(rest, NOTHING, 2, seed=0).weight)
    assert not np.allclose(head.weight, refit_head(before, NOTHING, 3, seed=0).weight[:, :2])


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_rows_of_one_label_always_get_it(n_outputs: int) -> None:
    one = LabelledVectors(cloud(10).vectors, np.zeros(10, np.int64), np.arange(10))

    assert (refit_head(one, NOTHING, n_outputs, seed=0).log_probabilities(one.vectors).argmax(axis=1) == 0).all()


def test_a_set_is_shown_where_train_units_show_every_label_of_it() -> None:
    train = np.array([[1, 0, 0], [0, 1, 0]])

    assert is_shown(np.array([[1, 1, 0], [0, 0, 0], [1, 0, 1]]), train).tolist() == [True, True, False]
    assert is_shown(np.array([0, 2]), np.array([0, 1])).tolist() == [True, False]
    assert is_shown(np.empty(0, np.int64), train).tolist() == []
