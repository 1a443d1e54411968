"""Where soft labels come from, and whether spreading them is any good."""

import numpy as np
import pytest

from fsl.config import PropagationConfig
from fsl.learning.sources import Source, frozen_source, held_out_score, is_spreading_better, spread

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = PropagationConfig(n_neighbours=5)


def arcs(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors along two arcs that wind about each other, the labels by turns."""
    generator = np.random.default_rng(seed)
    along, targets = generator.random(n_rows) * 3.0, np.arange(n_rows) % 2
    turn = along * 2.0 + np.pi * targets
    vectors = np.stack([np.cos(turn), np.sin(turn), along], 1) + generator.normal(scale=0.02, size=(n_rows, 3))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), targets


def test_along_winding_arcs_spreading_is_better_and_finds_the_labels() -> None:
    vectors, truth = arcs(600)
    targets = truth[:24]

    source = frozen_source("arcs", vectors, targets, 2, seed=0)
    found = spread(source, targets, CONFIG, seed=0)

    assert is_spreading_better(vectors, targets, 2, CONFIG, seed=0)
    right, before = ((one.probabilities.argmax(1) == truth).mean() for one in (found, source))
    assert right > before
    assert right > 0.8


def test_where_neighbours_say_nothing_of_the_label_answers_stay_as_they_are() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(400, 64))
    vectors[:, 0] += np.sign(vectors[:, 0]) * 3.0  # one direction alone tells, and it hides among sixty-four
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    targets = (vectors[:60, 0] > 0).astype(np.int64)
    blind = vectors.copy()
    blind[60:] = generator.normal(size=(340, 64))  # a pool of another world
    blind /= np.linalg.norm(blind, axis=1, keepdims=True)

    assert not is_spreading_better(blind.astype(np.float32), targets, 2, CONFIG, seed=0)


def test_too_few_rows_to_tell_spread_nothing() -> None:
    vectors, targets = arcs(600)

    assert not is_spreading_better(vectors, targets[:8], 2, CONFIG, seed=0)


def test_labelled_rows_keep_their_labels_and_all_rows_sum_to_one() -> None:
    vectors, truth = arcs(200)
    source = Source("even", vectors, np.full((200, 2), 0.5, np.float32))

    found = spread(source, truth[:20], CONFIG, seed=0).probabilities

    assert found[:20].argmax(1).tolist() == truth[:20].tolist()
    assert found[:20].max(1).tolist() == [1.0] * 20
    assert found.sum(1) == pytest.approx(1.0, abs=1e-5)


def test_a_score_of_too_few_rows_is_no_number() -> None:
    even = np.full((30, 2), 0.5, np.float32)

    assert np.isnan(held_out_score(even[:19], np.zeros(19, np.int64)))
    assert held_out_score(even, np.zeros(30, np.int64)) == pytest.approx(np.log(0.5))


def sets_on_arcs(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors along two arcs, and two labels that do not compete: one for each arc, and one that all have."""
    vectors, arc = arcs(n_rows)
    return vectors, np.stack([arc, np.ones(n_rows, np.int64)], axis=1)


def test_a_label_that_does_not_compete_spreads_against_its_absence_as_two_labels_against_each_other() -> None:
    vectors, truth = sets_on_arcs(600)
    chances = np.random.default_rng(0).random((600, 1)).astype(np.float32)

    alone = Source("sets", vectors, np.concatenate([chances, np.ones_like(chances)], axis=1))
    both = Source("arcs", vectors, np.concatenate([1.0 - chances, chances], axis=1))
    found, expected = (
        spread(source, targets, CONFIG, seed=0).probabilities
        for source, targets in ((alone, truth[:24]), (both, truth[:24, 0]))
    )

    assert found[:, 0] == pytest.approx(expected[:, 1], abs=1e-4)
    assert found[:, 1].min() > 0.999  # what all have is nowhere taken from the other label
    assert found[:24] == pytest.approx(truth[:24], abs=1e-6)


def test_spreading_sets_is_better_along_arcs_that_wind_about_each_other() -> None:
    vectors, truth = sets_on_arcs(600)
    source = frozen_source("arcs", vectors, truth[:24], 2, seed=0)

    found = spread(source, truth[:24], CONFIG, seed=0)

    assert is_spreading_better(vectors, truth[:24], 2, CONFIG, seed=0)
    right, before = (((one.probabilities >= 0.5) == truth).all(axis=1).mean() for one in (found, source))
    assert right > before


def test_the_likelihood_of_held_out_sets_is_that_of_all_labels_together() -> None:
    even = np.full((20, 3), 0.5, np.float32)

    assert held_out_score(even, np.ones((20, 3), np.int64)) == pytest.approx(3 * np.log(0.5), abs=1e-4)
