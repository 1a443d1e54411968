"""The joint test of a window: its level, what it finds, and what a mere change of the mix may not set off."""

from collections.abc import Callable

import numpy as np
import pytest

from fsl.drift.detectors.behind import forms_given_answers, in_both, overlap_weights
from fsl.drift.detectors.changes import find_changes
from fsl.drift.detectors.classifier import auroc_within, leave_one_out_scores, tell_apart
from fsl.drift.detectors.describe import describe
from fsl.drift.detectors.forms import (
    centre_within,
    number_form,
    random_features,
    ranks_of,
    standardise,
    surge_form,
    texts_form,
)
from fsl.drift.detectors.joint import Form, judge_together
from fsl.drift.detectors.label_shift import estimate_mix
from fsl.drift.detectors.shuffles import number_strata, observed_membership, shuffle_memberships
from fsl.drift.detectors.traits import build_traits, script_of, traits_of, words_of
from fsl.drift.windows.window import Window

BuildWindow = Callable[..., Window]
LEVEL = 0.01


def test_a_shuffle_keeps_each_stratums_number_of_current_rows() -> None:
    strata = np.array([0, 1, 0, 1, 1, 0, 2])

    shuffled = shuffle_memberships(4, strata, 50, np.random.default_rng(0))

    for stratum, n_current in ((0, 1), (1, 1), (2, 1)):
        assert (shuffled[:, strata == stratum].sum(axis=1) == n_current).all()
    assert len({row.tobytes() for row in shuffled}) > 1


def test_a_p_value_counts_the_shuffles_as_exhaustive_enumeration_does() -> None:
    values = np.array([[1.0], [2.0], [3.0], [4.0], [9.0]], dtype=np.float32)
    form = Form("sum", values, lambda sums: sums[:, 0].astype(np.float64))

    (found,) = judge_together(
        (form,), 3, np.zeros(5, dtype=np.intp), level=0.5, n_shuffles=3999, generator=np.random.default_rng(1)
    )

    assert found.statistic == 13  # 4 + 9: the largest of the ten pairs there are
    assert found.p_value == pytest.approx(1 / 10, abs=0.02)


def test_the_joint_test_of_two_that_are_one_is_the_one_test() -> None:
    values = np.random.default_rng(2).normal(size=(60, 1)).astype(np.float32)
    form = Form("sum", values, lambda sums: sums[:, 0].astype(np.float64))
    strata = np.zeros(60, dtype=np.intp)

    def judge(*forms: Form) -> float:
        found = judge_together(forms, 30, strata, level=0.5, n_shuffles=999, generator=np.random.default_rng(3))
        return found[0].joint_p_value

    assert judge(form, form) == judge(form)


def test_windows_without_a_change_alarm_no_more_often_than_the_level() -> None:
    generator = np.random.default_rng(4)
    level, n_alarms, n_windows = 0.1, 0, 300
    strata = np.zeros(60, dtype=np.intp)
    for _ in range(n_windows):
        rows = generator.normal(size=(60, 4)).astype(np.float32)
        forms = (texts_form(rows), number_form("length", generator.exponential(size=60), 20))
        found = judge_together(forms, 40, strata, level=level, n_shuffles=99, generator=generator)
        n_alarms += any(one.joint_p_value <= level for one in found)

    assert 13 <= n_alarms <= 48  # 0.1% and 99.9% of Binomial(300, 0.1)


def test_standardised_sums_over_shuffles_have_mean_zero_and_variance_one() -> None:
    columns = standardise(np.random.default_rng(5).exponential(size=(50, 1)).astype(np.float32), 20)

    sums = shuffle_memberships(30, np.zeros(50, dtype=np.intp), 4000, np.random.default_rng(6)) @ columns

    assert sums.mean() == pytest.approx(0, abs=0.05)
    assert sums.var() == pytest.approx(1, abs=0.07)


def test_random_features_come_near_the_gaussian_kernel() -> None:
    rows = np.random.default_rng(7).normal(size=(40, 8)).astype(np.float32)
    centred = rows - rows.mean(axis=0)
    width = 2 * (centred**2).sum() / 40  # the mean squared distance of two rows
    squares = ((rows[:, None] - rows[None, :]) ** 2).sum(axis=2)

    kernel = random_features(rows) @ random_features(rows).T

    assert np.abs(kernel - np.exp(-squares / width)).max() < 0.25
    assert np.abs(kernel - np.exp(-squares / width)).mean() < 0.05


