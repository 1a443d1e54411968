"""The tests between two windows: no alarm without change, an alarm with it, and laws."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fsl.drift.detectors.answer_mix import compare_answers
from fsl.drift.detectors.battery import run_tests
from fsl.drift.detectors.classifier import tell_apart
from fsl.drift.detectors.findings import Finding
from fsl.drift.detectors.mmd import build_kernel, compute_mmd
from fsl.drift.detectors.permutations import compute_p_value, shuffle_memberships
from fsl.drift.errors import DifferentEncoders
from fsl.drift.windows.window import Window
from fsl.evaluation.scores.intervals import clopper_pearson_interval

BuildWindow = Callable[..., Window]
EVEN = {"a": 30, "b": 30, "c": 30}


def find(reference: Window, current: Window, n_permutations: int = 199) -> dict[str, Finding]:
    return {one.name: one for one in run_tests(reference, current, n_permutations=n_permutations, seed=1)}


def test_shuffles_keep_the_number_of_rows_of_each_window_in_each_stratum() -> None:
    strata = np.array([0, 0, 1, 1, 1, 0, 1])

    shuffled = shuffle_memberships(4, strata, n_permutations=50, seed=1)

    assert shuffled[0].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert set(shuffled[:, strata == 0].sum(axis=1)) == {1.0}
    assert set(shuffled[:, strata == 1].sum(axis=1)) == {2.0}
    assert len({tuple(row) for row in shuffled}) > 5


def test_a_p_value_counts_what_was_seen_as_one_shuffle() -> None:
    assert compute_p_value(np.array([3.0, 1.0, 2.0, 3.0, 5.0])) == 3 / 5
    assert compute_p_value(np.array([9.0, 1.0, 2.0, 3.0])) == 1 / 4


def test_mmd_of_two_points_is_what_the_kernel_says() -> None:
    # One row each, distance 2: the squared median distance is 4, so k = exp(-4/4) and MMD^2 = 1 + 1 - 2/e.
    kernel = build_kernel(np.array([[0.0]], np.float32), np.array([[2.0]], np.float32))

    found = compute_mmd(kernel, 1, np.zeros(2, np.intp), n_permutations=9, seed=0)

    assert found.distance == pytest.approx((2 - 2 / np.e) ** 0.5)


def test_auroc_is_one_where_one_look_tells() -> None:
    generator = np.random.default_rng(0)
    before, now = generator.normal(size=(40, 4)), generator.normal(size=(40, 4)) + 20

    found = tell_apart(
        before.astype(np.float32), now.astype(np.float32), np.zeros(80, np.intp), n_permutations=99, seed=0
    )

    assert (found.auroc, found.p_value) == (1.0, 1 / 100)


def test_the_score_of_a_row_is_that_of_a_regression_that_did_not_see_it() -> None:
    from fsl.drift.detectors.classifier import _PENALTY, _leave_one_out_scores

    generator = np.random.default_rng(2)
    rows, strata = generator.normal(size=(12, 3)), np.array([0] * 6 + [1] * 6)
    windows = np.array([0, 1] * 6, dtype=float)[:, None]

    scores = _leave_one_out_scores(rows, windows, strata)

    centred = rows - np.array([rows[strata == stratum].mean(axis=0) for stratum in strata])
    penalty = _PENALTY * (centred**2).sum() / 3
    for left_out in range(12):
        keep = np.arange(12) != left_out
        means = {s: (rows[keep & (strata == s)].mean(axis=0), windows[keep & (strata == s)].mean()) for s in (0, 1)}
        x = np.array([rows[row] - means[strata[row]][0] for row in np.flatnonzero(keep)])
        y = np.array([windows[row, 0] - means[strata[row]][1] for row in np.flatnonzero(keep)])
        weights = np.linalg.solve(x.T @ x + penalty * np.eye(3), x.T @ y)
        expected = (rows[left_out] - means[strata[left_out]][0]) @ weights
        assert scores[left_out, 0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "mix"),
    [
        ("texts", {"a": 30}),  # with two labels in fixed numbers the windows would be more alike than chance allows
        ("texts_given_answers", {"a": 15, "b": 15}),
        ("telling_apart", {"a": 15, "b": 15}),
    ],
)
def test_p_values_are_uniform_where_nothing_changed(window: BuildWindow, name: str, mix: dict[str, int]) -> None:
    p_values = [
        find(window(2 * seed, mix), window(2 * seed + 1, mix), n_permutations=99)[name].p_value for seed in range(150)
    ]

    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert clopper_pearson_interval(sum(p <= 0.05 for p in p_values), 150).low <= 0.05


def test_p_values_given_the_answers_are_uniform_where_only_the_mix_changed(window: BuildWindow) -> None:
    found = [
        find(window(2 * seed, {"a": 30, "b": 10}), window(2 * seed + 1, {"a": 10, "b": 30}), n_permutations=99)
        for seed in range(120)
    ]

    for name in ("texts_given_answers", "telling_apart"):
        p_values = [one[name].p_value for one in found]
        assert stats.kstest(p_values, "uniform").pvalue > 0.001, name
    assert all(one["texts"].p_value == 0.01 for one in found)  # without the answers it looks like a change of texts


def test_a_shift_of_the_texts_behind_the_answers_is_found(window: BuildWindow) -> None:
    found = find(window(1, EVEN), window(2, EVEN, shift=1.0))

    assert found["texts_given_answers"].p_value == 1 / 200
    assert found["telling_apart"].p_value == 1 / 200
    assert found["telling_apart"].effect > 0.9


def test_the_most_telling_texts_are_those_that_moved(window: BuildWindow) -> None:
    before, now = window(1, EVEN), window(2, EVEN)
    moved = now.embeddings.copy()
    moved[:30] += 1.5
    now = replace(now, embeddings=moved)

    examples = find(before, now)["telling_apart"].examples

    assert len(examples) == 5
    assert {example.row_id for example in examples} <= set(now.ids[:30])


def test_a_change_of_the_mix_is_found_and_named(window: BuildWindow) -> None:
    found = find(window(1, {"a": 60, "b": 20, "c": 20}), window(2, {"a": 20, "b": 60, "c": 20}))["answers"]

    assert found.p_value == 1 / 200
    assert found.effect == pytest.approx(0.4)
    assert "a 60% to 20%" in found.words


def test_the_likelihood_ratio_matches_a_table_worked_by_hand() -> None:
    from fsl.drift.detectors.answer_mix import _likelihood_ratio

    # Rows 10 20 and 20 10, every expectation 15: 2 (2 * 10 ln(10/15) + 2 * 20 ln(20/15))
    expected = 2 * (20 * np.log(10 / 15) + 40 * np.log(20 / 15))

    assert _likelihood_ratio(np.array([[10.0, 20.0]]), np.array([[20.0, 10.0]]))[0] == pytest.approx(expected)


def test_rows_with_several_labels_and_with_none_are_counted() -> None:
    found = compare_answers([("ORG", "PER"), ()] * 20, [("ORG",)] * 40, n_permutations=99, seed=0)

    assert found.p_value == 0.01
    assert {share.label for share in found.shares} == {"ORG", "PER", "(nothing)"}


def test_a_loss_of_confidence_is_found(window: BuildWindow) -> None:
    assert find(window(1, EVEN), window(2, EVEN, confidence=0.6))["confidence"].p_value < 1e-6


def test_confidence_that_is_no_number_is_left_out_and_counted(window: BuildWindow) -> None:
    now = window(2, EVEN)
    now = replace(now, confidence=np.full(now.n_rows, np.nan))

    found = find(window(1, EVEN), now)["confidence"]

    assert found.p_value == 1.0
    assert "90 rows without a number left out" in found.words


def test_windows_whose_rows_are_all_alike_have_not_changed(window: BuildWindow) -> None:
    before, now = window(1, {"a": 40}), window(2, {"a": 40})
    before = replace(before, embeddings=np.ones((40, 4), np.float32))
    now = replace(now, embeddings=np.ones((40, 4), np.float32))

    found = find(before, now)

    assert [found[name].p_value for name in ("texts", "texts_given_answers", "telling_apart")] == [1.0, 1.0, 1.0]
    assert found["telling_apart"].effect == 0.5


def test_windows_without_a_common_answer_cannot_be_compared_behind_it(window: BuildWindow) -> None:
    found = find(window(1, {"a": 40}), window(2, {"b": 40}))

    assert (found["texts_given_answers"].p_value, found["telling_apart"].p_value) == (1.0, 1.0)
    assert found["answers"].p_value == 1 / 200
    assert "0 of 80 rows" in found["telling_apart"].words


def test_the_same_seed_gives_the_same_findings(window: BuildWindow) -> None:
    before, now = window(1, EVEN), window(2, EVEN, shift=0.1)

    assert find(before, now) == find(before, now)


def test_embeddings_of_two_encoders_are_never_compared(window: BuildWindow) -> None:
    with pytest.raises(DifferentEncoders, match="enc-1 and the current window by enc-2"):
        find(window(1, EVEN), window(2, EVEN, encoder="enc-2"))
