"""The probe and its temperature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fsl.learning.heads import Head, fit_probe, fit_temperature, log_likelihoods
from fsl.learning.heads.logistic import fit_path

Vectors = NDArray[np.float32]
Targets = NDArray[np.int64]


def clouds(n_rows: int, n_classes: int, *, noise: float = 0.2, seed: int = 0) -> tuple[Vectors, Targets]:
    """Return unit vectors around one axis for each class, the classes by turns."""
    generator = np.random.default_rng(seed)
    targets = np.arange(n_rows) % n_classes
    vectors = np.eye(8)[targets] + generator.normal(scale=noise, size=(n_rows, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), targets


def accuracy(head: Head, vectors: Vectors, targets: Targets) -> float:
    return float((head.log_probabilities(vectors).argmax(axis=1) == targets).mean())


def test_logits_are_divided_by_the_temperature() -> None:
    head = Head(np.array([[2.0, 0.0]], np.float32), np.array([0.0, 2.0], np.float32), temperature=2.0)
    vectors = np.array([[3.0]], np.float32)  # logits 6 and 2, divided 3 and 1

    expected = [-np.log1p(np.exp(-2.0)), -2.0 - np.log1p(np.exp(-2.0))]

    assert head.log_probabilities(vectors)[0] == pytest.approx(expected)
    assert log_likelihoods(head, vectors, np.array([1])) == pytest.approx([expected[1]])


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_a_probe_tells_clouds_apart(n_classes: int) -> None:
    vectors, targets = clouds(60, n_classes)
    fresh, fresh_targets = clouds(60, n_classes, seed=1)

    head = fit_probe(vectors, targets, n_classes, seed=0)

    assert (head.weight.shape, head.bias.shape) == ((8, n_classes), (n_classes,))
    assert (head.weight.dtype, head.bias.dtype) == (np.float32, np.float32)
    assert accuracy(head, fresh, fresh_targets) > 0.95


def test_two_classes_have_the_probabilities_that_scikit_learn_gives() -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, targets = clouds(1, 2)
    vectors, targets = np.concatenate([vectors, clouds(2, 2, seed=3)[0]]), np.array([0, 0, 1])
    expected = LogisticRegression(C=30.0, max_iter=1000).fit(vectors, targets).predict_proba(vectors)

    head = fit_probe(vectors, targets, 2, seed=0)  # one row of class 1: too few to choose the strength by folds

    assert np.exp(head.log_probabilities(vectors)) == pytest.approx(expected, abs=1e-4)


def test_the_strength_is_the_one_that_held_out_folds_like_best() -> None:
    noisy, targets = clouds(300, 2, noise=2.0)
    shuffled = np.random.default_rng(5).permutation(targets)  # nothing to learn: the weakest fit is the best
    clean, clean_targets = clouds(300, 2, noise=0.05)

    def size(head: Head) -> float:
        return float(np.linalg.norm(head.weight))

    def fitted(strength: float, vectors: Vectors, labels: Targets) -> float:
        from sklearn.linear_model import LogisticRegression

        # Two outputs share the one row of scikit-learn's, half to each side.
        return float(np.linalg.norm(LogisticRegression(C=strength, max_iter=1000).fit(vectors, labels).coef_)) / 2**0.5

    assert size(fit_probe(noisy, shuffled, 2, seed=0)) == pytest.approx(fitted(3.0, noisy, shuffled), rel=0.05)
    assert size(fit_probe(clean, clean_targets, 2, seed=0)) == pytest.approx(
        fitted(100.0, clean, clean_targets), rel=0.05
    )


def test_a_label_with_a_single_row_is_learnt_beside_the_others() -> None:
    vectors, targets = clouds(40, 2)
    vectors = np.concatenate([vectors, np.eye(8, dtype=np.float32)[[7]]])
    targets = np.append(targets, 2)

    head = fit_probe(vectors, targets, 3, seed=0)

    assert accuracy(head, vectors, targets) == 1.0


def test_an_output_that_no_unit_shows_is_never_given() -> None:
    vectors, targets = clouds(40, 2)
    head = fit_probe(vectors, targets * 2 + 1, 5, seed=0)  # outputs 1 and 3 of five

    anywhere = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    unit = anywhere / np.linalg.norm(anywhere, axis=1, keepdims=True)

    assert set(head.log_probabilities(unit).argmax(axis=1)) <= {1, 3}
    assert np.exp(head.log_probabilities(unit)[:, [0, 2, 4]]).max() < 1e-6


@pytest.mark.parametrize("target", [0, 2])
def test_where_there_is_one_output_alone_it_is_always_given(target: int) -> None:
    vectors, _ = clouds(5, 1)

    head = fit_probe(vectors, np.full(5, target), 3, seed=0)

    assert head.log_probabilities(vectors).argmax(axis=1).tolist() == [target] * 5


def test_where_there_is_no_unit_at_all_every_output_is_as_likely() -> None:
    head = fit_probe(np.empty((0, 8), np.float32), np.empty(0, np.int64), 4, seed=0)

    assert np.exp(head.log_probabilities(clouds(3, 1)[0])) == pytest.approx(np.full((3, 4), 0.25))


def test_the_same_seed_fits_the_same_probe() -> None:
    vectors, targets = clouds(60, 3, noise=1.0)

    first, again = (fit_probe(vectors, targets, 3, seed=4) for _ in range(2))

    assert np.array_equal(first.weight, again.weight)
    assert np.array_equal(first.bias, again.bias)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_a_fitted_temperature_makes_held_out_targets_likelier_and_changes_no_answer(seed: int, scale: float) -> None:
    vectors, targets = clouds(60, 3, noise=1.0, seed=seed)
    before = Head(scale * np.eye(8, 3, dtype=np.float32), np.zeros(3, np.float32))

    after = fit_temperature(before, vectors, targets)

    likelier = log_likelihoods(after, vectors, targets).mean() - log_likelihoods(before, vectors, targets).mean()
    assert likelier >= -1e-6
    assert np.array_equal(before.log_probabilities(vectors).argmax(1), after.log_probabilities(vectors).argmax(1))


def test_an_overconfident_head_gets_the_temperature_that_fits_its_hits() -> None:
    # Three of four are right, so 3/4 is the honest probability: logits 4 and 0 become log 3 and 0.
    head = Head(np.array([[4.0, 0.0]], np.float32), np.zeros(2, np.float32))
    vectors = np.ones((4, 1), np.float32)

    fitted = fit_temperature(head, vectors, np.array([0, 0, 0, 1]))

    assert fitted.temperature == pytest.approx(4.0 / np.log(3.0), rel=1e-3)


def test_a_temperature_is_fitted_anew_and_not_on_top_of_the_last() -> None:
    vectors, targets = clouds(60, 3, noise=1.0)
    head = Head(np.eye(8, 3, dtype=np.float32), np.zeros(3, np.float32))

    once = fit_temperature(head, vectors, targets)

    assert fit_temperature(once, vectors, targets).temperature == pytest.approx(once.temperature, rel=1e-4)


def test_without_held_out_units_the_head_stays_as_it_is() -> None:
    head = Head(np.eye(2, dtype=np.float32), np.zeros(2, np.float32), temperature=3.0)

    assert fit_temperature(head, np.empty((0, 2), np.float32), np.empty(0, np.int64)) is head


def test_a_head_is_the_same_to_the_last_bit_however_many_threads_there_are() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(3500, 96)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    targets = (vectors[:, :24] + 0.05 * generator.normal(size=(3500, 24))).argmax(axis=1)

    heads = []
    for n_threads in (1, 2):
        with threadpool_limits(limits=n_threads, user_api="blas"):
            heads += fit_path(vectors, targets, 24, strengths=(30.0,))

    assert np.array_equal(heads[0].weight, heads[1].weight)
