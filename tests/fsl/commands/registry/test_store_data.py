"""`fsl store migrate`, `backup` and `restore` as a person types them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fsl.project import Project, connect
from fsl.store.objects import ObjectStore
from fsl.workspace import Workspace

Fsl = Callable[..., tuple[int, str, str]]
Facts = Callable[..., Any]
Publish = Callable[..., None]

GOLDEN = Path(__file__).parents[3] / "golden" / "layout-1"


def everything(store: ObjectStore) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for info in store.list()}


@pytest.fixture
def elsewhere(
    project: Project, new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> ObjectStore:
    """The same project's folder on another machine, entered; it names another bucket, where nothing of it lies."""
    bucket = f"{project.store.bucket}-other"
    made = new_workspace("elsewhere", bucket=bucket, project=project.name, more="gate: {alpha: 0.01}\n")
    monkeypatch.chdir(made.folder)
    return connect(made.config.store, project.name)


def test_a_project_is_backed_up_and_restored_elsewhere(
    fsl: Fsl, facts: Facts, project: Project, publish: Publish, elsewhere: ObjectStore, tmp_path: Path
) -> None:
    publish(project, "v1")
    here = tmp_path / "tickets"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        fsl("models", "promote", "v1", "--reason", "the first")
        status, out, _ = fsl("store", "backup", tmp_path / "safe")
        assert (status, "; new to it: 6 (" in out) == (0, True)
        assert out.endswith(f"next: fsl store restore {tmp_path / 'safe'} # into an empty bucket")
        again = facts("store", "backup", tmp_path / "safe", "--without", "inbox", "--without", "predictions")
        assert (again["n_objects"], again["n_new"], again["damaged"]) == (6, 0, [])
        before = everything(project.store)

    status, out, _ = fsl("store", "restore", tmp_path / "safe", "--at", "20")

    assert status == 0
    assert f"{project.name} is back as it was at 20" in out
    assert "6 objects sent (" in out
    assert "the backup was made without: inbox, predictions" in out
    assert "its config differs from this folder's fsl.yaml" in out
    assert out.endswith("next: fsl models verify fsl models ls")
    assert everything(elsewhere) == before
    assert facts("store", "restore", tmp_path / "safe")["objects_sent"] == 0
    assert "everything holds" in fsl("models", "verify")[1]
    assert facts("models", "ls")[0]["champion"] is True


def test_a_backup_in_a_bucket_is_named_by_its_address(
    fsl: Fsl, project: Project, publish: Publish, workspace: Workspace
) -> None:
    publish(project, "v1")

    status, out, _ = fsl("store", "backup", f"s3://{project.store.bucket}/{project.name}-safe")

    assert (status, "; new to it: 5 (" in out) == (0, True)
    assert f"/{project.store.bucket}/{project.name}-safe/" in out
    for place in ("s3://", "s3://bucket", "s3:/bucket/x", "s3://bucket/x?y"):
        assert "is no place for backups" in fsl("store", "backup", place)[2]
    status, _, err = fsl("store", "backup", f"s3://{project.store.bucket}/{project.name}/safe")
    assert (status, "lies inside the project itself" in err) == (1, True)


def test_wrong_input_to_backup_and_restore_is_a_sentence_and_changes_nothing(
    fsl: Fsl, project: Project, workspace: Workspace, tmp_path: Path
) -> None:
    before = everything(project.store)

    assert (
        "cannot do without 'pool', only without predictions or inbox"
        in fsl("store", "backup", tmp_path / "safe", "--without", "pool")[2]
    )
    assert "it has no index" in fsl("store", "restore", tmp_path / "nowhere")[2]
    fsl("store", "backup", tmp_path / "safe")
    project.store.put("inbox/new.csv", b"text")
    status, _, err = fsl("store", "restore", tmp_path / "safe")
    assert (status, "inbox/new.csv is not in the backup, and a restore never writes over anything" in err) == (1, True)
    damaged = max((tmp_path / "safe" / "objects").iterdir())
    damaged.write_bytes(b"?")
    assert "the backup is damaged" in fsl("store", "restore", tmp_path / "safe")[2]
    assert everything(project.store) == before | {"inbox/new.csv": b"text"}


def test_damage_in_the_project_is_told_with_a_status(
    fsl: Fsl, project: Project, publish: Publish, tmp_path: Path
) -> None:
    publish(project, "v1")
    project.store.delete(next(info.key for info in project.store.list("models/blobs/")))

    status, out, _ = fsl("store", "backup", tmp_path / "safe")

    assert status == 1
    assert "damaged in the project itself, and backed up as it is: " in out


def test_an_older_layout_is_migrated_without_being_opened(
    fsl: Fsl, facts: Facts, new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = new_workspace("old")
    monkeypatch.chdir(made.folder)
    store = connect(made.config.store, made.config.project)
    for path in sorted(path for path in GOLDEN.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.name == "layout.json":
            data = data.replace(b'"bank-help"', f'"{made.config.project}"'.encode())
        store.put(path.relative_to(GOLDEN).as_posix(), data)
    status, _, err = fsl("models", "ls")
    assert (status, "fsl store migrate" in err) == (1, True)

    assert fsl("store", "backup", tmp_path / "before")[0] == 0
    status, out, _ = fsl("store", "migrate")

    assert (status, out.startswith("layout 1 to 2: the registry has an id now")) == (0, True)
    assert facts("store", "migrate")["done"] == []
    assert "everything holds" in fsl("models", "verify")[1]


def test_migrating_what_is_not_there_is_a_sentence(
    fsl: Fsl, new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_workspace("empty")
    monkeypatch.chdir(made.folder)

    status, _, err = fsl("store", "migrate")

    assert (status, "there is no project in" in err) == (1, True)
    assert everything(connect(made.config.store, made.config.project)) == {}
