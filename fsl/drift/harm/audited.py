"""Audit labels of a project: what a version answers to served texts that were drawn by chance alone, and what is true.

They come in as any labelled file does, with `data.audit_column` filled; `fsl drift ask` writes such rows. What follows
from them is `audit`'s and `verdict`'s.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from fsl.data.audit import AuditRow, read_audit_rows
from fsl.drift.harm.audit import AuditRows
from fsl.drift.harm.calibration import Curve
from fsl.drift.harm.verdict import NO_AUDIT
from fsl.problems.base import Answer, Problem
from fsl.project import Project
from fsl.promotion.promote import load_predictor

MAX_ROWS = 1000  # the latest; more would hardly say more


def read_audit(project: Project, version: str, curve: Curve | None, *, since: datetime, until: datetime) -> AuditRows:
    """Return the audit rows that were served from `since` on and before `until`, as the version answers them.

    Of a row whose file says no time, the time when it came in counts.
    """
    rows = read_audit_rows(project.store, since=since, until=until)[-MAX_ROWS:]
    if not rows:
        return NO_AUDIT
    predictions = load_predictor(project, version).predict([row.text for row in rows])
    return judge_audit(rows, [one.answer for one in predictions], project.problem, curve)


def audit_start(began: datetime, ended: datetime, *, days: int) -> datetime:
    """Return since when audit rows count: so many days back from a window's end, and never before its reference."""
    return max(began, ended - timedelta(days=days))


def judge_audit(
    rows: Sequence[AuditRow], answers: Sequence[Answer], problem: Problem, curve: Curve | None
) -> AuditRows:
    """Return which answers are right, and how likely the curve held that to be; answers stand in the rows' order."""
    confidence = np.array([answer.confidence for answer in answers], dtype=np.float64)
    margin = np.array([answer.margin for answer in answers], dtype=np.float64)
    return AuditRows(
        right=np.array(
            [problem.is_correct(row.target, answer.target) for row, answer in zip(rows, answers, strict=True)],
            dtype=np.bool_,
        ),
        inclusion=np.array([row.inclusion for row in rows], dtype=np.float64),
        chance=curve.predict(confidence, margin) if curve else np.full(len(rows), np.nan),
    )
