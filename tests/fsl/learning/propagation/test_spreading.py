"""Labels along a graph, and several opinions in one."""

import numpy as np
import pytest

from fsl.learning.propagation import Neighbours, join_soft_labels, spread_labels
from fsl.learning.propagation.joining import weigh_sources


def chain(n_rows: int) -> Neighbours:
    """Return rows in a line, each the neighbour of the next, as near as can be."""
    rows = np.array([[row - 1, row + 1 if row + 1 < n_rows else -1] for row in range(n_rows)])
    return Neighbours(rows, np.ones((n_rows, 2), np.float32))


def labels(n_rows: int, **rows: int) -> np.ndarray:
    found = np.zeros((n_rows, 2), np.float32)
    for row, label in rows.items():
        found[int(row[1:]), label] = 1.0
    return found


def test_a_step_along_one_edge_is_worked_by_hand() -> None:
    pair = Neighbours(np.array([[1], [0]]), np.ones((2, 1), np.float32))  # two rows, degree one: the graph swaps them
    beliefs = np.array([[0.0, 0.0], [0.5, 0.5]], np.float32)

    found = spread_labels(pair, labels(2, r0=0), beliefs=beliefs, belief_weight=1.0, reach=0.5)

    # In the end f1 = (f0 + y1) / 2 and f0 = (f1 + y0) / 2 with y0 = (1, 0), y1 = (1/2, 1/2):
    # f1 = (2 y1 + y0) / 3 = (2/3, 1/3).
    assert found[1] == pytest.approx([2 / 3, 1 / 3], abs=1e-4)
    assert found[0].tolist() == [1.0, 0.0]


def test_a_row_is_of_the_label_that_is_nearer_along_the_chain() -> None:
    found = spread_labels(chain(7), labels(7, r0=0, r6=1))

    assert found.argmax(1)[[1, 2]].tolist() == [0, 0]
    assert found.argmax(1)[[4, 5]].tolist() == [1, 1]
    assert found[3] == pytest.approx([0.5, 0.5], abs=1e-5)
    assert found.sum(1) == pytest.approx(1.0, abs=1e-5)


def test_a_row_that_nothing_reaches_is_left_silent() -> None:
    apart = Neighbours(np.array([[1], [0], [-1]]), np.ones((3, 1), np.float32))

    assert spread_labels(apart, labels(3, r0=0))[2].tolist() == [0.0, 0.0]


def test_a_known_mix_keeps_a_label_of_many_neighbours_from_swallowing_another() -> None:
    start = labels(9, r0=0, r1=0, r8=1)
    even = np.array([0.5, 0.5], np.float32)

    free, held = (spread_labels(chain(9), start, prior=prior) for prior in (None, even))

    assert held[2:8, 1].sum() > free[2:8, 1].sum()
    assert held[[0, 8]].tolist() == start[[0, 8]].tolist()


def test_two_opinions_are_joined_by_their_geometric_mean() -> None:
    one, other = np.array([[0.8, 0.2]], np.float32), np.array([[0.2, 0.8]], np.float32)

    assert join_soft_labels([one, other], [0.5, 0.5])[0] == pytest.approx([0.5, 0.5])
    # 0.8^(2/3) 0.2^(1/3) to 0.2^(2/3) 0.8^(1/3) is as 4^(1/3) to 1.
    assert join_soft_labels([one, other], [2.0, 1.0])[0, 0] == pytest.approx(4 ** (1 / 3) / (1 + 4 ** (1 / 3)))


def test_sharpening_squares_the_odds() -> None:
    assert join_soft_labels([np.array([[0.75, 0.25]], np.float32)], [1.0], sharpening=2.0)[0] == pytest.approx(
        [0.9, 0.1]
    )


def test_a_source_that_is_silent_has_no_say() -> None:
    silent, sure = np.zeros((1, 2), np.float32), np.array([[0.9, 0.1]], np.float32)

    assert join_soft_labels([silent, sure], [9.0, 1.0])[0] == pytest.approx([0.9, 0.1], abs=1e-6)
    assert join_soft_labels([silent, silent], [1.0, 1.0])[0].tolist() == [0.0, 0.0]


def test_the_likelier_source_counts_more_and_one_without_a_score_the_least() -> None:
    better, worse = weigh_sources([-0.5, -0.65])

    assert better / worse == pytest.approx(np.e)  # 0.15 nats are one e-fold
    assert weigh_sources([float("nan")] * 3) == pytest.approx([1 / 3] * 3)
    assert weigh_sources([-0.5, float("nan"), -0.65])[1] == pytest.approx(worse / (better + 2 * worse))


def test_labels_that_do_not_compete_are_joined_by_their_logits() -> None:
    one, other = np.array([[0.5, 0.5]], np.float32), np.array([[0.75, 0.5]], np.float32)

    joint = join_soft_labels([one, other], [1.0, 1.0], activation="sigmoid")
    sharp = join_soft_labels([other], [1.0], sharpening=2.0, activation="sigmoid")

    root = np.sqrt(3.0)  # odds of 1 and 3: their geometric mean
    assert joint[0] == pytest.approx([root / (1 + root), 0.5])
    assert sharp[0] == pytest.approx([9 / 10, 0.5])


def test_a_source_that_says_nothing_of_a_text_has_no_say_in_its_set() -> None:
    silent, other = np.zeros((1, 2), np.float32), np.array([[0.75, 0.25]], np.float32)

    assert join_soft_labels([silent, other], [3.0, 1.0], activation="sigmoid")[0] == pytest.approx([0.75, 0.25])
    assert join_soft_labels([silent], [1.0], activation="sigmoid")[0].tolist() == [0.0, 0.0]
