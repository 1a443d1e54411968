"""Scores of one sheet, against hand-worked values."""

from collections.abc import Callable

import numpy as np
import pytest

from fsl.evaluation.comparison.paired import compute_mcnemar
from fsl.evaluation.errors import UnreadableAnswer
from fsl.evaluation.scores.bootstrap import bootstrap_interval, compare_f1, compute_p_value
from fsl.evaluation.scores.calibration import build_calibration
from fsl.evaluation.scores.counts import build_counts, build_paired_counts, micro_f1
from fsl.evaluation.scores.intervals import clopper_pearson_interval, wilson_interval
from fsl.evaluation.scores.metrics import score_sheet
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems import find_problem

BuildSheet = Callable[..., ScoreSheet]
ORG, PERSON = [0, 4, "ORG"], [5, 9, "PERSON"]


def test_accuracy_and_both_f1_match_four_rows_worked_by_hand(sheet: BuildSheet) -> None:
    answers = [("a", "a"), ("a", "b"), ("b", "b"), ("c", "b")]

    scores = score_sheet(sheet("m", answers, labels="abc"), find_problem("classification"))

    # a: 1 hit, 1 miss -> 2/3; b: 1 hit, 2 false alarms -> 1/2; c: 1 miss -> 0
    assert scores.accuracy.value == 0.5
    assert scores.f1.value == 0.5  # for one label a row, micro F1 is accuracy
    assert scores.macro_f1.value == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    by_label = {label.label: label for label in scores.labels}
    assert (by_label["b"].precision, by_label["b"].recall) == (pytest.approx(1 / 3), 1.0)
    assert (by_label["a"].n_rows, by_label["a"].recall) == (2, 0.5)


def test_entity_f1_counts_whole_spans(sheet: BuildSheet) -> None:
    answers = [([ORG, PERSON], [ORG]), ([ORG], [[0, 3, "ORG"]]), ([], [])]

    scores = score_sheet(sheet("m", answers, labels=("ORG", "PERSON")), find_problem("tagging"))

    # 1 hit, 1 false alarm (wrong end), 2 misses: 2 / (2 + 1 + 2)
    assert scores.f1.value == pytest.approx(2 / 5)
    assert scores.accuracy.value == pytest.approx(1 / 3)
    assert {label.label: label.n_truths for label in scores.labels} == {"ORG": 2, "PERSON": 1}


def test_an_answer_of_another_problem_is_refused_by_row(sheet: BuildSheet) -> None:
    with pytest.raises(UnreadableAnswer, match="row-00000"):
        score_sheet(sheet("m", [([ORG], "refund")]), find_problem("tagging"))


def test_no_rows_give_no_scores_and_the_widest_intervals(sheet: BuildSheet) -> None:
    scores = score_sheet(sheet("m", []), find_problem("classification"))

    assert (scores.n_rows, scores.accuracy.value, scores.f1.value) == (0, 0.0, 0.0)
    assert (scores.accuracy.interval.low, scores.accuracy.interval.high) == (0.0, 1.0)
    assert scores.calibration is None


def test_clopper_pearson_matches_its_closed_form_at_the_end() -> None:
    interval = clopper_pearson_interval(10, 10)

    assert interval.low == pytest.approx(0.025**0.1)  # solves p^10 = 0.025
    assert interval.high == 1.0


