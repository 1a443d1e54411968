"""Whether low confidence tells what should not be answered."""

from dataclasses import replace

import pytest

from fsl.evaluation.examination.abstention import (
    measure_abstention,
    measure_out_of_scope,
    measure_selection,
    separate,
)
from fsl.evaluation.examination.record import Examination
from fsl.evaluation.scores.records import RowScore, ScoreSheet


def sheet_of(rows: list[tuple[float, bool]], outside: tuple[float, ...] = ()) -> ScoreSheet:
    scores = tuple(RowScore(f"{n:03}", "a", "a" if right else "b", sure, right) for n, (sure, right) in enumerate(rows))
    return ScoreSheet("v", ("a", "b"), scores, 1.0, 1.0, 1, Examination(out_of_scope=outside))


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    # Pairs: 0.9 > 0.5, 0.9 > 0.8, 0.6 > 0.5, 0.6 < 0.8: three of four; a tie counts half.
    assert separate([0.9, 0.6], [0.5, 0.8]).auroc == 0.75
    assert separate([0.5], [0.5]).auroc == 0.5
    assert separate([1.0, 1.0], [0.0]).interval.high == 1.0


def test_right_answers_are_told_from_wrong_ones_where_there_are_both() -> None:
    found = measure_abstention(sheet_of([(0.9, True), (0.6, True), (0.5, False), (0.8, False)]))

    assert found is not None
    assert (found.auroc, found.n_first, found.n_second) == (0.75, 2, 2)
    assert measure_abstention(sheet_of([(0.9, True)])) is None
    assert measure_abstention(sheet_of([])) is None


def test_false_accepts_are_counted_where_95_of_100_judge_rows_are_answered() -> None:
    rows = [(n / 100, True) for n in range(1, 101)]  # 0.01 to 1.00; 95% have 0.06 or more, and 0.05 keeps 96
    found = measure_out_of_scope(sheet_of(rows, (0.01, 0.04, 0.05, 0.5)))

    assert found is not None
    assert found.threshold == pytest.approx(0.05)
    assert found.false_accepts == 0.5


def test_without_declared_texts_nothing_is_measured_and_nan_is_left_out() -> None:
    assert measure_out_of_scope(sheet_of([(0.5, True)])) is None
    assert measure_out_of_scope(replace(sheet_of([(0.5, True)]), examination=None)) is None
    found = measure_out_of_scope(sheet_of([(0.5, True), (float("nan"), True)], (float("nan"), 0.4)))
    assert found is not None
    assert (found.separation.n_first, found.separation.n_second, found.false_accepts) == (1, 1, 0.0)


def test_scope_tells_outside_texts_where_the_bundle_gives_it() -> None:
    rows = tuple(replace(row, scope=-0.1) for row in sheet_of([(0.2, True), (0.3, True)]).rows)
    sheet = replace(sheet_of([]), rows=rows, examination=Examination(out_of_scope=(0.9, 0.9), scopes=(-0.5, -0.05)))

    found = measure_out_of_scope(sheet)

    assert found is not None
    assert (found.by, found.separation.auroc, found.false_accepts) == ("scope", 0.5, 0.5)


def test_what_is_served_is_counted_on_both_sides() -> None:
    rows = sheet_of([(0.9, True), (0.8, False), (0.2, True), (0.1, False)], (0.9, 0.1)).rows
    served = tuple(replace(row, abstained="unsure" if row.confidence < 0.5 else None) for row in rows)
    sheet = replace(sheet_of([]), rows=served, examination=Examination(out_of_scope=(0.9, 0.1), n_answered=1))

    found = measure_selection(sheet)

    assert found is not None
    assert (found.n_rows, found.n_answered, found.n_right, found.n_withheld_right) == (4, 2, 1, 1)
    assert (found.n_outside, found.n_outside_answered) == (2, 1)
    assert measure_selection(sheet_of([(0.9, True)], (0.5,))) is None
    assert measure_selection(replace(sheet, rows=rows)) is not None  # an outside text alone was left unanswered