def test_missing_numbers_rank_in_the_middle_and_equal_ones_alike() -> None:
    ranks = ranks_of(np.array([5.0, np.nan, 5.0, 7.0]))

    np.testing.assert_allclose(ranks, [1.5 / 4, 0.5, 1.5 / 4, 3 / 4])


def test_the_weighted_difference_of_strata_matches_one_worked_by_hand() -> None:
    strata = np.array([0, 0, 1, 0, 1, 1])  # reference: 0 0 1, current: 0 1 1
    values = np.array([[1.0], [3.0], [5.0], [6.0], [9.0], [11.0]], dtype=np.float32)

    weights = overlap_weights(strata, 3)
    weighted = weights[:, None] * centre_within(values, strata)

    # Each stratum overlaps by 1 * 2 / 3, so each weighs half: (6 - 2) / 2 + (10 - 5) / 2.
    assert weighted[3:].sum() == pytest.approx(4.5)


def test_rows_whose_answer_one_window_lacks_are_not_compared() -> None:
    assert in_both(np.array([0, 1, 0, 2]), 2).tolist() == [True, False, True, False]


def test_a_change_of_the_mix_alone_alarms_and_spares_the_texts_behind(window: BuildWindow) -> None:
    reference, current = traits_of(window(1, {"a": 150, "b": 50})), traits_of(window(2, {"a": 30, "b": 120}))

    found = find_changes(reference, current, level=LEVEL, n_shuffles=499, seed=0)

    assert found.is_alarmed("answers")
    assert found.is_alarmed("texts")
    assert found.alarms_behind() == ()


def test_changed_texts_of_the_same_answers_are_found_behind_them(window: BuildWindow) -> None:
    mix = {"a": 80, "b": 80}
    reference, current = traits_of(window(1, mix)), traits_of(window(2, mix, shift=0.6))

    found = find_changes(reference, current, level=LEVEL, n_shuffles=499, seed=0)

    assert {one.name for one in found.alarms_behind()} >= {"texts_given_answers", "telling_apart"}


def test_less_sure_rows_are_out_of_scope(window: BuildWindow) -> None:
    mix = {"a": 80, "b": 80}
    reference, current = traits_of(window(1, mix)), traits_of(window(2, mix, confidence=0.8))

    assert find_changes(reference, current, level=LEVEL, n_shuffles=499, seed=0).is_alarmed("out_of_scope")


@pytest.mark.parametrize("shape", ["one row", "all alike", "no numbers", "no embeddings"])
def test_odd_windows_are_tested_by_what_they_have(window: BuildWindow, shape: str) -> None:
    reference, current = traits_of(window(1, {"a": 40, "b": 40})), traits_of(window(2, {"a": 20, "b": 20}))
    if shape == "one row":
        current = current.pick(np.array([0]))
    if shape == "all alike":
        reference, current = reference.pick(np.zeros(60, dtype=np.intp)), reference.pick(np.zeros(30, dtype=np.intp))
    if shape == "no numbers":
        current.confidence[:] = np.nan
        reference.confidence[:] = np.nan
    if shape == "no embeddings":
        object.__setattr__(reference, "embeddings", reference.embeddings[:, :0])
        object.__setattr__(current, "embeddings", current.embeddings[:, :0])

    found = find_changes(reference, current, level=LEVEL, n_shuffles=199, seed=0)

    names = {one.name for one in found.overall}
    assert names >= {"answers", "surge", "length", "script", "vocabulary", "confidence"}
    assert ("texts" in names) == (shape != "no embeddings")
    assert found.alarms() == ()


def test_the_score_of_a_row_is_that_of_a_regression_without_it() -> None:
    generator = np.random.default_rng(8)
    rows, is_current = generator.normal(size=(12, 3)), np.array([0.0] * 6 + [1.0] * 6)
    strata = np.zeros(12, dtype=np.intp)

    scores = leave_one_out_scores(rows.astype(np.float32), is_current, strata)
    flipped = is_current.copy()
    flipped[11] = 0.0
    again = leave_one_out_scores(rows.astype(np.float32), flipped, strata)

    assert scores[11] == pytest.approx(again[11], abs=1e-6)  # its own window has no part in its score


def test_auroc_within_strata_matches_pairs_counted_by_hand() -> None:
    scores = np.array([1.0, 2.0, 3.0, 10.0, 20.0])
    is_current = np.array([0.0, 1.0, 0.0, 1.0, 0.0])
    strata = np.array([0, 0, 0, 1, 1])

    assert auroc_within(scores, is_current, strata) == pytest.approx(1 / 3)  # 2 beats 1, loses to 3; 10 loses to 20


