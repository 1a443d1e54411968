"""What tasks of one process remember of a project: lent to one at a time, and never after a failure."""

from pathlib import Path

import pytest

from fsl.config import RunConfig
from fsl.project import Project
from fsl.store.objects import ObjectStore
from tasks.memory import past_of


@pytest.fixture
def projects(bucket_store: ObjectStore, tmp_path: Path) -> tuple[Project, Project]:
    """Two projects of one store."""
    first, second = (
        Project(name, bucket_store.within(f"{name}/"), RunConfig(project=name), tmp_path) for name in ("one", "two")
    )
    return first, second


def test_the_next_file_of_a_project_finds_what_the_last_one_learnt(projects: tuple[Project, Project]) -> None:
    with past_of(projects[0]) as first:
        pass
    with past_of(projects[0]) as second, past_of(projects[0]) as beside:
        assert second is first
        assert beside is not first


def test_another_project_knows_nothing_of_it(projects: tuple[Project, Project]) -> None:
    with past_of(projects[0]) as first:
        pass
    with past_of(projects[1]) as other:
        assert other is not first


def test_what_a_failed_file_learnt_is_not_believed(projects: tuple[Project, Project]) -> None:
    with past_of(projects[0]) as before:
        pass
    with pytest.raises(RuntimeError, match="broken"), past_of(projects[0]):
        raise RuntimeError("broken")
    with past_of(projects[0]) as after:
        assert after is not before
