"""Power and rows, against values worked by hand and against drawing judge sets."""

from math import comb

import numpy as np
import pytest

from fsl.evaluation.comparison.paired import compute_mcnemar
from fsl.evaluation.comparison.power import compute_power, compute_rows_to_tell, critical_wins


def test_of_twelve_discordant_rows_ten_must_be_won_at_five_per_cent() -> None:
    # P(X >= 10) = 79/4096 = 0.019 and P(X >= 9) = 299/4096 = 0.073, X ~ Binomial(12, 1/2)
    assert critical_wins(np.array([12]), 0.05).tolist() == [10]


def test_a_p_value_of_exactly_alpha_is_not_under_alpha() -> None:
    assert critical_wins(np.array([5]), 1 / 32).tolist() == [6]  # five of five have p = 1/32
    assert critical_wins(np.array([5]), 1 / 31).tolist() == [5]


@pytest.mark.parametrize("n_discordant", [0, 1, 7, 40, 333])
@pytest.mark.parametrize("alpha", [0.05, 0.0012, 1e-7])
def test_the_fewest_wins_are_those_that_the_test_itself_asks_for(n_discordant: int, alpha: float) -> None:
    wins = int(critical_wins(np.array([n_discordant]), alpha)[0])

    assert compute_mcnemar(wins - 1, n_discordant - wins + 1).p_better >= alpha
    assert wins > n_discordant or compute_mcnemar(wins, n_discordant - wins).p_better < alpha


def test_power_on_six_rows_matches_a_sum_worked_by_hand() -> None:
    # Every row is discordant, so at 5% only six wins of six will do besides none: p = 1/64; five of six have 7/64.
    assert compute_power(6, discordance=1.0, difference=0.6, alpha=0.05) == pytest.approx(0.8**6)
    # Half the rows are discordant: five of five (p = 1/32) and six of six say better, each won at 9/10.
    expected = comb(6, 5) / 64 * 0.9**5 + 1 / 64 * 0.9**6
    assert compute_power(6, discordance=0.5, difference=0.4, alpha=0.05) == pytest.approx(expected)


def test_power_without_a_difference_is_at_most_alpha() -> None:
    powers = [compute_power(n, discordance=0.1, difference=0.0, alpha=0.05) for n in (50, 300, 1000, 5000)]

    assert max(powers) <= 0.05
    assert powers[-1] > 0.04  # the exact test gives little away on many rows


@pytest.mark.parametrize(
    ("discordance", "difference", "alpha"), [(0.11, 0.03, 0.05), (0.2, 0.06, 0.025), (0.05, 0.02, 1e-4)]
)
def test_so_many_rows_do_give_eighty_per_cent_power(discordance: float, difference: float, alpha: float) -> None:
    n_rows = compute_rows_to_tell(discordance=discordance, difference=difference, alpha=alpha)
    assert n_rows is not None
    shares = [(discordance + difference) / 2, (discordance - difference) / 2, 1 - discordance]
    draws = np.random.default_rng(5).multinomial(n_rows, shares, size=20_000)

    found = np.mean(draws[:, 0] >= critical_wins(draws[:, 0] + draws[:, 1], alpha))

    assert found == pytest.approx(0.8, abs=0.012)  # four standard errors of 20,000 draws
    assert compute_power(n_rows - 20, discordance=discordance, difference=difference, alpha=alpha) < 0.8


def test_rows_to_tell_are_the_same_for_a_gain_and_for_a_loss() -> None:
    gain, loss = (compute_rows_to_tell(discordance=0.1, difference=by, alpha=0.05) for by in (0.03, -0.03))

    assert gain == loss


def test_no_number_of_rows_tells_equals_apart() -> None:
    assert compute_rows_to_tell(discordance=0.1, difference=0.0, alpha=0.05) is None
    assert compute_rows_to_tell(discordance=0.0, difference=0.0, alpha=0.05) is None
