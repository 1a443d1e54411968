"""Audit labels of a project: as rows of the estimate, and over the days that count."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fsl.data.audit import AuditRow
from fsl.drift.harm.audited import audit_start, judge_audit
from fsl.drift.harm.calibration import Curve
from fsl.problems import find_problem
from fsl.problems.base import Answer
from fsl.samples import Split

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PROBLEM = find_problem("classification")
CURVE = Curve(np.array([0.0, 1.0, 0.0]), np.zeros((3, 3)), 100, 0.9)  # takes confidence at its word


def row_of(number: int, target: str, inclusion: float) -> AuditRow:
    return AuditRow(f"row-{number}", f"text {number}", target, NOW, inclusion, Split.JUDGE, f"group-{number}")


def test_an_audit_row_is_right_where_the_answer_is_true_and_keeps_its_chance_of_having_been_drawn() -> None:
    rows = [row_of(1, "refund", 0.2), row_of(2, "refund", 1.0)]
    answers = [Answer("refund", 0.8, 0.6), Answer("invoice", 0.6, 0.1)]

    found = judge_audit(rows, answers, PROBLEM, CURVE)

    assert found.right.tolist() == [True, False]
    assert found.inclusion.tolist() == [0.2, 1.0]
    assert found.chance == pytest.approx([0.8, 0.6])


def test_without_a_curve_the_labels_stand_alone() -> None:
    found = judge_audit([row_of(1, "refund", 0.5)], [Answer("refund", 0.8, 0.6)], PROBLEM, None)

    assert np.isnan(found.chance).all()


def test_audit_rows_count_for_so_many_days_and_never_from_before_the_reference() -> None:
    ended = datetime(2026, 11, 20, tzinfo=UTC)

    assert audit_start(datetime(2026, 1, 1, tzinfo=UTC), ended, days=30) == ended - timedelta(days=30)
    assert audit_start(datetime(2026, 11, 19, tzinfo=UTC), ended, days=30) == datetime(2026, 11, 19, tzinfo=UTC)