def test_the_most_telling_texts_are_the_new_ones(window: BuildWindow) -> None:
    reference, current = window(1, {"a": 100}), window(2, {"a": 60}, shift=3.0, shifted_share=0.2)
    rows = np.concatenate([reference.embeddings, current.embeddings])

    told = tell_apart(rows, np.zeros(160, dtype=np.intp), 100)

    # Rows that lie three deviations away on all sixteen axes stand out by the sum of their coordinates.
    new = set(np.argsort(-current.embeddings.sum(axis=1))[:12].tolist())
    assert set(told.most_telling) <= new
    assert told.auroc > 0.5


def test_scripts_and_words_are_told_apart() -> None:
    assert [script_of(text) for text in ("refund me", "退款 please 我要马上退款谢谢", "أعد المال", "42 !", "😀")] == [
        "LATIN",
        "CJK",
        "ARABIC",
        "OTHER",
        "OTHER",
    ]
    assert words_of("Refund, refund my 20 €!", "LATIN") == {"refund", "my"}
    assert words_of("我要退款", "CJK") == {"我要", "要退", "退款"}


def test_a_new_word_and_a_new_script_are_named(window: BuildWindow) -> None:
    reference, current = window(1, {"a": 80, "b": 80}), window(2, {"a": 60, "b": 60})
    texts = tuple("退款 退款" if row % 3 == 0 else text for row, text in enumerate(current.texts))
    current = Window(**{**vars(current), "texts": texts})
    traits = traits_of(reference), traits_of(current)

    changes = find_changes(*traits, level=LEVEL, n_shuffles=499, seed=0)
    said = {one.name: one for one in describe(changes, reference, current, traits)}

    assert said["script"].alarmed
    assert "CJK 0% to 33%" in said["script"].words or "LATIN 100% to 67%" in said["script"].words
    assert "退款" in said["vocabulary"].words


def test_a_surge_is_one_sided() -> None:
    def traits(labels: list[str]):  # type: ignore[no-untyped-def]
        n = len(labels)
        return build_traits(["x"] * n, [(one,) for one in labels], np.full(n, 0.9), np.full(n, 0.8), np.zeros((n, 0)))

    before, now = ["a"] * 50 + ["b"] * 50, ["a"] * 40 + ["b"] * 10
    rows = traits(before + now)
    form = surge_form(rows, 50)
    seen = form.reduce(observed_membership(100, 150) @ form.columns)[0]

    # Of 150 rows 90 are a, so 30 of 50 are expected and 40 seen; hypergeometric variance 50 * .6 * .4 * 100 / 149.
    assert seen == pytest.approx(10 / np.sqrt(50 * 0.6 * 0.4 * 100 / 149), rel=1e-4)


def test_the_true_mix_is_told_from_how_labels_are_confused() -> None:
    # Of a 90% and of b 80% are answered as they are. Half of the answers are a: share * .9 + (1 - share) * .2 = .5.
    truth = ["a"] * 100 + ["b"] * 100
    answered = ["a"] * 90 + ["b"] * 10 + ["b"] * 80 + ["a"] * 20

    found = estimate_mix(answered, truth, ["a"] * 100 + ["b"] * 100)

    share = next(one for one in found.shares if one.label == "a")
    assert share.share == pytest.approx(0.3 / 0.7)
    assert share.low < 0.3 / 0.7 < share.high


def test_a_confusion_that_cannot_be_undone_is_flagged() -> None:
    truth = ["a"] * 50 + ["b"] * 50
    answered = (["a"] * 25 + ["b"] * 25) * 2

    assert "cannot be undone" in (estimate_mix(answered, truth, ["a"] * 10).unusable or "")
    assert "fewer than 5 labelled rows" in (estimate_mix(["a", "b"], ["a", "b"], ["a"]).unusable or "")


def test_equal_values_share_a_stratum() -> None:
    assert number_strata([("a",), ("b",), ("a",)]).tolist() == [0, 1, 0]
    assert len(forms_given_answers(_three(), np.array([0, 0, 0]), 2)) == 3


def _three():  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(0)
    return build_traits(["x", "y", "z"], [("a",)] * 3, np.ones(3), np.ones(3), generator.normal(size=(3, 4)))
