"""`fsl models curves` as a person types it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fsl.project import Project
from fsl.store import layout
from fsl.store.registry import publish_version

Fsl = Callable[..., tuple[int, str, str]]


def publish_made_by(project: Project, version: str, retrain_key: str, folder: Path) -> None:
    folder.mkdir()
    (folder / "model.json").write_text("{}")
    publish_version(project.registry, version, folder, facts={"retrain_key": retrain_key})


def test_the_curves_of_a_version_are_fetched_for_tensorboard(
    fsl: Fsl, facts: Callable[..., Any], project: Project, tmp_path: Path
) -> None:
    publish_made_by(project, "v1", "k1", tmp_path / "v1")
    project.store.put(layout.step("k1", "curves-student.tfevents"), b"numbers")

    found = facts("models", "curves", "v1")
    _, shown, _ = fsl("models", "curves", "v1")

    (file,) = found["files"]
    assert Path(file).read_bytes() == b"numbers"
    assert Path(file).parts[-4:] == ("curves", "v1", "student", "events.out.tfevents.fsl")
    assert "next: tensorboard --logdir " in shown


def test_a_version_without_curves_says_why_there_may_be_none(fsl: Fsl, project: Project, tmp_path: Path) -> None:
    publish_made_by(project, "v1", "k1", tmp_path / "v1")

    status, shown, _ = fsl("models", "curves", "v1")

    assert status == 0
    assert "no curves of v1 are there: `learning.tracking` names another or none" in shown
