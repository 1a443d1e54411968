"""Fits side by side: as many at a time as there are threads, each with one, and what comes of them in order."""

from threading import Barrier

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fsl.learning.heads import choose_head
from fsl.learning.heads.logistic import fit_probe
from fsl.learning.heads.side_by_side import blas_threads, fit_side_by_side


def _most_threads() -> int:
    return max((library["num_threads"] for library in blas_threads().info()), default=1)


def test_two_fits_run_at_a_time_where_there_are_two_threads_and_each_has_one() -> None:
    both = Barrier(2, timeout=20)  # breaks where the first is done before the second begins

    def fit(number: int) -> tuple[int, int]:
        both.wait()
        return number, _most_threads()

    with threadpool_limits(limits=2, user_api="blas"):
        assert fit_side_by_side(fit, range(4)) == [(number, 1) for number in range(4)]


def test_with_one_thread_and_within_a_fit_they_are_done_in_turn() -> None:
    seen: list[int] = []

    with threadpool_limits(limits=1, user_api="blas"):
        fit_side_by_side(seen.append, range(20))

    assert seen == list(range(20))


def test_one_that_fails_fails_all_with_its_own_error_and_gives_the_threads_back() -> None:
    before = _most_threads()

    def fit(number: int) -> float:
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        fit_side_by_side(fit, [1, 0, 2])

    assert _most_threads() == before


def test_heads_are_the_same_however_many_are_fitted_at_a_time() -> None:
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(400, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    targets = (vectors[:, :6] + 0.1 * generator.normal(size=(400, 6))).argmax(axis=1)

    found = []
    for n_threads in (1, 2):
        with threadpool_limits(limits=n_threads, user_api="blas"):
            found.append((fit_probe(vectors, targets, 6, seed=5), choose_head(vectors, targets, 6, seed=5)))

    (probe, chosen), (other_probe, other_chosen) = found
    assert np.array_equal(probe.weight, other_probe.weight)
    assert np.array_equal(chosen.head.weight, other_chosen.head.weight)
    assert [trial.score for trial in chosen.trials] == [trial.score for trial in other_chosen.trials]
