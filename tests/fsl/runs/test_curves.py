"""Curves of a run: stored beside its steps, and fetched for TensorBoard."""

from pathlib import Path
from typing import Literal

import pytest

from fsl.config import LearningConfig, RunConfig
from fsl.project import Project
from fsl.runs.curves import fetch_curves, kept_curves
from fsl.runs.steps import RetrainPlan
from fsl.store.objects import ObjectStore


@pytest.fixture
def project(store: ObjectStore, tmp_path: Path) -> Project:
    return Project("tickets", store, RunConfig(project="tickets"), tmp_path / "cache")


def plan(tracking: Literal["tensorboard", "off"] = "tensorboard") -> RetrainPlan:
    return RetrainPlan(
        "0123456789abcdef", "s", RunConfig(project="tickets", learning=LearningConfig(tracking=tracking))
    )


def test_what_a_fit_wrote_is_stored_by_step_and_comes_back_as_tensorboard_reads_it(
    project: Project, tmp_path: Path
) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for step, loss in (("teacher", 0.5), ("student", 0.25)):
        with kept_curves(project, plan(), step) as track:
            track("loss", loss, 1)

    files = fetch_curves(project, plan().key, tmp_path / "curves")

    assert [path.relative_to(tmp_path / "curves").parts[0] for path in files] == ["teacher", "student"]
    found = events.EventAccumulator(str(files[1].parent))
    found.Reload()
    assert [one.value for one in found.Scalars("loss")] == [0.25]


def test_where_curves_are_off_nothing_is_stored_and_nothing_fetched(project: Project, tmp_path: Path) -> None:
    with kept_curves(project, plan("off"), "teacher") as track:
        track("loss", 0.5, 1)

    assert fetch_curves(project, plan().key, tmp_path / "curves") == []
    assert not (tmp_path / "curves").exists()


def break_off(project: Project) -> None:
    with kept_curves(project, plan(), "teacher") as track:
        track("loss", 0.5, 1)
        raise RuntimeError("the fit broke off")


def test_a_fit_that_breaks_off_leaves_no_curves(project: Project, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the fit broke off"):
        break_off(project)

    assert fetch_curves(project, plan().key, tmp_path / "curves") == []
