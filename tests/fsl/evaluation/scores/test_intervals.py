"""Bounds of a share that was seen in few rows."""

import pytest

from fsl.evaluation.scores.intervals import clopper_pearson_bound


@pytest.mark.parametrize(
    ("n_hits", "n_rows", "bound"),
    [
        (0, 299, 1 - 0.05 ** (1 / 299)),  # none of 299: the one share at which that has a chance of 5%
        (0, 1, 0.95),
        (1, 1, 1.0),
        (7, 7, 1.0),
        (0, 0, 1.0),
        # One or none of two: (1-p)^2 + 2p(1-p) = 1-p^2 = 0.05.
        (1, 2, 0.95**0.5),
    ],
)
def test_the_bound_is_clopper_and_pearsons_one_sided_at_95_per_cent(n_hits: int, n_rows: int, bound: float) -> None:
    assert clopper_pearson_bound(n_hits, n_rows) == pytest.approx(bound)


def test_a_share_below_one_per_cent_takes_299_texts_without_a_change() -> None:
    assert clopper_pearson_bound(0, 298) > 0.01 > clopper_pearson_bound(0, 299)
