"""Accuracy without labels, audit labels, and what is said of harm."""

from dataclasses import replace

import numpy as np
import pytest

from fsl.drift.harm.audit import AuditRows, bounds_of_labels, estimate_from_audit, exact_bounds, labels_to_settle
from fsl.drift.harm.calibration import Curve, fit_curve
from fsl.drift.harm.estimate import Served, estimate_accuracy, estimate_by_threshold, estimate_fall
from fsl.drift.harm.verdict import assess_harm

GENERATOR = np.random.default_rng(0)
LEVEL = 0.001


@pytest.fixture(scope="module")
def curve() -> Curve:
    """A curve of a version that is right as often as it says."""
    generator = np.random.default_rng(1)
    confidence = generator.uniform(0.2, 1.0, 4000)
    found = fit_curve(confidence, confidence / 2, generator.random(4000) < confidence)
    assert found is not None
    return found


def served(confidence: float, n: int = 400, answer: str = "a") -> Served:
    return Served(np.full(n, confidence), np.full(n, confidence / 2), [(answer,)] * n)


def test_confidence_that_is_true_is_taken_at_its_word(curve: Curve) -> None:
    for confidence in (0.4, 0.6, 0.9):
        assert curve.predict(np.array([confidence]), np.array([confidence / 2]))[0] == pytest.approx(
            confidence, abs=0.04
        )


def test_too_few_labelled_rows_give_no_curve_and_missing_numbers_do_not_count() -> None:
    assert fit_curve(np.full(49, 0.9), np.full(49, 0.5), np.ones(49, dtype=np.bool_)) is None
    assert fit_curve(np.full(60, np.nan), np.full(60, 0.5), np.ones(60, dtype=np.bool_)) is None


def test_estimated_accuracy_follows_the_confidence_and_its_interval_holds_it(curve: Curve) -> None:
    found = estimate_accuracy(curve, served(0.7))

    assert found is not None
    assert found.value == pytest.approx(0.7, abs=0.03)
    assert found.low < 0.7 < found.high
    assert estimate_accuracy(curve, served(float("nan"))) is None


def test_average_thresholded_confidence_matches_one_worked_by_hand() -> None:
    confidence = np.array([0.1, 0.2, 0.3, 0.4])
    right = np.array([False, False, True, True])  # half are right: the threshold lies in the middle, at 0.25

    assert estimate_by_threshold(confidence, right, np.array([0.24, 0.26, 0.9, 0.9])) == 0.75


def test_a_fall_through_the_mix_alone_is_told_apart_from_one_within_the_answers(curve: Curve) -> None:
    def rows(n_easy: int, n_hard: int, hard: float = 0.5) -> Served:
        confidence = np.array([0.9] * n_easy + [hard] * n_hard)
        return Served(confidence, confidence / 2, [("easy",)] * n_easy + [("hard",)] * n_hard)

    mix = estimate_fall(curve, rows(500, 500), rows(200, 800))
    within = estimate_fall(curve, rows(500, 500), rows(500, 500, hard=0.3))

    assert mix is not None
    assert within is not None
    assert mix.total == pytest.approx(0.3 * 0.4, abs=0.02)
    assert mix.of_mix == pytest.approx(mix.total, abs=0.01)
    assert abs(mix.within.value) < 0.01
    assert within.within.value == pytest.approx(0.1, abs=0.02)
    assert within.within.low > 0


def test_exact_bounds_match_the_published_ones() -> None:
    low, high = exact_bounds(8, 10, 1.959964)

    assert (low, high) == pytest.approx((0.4439, 0.9748), abs=1e-4)  # Clopper-Pearson, 8 of 10 at 95%
    assert exact_bounds(0, 10, 1.959964)[0] == 0
    assert exact_bounds(10, 10, 1.959964)[1] == 1


def test_predictions_make_a_few_labels_say_more_and_correct_what_is_wrong_with_them() -> None:
    generator = np.random.default_rng(2)
    chance = generator.choice([0.05, 0.95], 4000)
    right = generator.random(4000) < chance - 0.04
    rows = np.arange(200)
    audit = AuditRows(right[rows], np.full(200, 0.05), chance[rows])

    powered = estimate_from_audit(audit, chance)
    plain = estimate_from_audit(audit, np.zeros(0))

    assert powered is not None
    assert plain is not None
    assert powered.low < right.mean() < powered.high
    assert powered.high - powered.low < 0.6 * (plain.high - plain.low)


def test_rows_that_were_likelier_to_be_drawn_weigh_less() -> None:
    audit = AuditRows(np.array([True, False]), np.array([0.9, 0.1]), np.full(2, np.nan))

    found = estimate_from_audit(audit, np.zeros(0))

    assert found is not None
    assert found.value == pytest.approx((1 / 0.9) / (1 / 0.9 + 1 / 0.1))


def test_more_labels_are_needed_for_a_smaller_fall() -> None:
    assert labels_to_settle(0.9, 0.05, level=0.05) > 3 * labels_to_settle(0.9, 0.1, level=0.05)
    # (1.645 * sqrt(.9 * .1) + .8416 * sqrt(.8 * .2))^2 / .1^2 = 68.9
    assert labels_to_settle(0.9, 0.1, level=0.05) == 69


def test_a_change_of_meaning_is_unknown_until_labels_are_in(curve: Curve) -> None:
    before, now = served(0.9), served(0.9)

    def ask(audit: AuditRows | None) -> tuple[str, str]:
        kept = {} if audit is None else {"audit": audit}
        found = assess_harm(curve, before, now, **kept, has_changed=False, tolerance=0.03, level=LEVEL)
        return found.by_meaning, found.words[-1]

    half_right = AuditRows(np.arange(100) % 2 == 0, np.full(100, 0.25), np.full(100, 0.9))

    assert ask(None)[0] == "unknown"
    assert "uniform audit labels more would settle it" in ask(None)[1]
    assert ask(half_right) == ("yes", "labels changed their meaning: audit labels disagree more than the texts explain")
    assert ask(replace(half_right, right=np.arange(100) < 95))[0] == "no"
    few = AuditRows(half_right.right[:6], half_right.inclusion[:6], half_right.chance[:6])
    assert ask(few)[0] == "unknown"
    assert bounds_of_labels(AuditRows(*(np.zeros(0),) * 3), level=LEVEL) == (0.0, 1.0)  # type: ignore[arg-type]


def test_texts_are_blamed_only_where_something_alarmed(curve: Curve) -> None:
    def ask(confidence: float, *, has_changed: bool) -> str:
        return assess_harm(
            curve, served(0.9), served(confidence), has_changed=has_changed, tolerance=0.03, level=LEVEL
        ).by_texts

    assert ask(0.6, has_changed=True) == "yes"
    assert ask(0.6, has_changed=False) == "no"
    assert ask(0.9, has_changed=True) == "no"


def test_without_a_curve_accuracy_is_said_to_be_unknown() -> None:
    found = assess_harm(None, served(0.9), served(0.5), has_changed=True, tolerance=0.03, level=LEVEL)

    assert found.by_texts == "unknown"
    assert found.accuracy is None
    assert "accuracy cannot be estimated" in found.words[0]
