"""The arithmetic of paired comparison, against hand-worked values and laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fsl.evaluation.comparison.paired import compute_difference_interval, compute_mcnemar, compute_rows_needed

counts = st.integers(0, 40)


def test_ten_wins_against_two_losses_have_the_binomial_tail_as_p_value() -> None:
    test = compute_mcnemar(10, 2)

    assert test.p_better == pytest.approx(79 / 4096)  # P(X <= 2), X ~ Binomial(12, 1/2): 1 + 12 + 66 of 4096
    assert test.p_two_sided == pytest.approx(158 / 4096)
    assert test.p_worse == pytest.approx(1 - 13 / 4096)  # P(X >= 2)


def test_no_discordant_row_is_no_evidence() -> None:
    test = compute_mcnemar(0, 0)

    assert (test.p_better, test.p_worse, test.p_two_sided) == (1.0, 1.0, 1.0)


@given(wins=counts, losses=counts)
def test_swapping_the_models_swaps_the_p_values(wins: int, losses: int) -> None:
    ours, theirs = compute_mcnemar(wins, losses), compute_mcnemar(losses, wins)

    assert (ours.p_better, ours.p_worse) == (theirs.p_worse, theirs.p_better)


@pytest.mark.parametrize(("n_wins", "n_losses"), [(9, 1), (20, 10), (2, 0)])
def test_the_interval_touches_zero_exactly_where_the_score_test_says_so(n_wins: int, n_losses: int) -> None:
    # At a difference of 0 Tango's statistic is McNemar's: (wins - losses) / sqrt(wins + losses).
    z = (n_wins - n_losses) / math.sqrt(n_wins + n_losses)

    interval = compute_difference_interval(n_wins, n_losses, 80, level=2 * float(stats.norm.cdf(z)) - 1)

    assert interval.low == pytest.approx(0.0, abs=1e-9)


def test_without_discordant_rows_the_interval_has_its_closed_form() -> None:
    interval = compute_difference_interval(0, 0, 50, level=0.95)

    z2 = float(stats.norm.ppf(0.975)) ** 2
    assert interval.high == pytest.approx(z2 / (50 + z2))  # solves n d / (1 - d) = z^2
    assert interval.low == pytest.approx(-z2 / (50 + z2))


@given(wins=counts, losses=counts, ties=counts)
def test_the_interval_holds_the_difference_and_flips_with_the_models(wins: int, losses: int, ties: int) -> None:
    n_rows = wins + losses + ties
    if n_rows == 0:
        return
    ours = compute_difference_interval(wins, losses, n_rows, level=0.9)
    theirs = compute_difference_interval(losses, wins, n_rows, level=0.9)

    assert -1 <= ours.low <= (wins - losses) / n_rows <= ours.high <= 1
    assert (ours.low, ours.high) == pytest.approx((-theirs.high, -theirs.low), abs=1e-7)


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    draws = generator.multinomial(100, [0.12, 0.05, 0.83], size=400)  # true difference 7 points

    intervals = [compute_difference_interval(int(w), int(lost), 100, level=0.9) for w, lost, _ in draws]

    n_covered = sum(interval.low <= 0.07 <= interval.high for interval in intervals)
    assert stats.binomtest(n_covered, 400, 0.9).pvalue > 0.001


def test_rows_needed_match_connors_formula_by_hand() -> None:
    # (1.64485 sqrt(0.1) + 0.84162 sqrt(0.1 - 0.0009))^2 / 0.0009 = 0.785092^2 / 0.0009 = 684.9
    assert compute_rows_needed(discordance=0.1, difference=0.03, alpha=0.05) == 685


def test_that_many_rows_do_give_eighty_per_cent_power() -> None:
    n_rows = compute_rows_needed(discordance=0.2, difference=0.06, alpha=0.05)
    assert n_rows is not None
    draws = np.random.default_rng(5).multinomial(n_rows, [0.13, 0.07, 0.80], size=2000)

    power = np.mean([compute_mcnemar(int(w), int(lost)).p_better < 0.05 for w, lost, _ in draws])

    assert 0.74 < power < 0.84  # the exact test is a little weaker than the formula's


def test_no_number_of_rows_parts_equal_models() -> None:
    assert compute_rows_needed(discordance=0.1, difference=0.0, alpha=0.05) is None
    assert compute_rows_needed(discordance=0.1, difference=-0.05, alpha=0.05, margin=0.03) is None


def test_a_margin_asks_for_rows_even_where_nothing_was_lost() -> None:
    # z^2 (1 - m) / m at z = 1.6449, m = 0.03: 2.7055 * 0.97 / 0.03 = 87.5
    assert compute_rows_needed(discordance=0.0, difference=0.0, alpha=0.05, margin=0.03) == 88