def test_wilson_matches_a_value_worked_by_hand() -> None:
    interval = wilson_interval(8, 10)

    # z = 1.96: centre (0.8 + 0.19207) / 1.38415 = 0.7167, half width 0.31362 / 1.38415 = 0.2266
    assert (interval.low, interval.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


def test_the_bootstrap_interval_holds_the_score_and_repeats_with_its_seed(sheet: BuildSheet) -> None:
    rows = sheet("m", [("a", "a")] * 30 + [("a", "b")] * 10, labels="ab").rows
    table = build_counts(rows, find_problem("classification"))

    first, again = (bootstrap_interval(table, micro_f1, seed=1) for _ in range(2))

    assert first == again
    # The standard error of 0.75 over 40 rows is 0.068, so 95% is about 0.75 +- 0.134.
    assert first.low == pytest.approx(0.616, abs=0.03)
    assert first.high == pytest.approx(0.884, abs=0.03)


def test_swapping_two_taggers_mirrors_everything(sheet: BuildSheet) -> None:
    generator = np.random.default_rng(1)
    problem = find_problem("tagging")
    one, other = (
        build_counts(sheet("m", [([ORG], [ORG] if hit else []) for hit in generator.random(50) < share]).rows, problem)
        for share in (0.6, 0.8)
    )

    there, back = compare_f1(one, other, alphas=(0.05,), seed=3), compare_f1(other, one, alphas=(0.05,), seed=3)

    assert there.difference == -back.difference
    assert (there.p_better, there.p_worse) == (back.p_worse, back.p_better)
    assert there.intervals[0].low == pytest.approx(-back.intervals[0].high)


def test_five_texts_won_and_none_lost_are_no_more_surprising_than_five_coins(sheet: BuildSheet) -> None:
    problem = find_problem("tagging")
    nothing, everything = (build_counts(sheet("m", [([ORG], answer)] * 5).rows, problem) for answer in ([], [ORG]))

    found = compare_f1(nothing, everything, alphas=(0.05,), seed=1, n_draws=20_000)

    assert found.p_better == pytest.approx(1 / 32, abs=0.004)  # all five swaps fall on the side that was seen
    assert found.p_worse == 1.0


@pytest.mark.parametrize(("n_wins", "n_losses", "n_rows"), [(30, 5, 100), (60, 20, 1000), (18, 0, 60)])
def test_a_p_value_that_draws_are_too_few_for_is_a_little_above_the_exact_one(
    sheet: BuildSheet, n_wins: int, n_losses: int, n_rows: int
) -> None:
    # With one label for each text F1 is accuracy, for which McNemar's test is exact.
    right = [("a", "a")] * (n_rows - n_wins - n_losses)
    before = sheet("old", [*right, *[("a", "b")] * n_wins, *[("a", "a")] * n_losses])
    after = sheet("new", [*right, *[("a", "a")] * n_wins, *[("a", "b")] * n_losses])
    theirs, ours = build_paired_counts(before, after, find_problem("classification"))

    found = compare_f1(theirs, ours, alphas=(1e-4,), seed=1)

    exact = compute_mcnemar(n_wins, n_losses).p_better
    assert exact < 1 / 4001
    assert exact < found.p_better < 15 * exact
    assert 0 < found.intervals[0].low < found.difference


@pytest.mark.parametrize(
    ("draws", "shuffled", "p_value"),
    [
        ([0.1, 0.2, -0.1, 0.3], [0.0, 0.0, 0.0, 0.0], 2 / 5),  # one of four, and what was seen counts as one
        ([0.1, 0.2, 0.1, 0.3], [0.2, 0.3, 0.0, -0.2], 3 / 5),
    ],
)
def test_the_larger_of_both_p_values_counts(draws: list[float], shuffled: list[float], p_value: float) -> None:
    assert compute_p_value(np.array(draws), np.array(shuffled), 0.2) == p_value


def test_confidence_that_is_always_right_about_itself_has_no_calibration_error() -> None:
    rows = [RowScore(str(index), "a", "a", 0.8, index % 5 > 0) for index in range(50)]  # four of five right

    calibration = build_calibration(rows)

    assert calibration is not None
    assert calibration.expected_error == pytest.approx(0.0)
    assert calibration.brier == pytest.approx(0.8 * 0.2**2 + 0.2 * 0.8**2)
    assert len(calibration.bins) == 1  # equal confidences are never parted


def test_calibration_error_is_the_weighted_distance_of_two_bins() -> None:
    sure = [RowScore(f"s{index}", "a", "a", 0.9, index < 5) for index in range(10)]  # half right
    unsure = [RowScore(f"u{index}", "a", "a", 0.3, index < 5) for index in range(10)]

    calibration = build_calibration(sure + unsure)

    assert calibration is not None
    assert calibration.expected_error == pytest.approx((10 * 0.4 + 10 * 0.2) / 20)


def test_rows_without_a_number_for_confidence_are_left_out_of_calibration() -> None:
    rows = [RowScore("1", "a", "a", float("nan"), True), RowScore("2", "a", "a", 1.0, True)]

    calibration = build_calibration(rows)

    assert calibration is not None
    assert (calibration.brier, calibration.bins[0].n_rows) == (0.0, 1)
