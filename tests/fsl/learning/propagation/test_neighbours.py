"""Who is whose neighbour: exactly, and by cells."""

import numpy as np
import pytest

from fsl.learning.propagation import find_neighbours

pytestmark = pytest.mark.usefixtures("one_thread")


def topics(n_rows: int, seed: int = 0) -> np.ndarray:
    """Return unit vectors that lie around fifty directions, as texts lie around topics."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(50, 16))
    vectors = centres[np.arange(n_rows) % 50] + generator.normal(scale=0.7, size=(n_rows, 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_neighbours_are_the_nearest_others_worked_by_hand() -> None:
    angles = np.radians([0.0, 10.0, 30.0, 90.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)

    found = find_neighbours(vectors, 2, seed=0)

    assert found.rows.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert found.similarities[0] == pytest.approx(np.cos(np.radians([10.0, 30.0])))


def test_cells_find_nearly_all_that_are_true() -> None:
    vectors = topics(12_000)

    exact, found = (find_neighbours(vectors, 10, seed=0, exact=exact).rows for exact in (True, False))

    shared = np.mean([len(set(one) & set(other)) for one, other in zip(exact.tolist(), found.tolist(), strict=True)])
    assert shared / 10 > 0.95
    assert not any(row in mine for row, mine in enumerate(found.tolist()))


def test_the_same_seed_deals_the_same_cells() -> None:
    vectors = topics(2000)

    first, again = (find_neighbours(vectors, 5, seed=3, exact=False) for _ in range(2))

    assert first.rows.tobytes() == again.rows.tobytes()


@pytest.mark.parametrize(("n_rows", "width"), [(0, 0), (1, 0), (2, 1), (4, 3)])
def test_fewer_rows_than_neighbours_have_those_there_are(n_rows: int, width: int) -> None:
    found = find_neighbours(topics(n_rows), 15, seed=0)

    assert found.rows.shape == found.similarities.shape == (n_rows, width)


@pytest.mark.parametrize("exact", [True, False])
def test_texts_all_alike_are_neighbours_of_each_other_and_not_of_themselves(exact: bool) -> None:
    vectors = np.tile(topics(1), (900, 1))

    found = find_neighbours(vectors, 3, seed=0, exact=exact)

    assert found.rows.shape == (900, 3)
    assert not any(row in mine for row, mine in enumerate(found.rows.tolist()))
