"""Which head is chosen, and what was kept apart while choosing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.learning.heads import choose_head
from fsl.learning.heads.choosing import FLOOR
from fsl.learning.heads.folds import draw_folds


def rings(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors whose label is whether two of their coordinates have one sign: no plane parts them."""
    vectors = np.random.default_rng(seed).normal(size=(n_rows, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), (vectors[:, 0] * vectors[:, 1] > 0).astype(np.int64)


def clouds(n_rows: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    targets = np.arange(n_rows) % 3
    vectors = np.eye(8)[targets] + np.random.default_rng(seed).normal(scale=noise, size=(n_rows, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), targets


def test_labels_that_no_plane_parts_get_random_features() -> None:
    vectors, targets = rings(200)
    fresh, truth = rings(200, seed=1)

    chosen = choose_head(vectors, targets, 2, seed=0)

    assert chosen.winner is not None
    assert chosen.winner.family == "random-feature ridge"
    assert "beats logistic regression by" in chosen.reason
    assert (chosen.head.log_probabilities(fresh).argmax(1) == truth).mean() > 0.85


def test_a_gain_within_one_standard_error_leaves_logistic_regression() -> None:
    vectors, targets = clouds(60, noise=0.6, seed=4)

    chosen = choose_head(vectors, np.random.default_rng(0).permutation(targets), 3, seed=0)  # nothing to learn

    assert chosen.winner is not None
    assert chosen.winner.family == FLOOR
    assert "within one standard error" in chosen.reason or "is the likeliest" in chosen.reason


def test_the_head_is_as_sure_as_it_is_right_on_rows_it_never_saw() -> None:
    vectors, targets = clouds(240, noise=0.8)
    fresh, truth = clouds(2000, noise=0.8, seed=1)

    log_probabilities = choose_head(vectors, targets, 3, seed=0).head.log_probabilities(fresh)

    sureness = float(np.exp(log_probabilities.max(1)).mean())
    assert sureness == pytest.approx(float((log_probabilities.argmax(1) == truth).mean()), abs=0.05)


def test_the_same_seed_chooses_the_same_head_bit_for_bit() -> None:
    vectors, targets = clouds(60, noise=1.0)

    first, again = (choose_head(vectors, targets, 3, seed=4) for _ in range(2))

    assert first.reason == again.reason
    assert first.head.weight.tobytes() == again.head.weight.tobytes()
    assert first.head.temperature == again.head.temperature


@pytest.mark.parametrize("targets", [[0, 1], [0, 0], [2, 2], [0, 1, 2]])
def test_too_few_rows_to_hold_any_out_still_give_a_head_and_say_so(targets: list[int]) -> None:
    vectors, _ = clouds(len(targets), noise=0.1)

    chosen = choose_head(vectors, np.array(targets), 3, seed=0)

    assert np.isfinite(chosen.head.log_probabilities(vectors)).all()
    assert chosen.head.log_probabilities(vectors).argmax(1).tolist() == targets
    if len(set(targets)) == len(targets):
        assert chosen.reason == "no label has two rows, so heads could not be held against each other"


def test_a_label_of_one_row_is_learnt_and_never_asked_about() -> None:
    vectors, targets = clouds(41, noise=0.1)
    targets = np.where(np.arange(41) == 40, 3, targets)

    chosen = choose_head(vectors, targets, 4, seed=0)

    assert chosen.winner is not None
    assert np.isnan(chosen.winner.log_likelihoods[40])
    assert not np.isnan(chosen.winner.log_likelihoods[:40]).any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(2, 5), st.integers(0, 99))
def test_folds_part_the_rows_and_ask_only_of_labels_that_were_fitted(
    targets: list[int], n_folds: int, seed: int
) -> None:
    values = np.array(targets)

    folds = draw_folds(values, n_folds=n_folds, n_repeats=2, seed=seed)

    asked = np.concatenate([fold.held_out for fold in folds]) if folds else np.zeros(0, int)
    twice = {row for row in range(len(values)) if (values == values[row]).sum() > 1}
    assert sorted(asked.tolist()) == sorted([*twice, *twice])  # each row once in each repeat
    for fold in folds:
        assert not set(fold.fit) & set(fold.held_out)
        assert set(values[fold.held_out]) <= set(values[fold.fit])


def test_a_group_is_held_out_whole() -> None:
    groups = np.repeat(np.arange(10), 3)

    folds = draw_folds(np.tile([0, 1, 2], 10), n_folds=3, n_repeats=1, seed=0, groups=groups.tolist())

    for fold in folds:
        assert not set(groups[fold.fit]) & set(groups[fold.held_out])
