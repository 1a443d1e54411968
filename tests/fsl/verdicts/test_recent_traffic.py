"""The recent window in a whole project: from rows marked for audit in a dropped file to what the verdict says."""

import dataclasses
import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fsl.data.intake import ingest_object
from fsl.data.snapshots import SnapshotRef, load_samples, take_snapshot
from fsl.evaluation.comparison.recent import RecentState
from fsl.promotion.promote import load_sheet
from fsl.runs.steps import RetrainPlan, plan_retrain
from fsl.samples import Split
from fsl.store import layout

if TYPE_CHECKING:
    from tests.fsl.verdicts.conftest import Trial

NOW = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


def apart(n: int) -> str:
    """Return words that are like no others."""
    return " ".join(hashlib.sha256(f"{n} {word}".encode()).hexdigest()[:9] for word in range(4))


def drop(trial: "Trial", name: str, rows: range, **columns: Any) -> RetrainPlan:
    told = [("refund money", "refund"), ("where parcel", "parcel")]
    lines = [json.dumps({"text": f"{told[n % 2][0]} {apart(n)}", "label": told[n % 2][1], **columns}) for n in rows]
    key = layout.inbox(name)
    trial.project.store.put(key, "\n".join(lines).encode())
    ingest_object(trial.project.store, trial.project.config, key, now=NOW)
    return plan_retrain(trial.project, take_snapshot(trial.project.store, trial.project.config).digest)


def test_audit_rows_are_the_recent_window_each_by_the_inverse_of_its_probability(trial: "Trial") -> None:
    data = trial.project.config.data.model_copy(update={"time_column": "time"})
    config = trial.project.config.model_copy(update={"data": data})
    trial = dataclasses.replace(trial, project=dataclasses.replace(trial.project, config=config))
    first = drop(trial, "rows.jsonl", range(60))
    trial.finish(first)
    trial.judge(first)
    drop(trial, "rare.jsonl", range(100, 130), audit=0.1)
    drop(trial, "old.jsonl", range(200, 220), audit=0.1, time=(NOW - timedelta(days=31)).isoformat())
    second = drop(trial, "often.jsonl", range(300, 310), audit=0.5)
    trial.finish(second, mixed_up=0.5)

    verdict = trial.judge(second, champion=first.version)

    assert verdict.recent is not None
    assert (verdict.recent.state, verdict.recent.n_rows) == (RecentState.JUDGED, 40)
    drawn = {row.row_id: row for row in load_samples(trial.project.store, SnapshotRef(second.snapshot), {Split.JUDGE})}
    weights = {row_id: 1 / row.inclusion for row_id, row in drawn.items() if row.inclusion and row.time is None}
    right = {row.row_id for row in load_sheet(trial.project, second, first.version).rows if row.correct}
    by_hand = sum(weight for row_id, weight in weights.items() if row_id in right) / (30 * 10 + 10 * 2)
    assert verdict.recent.champion_score == pytest.approx(by_hand)
    assert verdict.recent.champion_score != pytest.approx(len(right & weights.keys()) / 40)
    assert any("on 40 audited rows of recent traffic" in note for note in verdict.notes)
