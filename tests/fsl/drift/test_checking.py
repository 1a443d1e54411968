"""One look from the log to the stored decision, on a real store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from fsl.config import DriftConfig, RunConfig
from fsl.drift.checking import check_window
from fsl.drift.decision.history import read_history
from fsl.drift.errors import NoPredictions
from fsl.drift.windows.window import Window
from fsl.project import Project
from fsl.store import layout
from fsl.store.aliases import CHAMPION, move_alias
from fsl.store.objects import ObjectStore
from fsl.store.registry import publish_version

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DRIFT = DriftConfig(reference_rows=60, window_rows=60, alpha=0.1, budget_windows=10, n_permutations=499)


@pytest.fixture
def project(store: ObjectStore, tmp_path: Path) -> Project:
    return Project("shop", store, RunConfig(project="shop", drift=DRIFT), tmp_path)


def test_a_look_is_stored_once_with_all_that_went_wrong_named_and_the_findings_standing(
    project: Project, window: Callable[..., Window], log: Callable[..., None]
) -> None:
    served = window(1, {"a": 60, "b": 60})
    log(project.store, served)
    later = window(2, {"a": 6, "b": 54}, start=NOW - timedelta(days=2))
    confidence = later.confidence.copy()
    confidence[:5] = np.nan
    log(project.store, replace(later, confidence=confidence))
    log(project.store, window(3, {"a": 3}, start=NOW + timedelta(days=5)), part="ahead")
    log(project.store, window(4, {"a": 4}, encoder="enc-2", start=NOW - timedelta(days=3)), part="other")
    project.store.put(layout.predictions(NOW - timedelta(days=2), "broken"), b"not parquet")

    decision = check_window(project, now=NOW)
    again = check_window(project, now=NOW + timedelta(hours=1))

    assert again == decision  # the same rows are the same window
    assert len(read_history(project.store)) == 1
    notes = " | ".join(decision.notes)
    for words in (
        "cannot be read and was left out",
        "3 rows carry a time to come",
        "4 rows of v1 were embedded by enc-2",
    ):
        assert words in notes
    assert "answers" in {finding.name for finding in decision.alarms}
    assert any("(5 rows without a number left out)" in finding.words for finding in decision.findings)
    assert any("accuracy cannot be estimated" in reason for reason in decision.reasons)
    assert any("the true mix of labels cannot be told" in words for words in decision.mix)
    assert b"Content-Security-Policy" in project.store.get(layout.drift(decision.window, "report.html"))


def test_a_version_that_was_cleaned_away_is_named_and_its_traffic_is_looked_at_all_the_same(
    project: Project, window: Callable[..., Window], log: Callable[..., None], tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "head.onnx").write_bytes(b"a head")
    publish_version(project.registry, "v1", folder, facts={"snapshot": "0" * 64})
    moved = {"seen": None, "verdict": "promote", "who": "a test", "why": "to serve", "now": NOW}
    move_alias(project.registry, CHAMPION, to="v1", **moved)
    log(project.store, window(1, {"a": 60, "b": 60}))
    log(project.store, window(2, {"a": 6, "b": 54}, start=NOW - timedelta(days=2)))
    project.store.delete(layout.manifest("v1"))

    decision = check_window(project, now=NOW)

    notes = " | ".join(decision.notes)
    assert "accuracy cannot be estimated: v1 cannot answer labelled rows any more" in notes
    assert "there is no version 'v1'" in notes
    assert "answers" in {finding.name for finding in decision.alarms}


def test_a_version_that_never_served_is_named(
    project: Project, window: Callable[..., Window], log: Callable[..., None]
) -> None:
    log(project.store, window(1, {"a": 60}))

    with pytest.raises(NoPredictions, match="no served row of v9"):
        check_window(project, now=NOW, version="v9")
