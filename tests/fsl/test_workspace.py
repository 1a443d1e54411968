"""A person's project folder."""

import os
from pathlib import Path

import pytest

from fsl.config import StoreConfig
from fsl.errors import ConfigError
from fsl.project import open_project
from fsl.store.clients import Credentials
from fsl.workspace import (
    FolderInUse,
    FolderUnusable,
    NoWorkspace,
    UnknownTemplate,
    Workspace,
    find_workspace,
    init_workspace,
    store_environment,
    template_names,
)

TEMPLATES = Path(__file__).parents[2] / "fsl" / "templates"


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("template", template_names())
def test_a_new_project_is_a_copy_of_its_template_with_its_state_kept_out_of_git(tmp_path: Path, template: str) -> None:
    workspace = init_workspace(tmp_path / "new" / "project", template)

    assert contents(workspace.folder) == {**contents(TEMPLATES / template), ".gitignore": b".fsl/\n"}
    assert workspace.config.project == template


def test_the_four_templates_ship() -> None:
    assert template_names() == ("finance-entities", "finance-sentiment", "support-intents", "support-topics")


@pytest.mark.parametrize("name", ["", "..", "support", "/etc", "../templates/support-intents"])
def test_an_unknown_template_is_answered_with_those_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UnknownTemplate, match="There are: finance-entities, finance-sentiment, support-intents, support-topics"
    ):
        init_workspace(tmp_path / "new", name)

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("theirs", ["fsl.yaml", "data/day-1/labelled.jsonl"])
def test_a_folder_that_holds_a_file_of_that_name_is_left_as_it_was(tmp_path: Path, theirs: str) -> None:
    (tmp_path / theirs).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / theirs).write_bytes(b"mine")

    with pytest.raises(FolderInUse, match=rf"holds {theirs} already, and nothing was changed. Name another folder"):
        init_workspace(tmp_path, "support-intents")

    assert contents(tmp_path) == {theirs: b"mine"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"*.pyc\n", b"*.pyc\n.fsl/\n"),
        (b"*.pyc", b"*.pyc\n.fsl/\n"),
        (b"\xff\n.fsl/\n", b"\xff\n.fsl/\n"),
        (b"", b".fsl/\n"),
    ],
)
def test_a_gitignore_that_is_there_is_added_to(tmp_path: Path, before: bytes, after: bytes) -> None:
    (tmp_path / ".gitignore").write_bytes(before)

    init_workspace(tmp_path, "support-intents")

    assert (tmp_path / ".gitignore").read_bytes() == after


def test_a_folder_that_cannot_be_made_says_why_and_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")

    with pytest.raises(FolderUnusable, match=r"no project can be made in .*: (Not a directory|File exists)"):
        init_workspace(tmp_path / "file", "support-intents")

    assert contents(tmp_path) == {"file": b"mine"}


def test_what_was_copied_before_the_copying_failed_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").mkdir()  # read last, and no file

    with pytest.raises(FolderUnusable, match="Is a directory"):
        init_workspace(tmp_path, "support-intents")

    assert contents(tmp_path) == {}


def test_a_workspace_is_found_from_any_folder_below_it(tmp_path: Path) -> None:
    (tmp_path / "fsl.yaml").write_text("project: outer\n")
    (tmp_path / "inner" / "deep").mkdir(parents=True)

    assert find_workspace(tmp_path / "inner" / "deep") == Workspace(tmp_path.resolve())

    (tmp_path / "inner" / "fsl.yaml").write_text("project: inner\n")
    assert find_workspace(tmp_path / "inner" / "deep").config.project == "inner"


def test_a_folder_of_that_name_is_no_config(tmp_path: Path) -> None:
    (tmp_path / "fsl.yaml").mkdir()

    with pytest.raises(NoWorkspace, match=r"there is no fsl.yaml in .* or above it.*fsl init my-project"):
        find_workspace(tmp_path)


def test_the_config_is_read_anew_each_time(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "fsl.yaml").write_text("project: one\n")
    assert workspace.config.project == "one"

    (tmp_path / "fsl.yaml").write_text("project: two\nx: 1\n")
    with pytest.raises(ConfigError, match="line 2: x"):
        _ = workspace.config


def test_a_store_that_is_named_is_handed_to_child_processes_without_touching_the_aws_chain() -> None:
    config = StoreConfig(endpoint_url="http://127.0.0.1:9", bucket="b", region="eu-1", single_writer=True)

    assert store_environment(config) == {
        "FSL_STORE__ENDPOINT_URL": "http://127.0.0.1:9",
        "FSL_STORE__BUCKET": "b",
        "FSL_STORE__REGION": "eu-1",
        "FSL_STORE__SINGLE_WRITER": "true",
        "FSL_STORE__LOCK_FILE": None,
    }
    shared = config.model_copy(update={"lock_file": Path("/mnt/shared/fsl.lock")})
    assert store_environment(shared)["FSL_STORE__LOCK_FILE"] == "/mnt/shared/fsl.lock"


def test_the_embedded_stores_keys_push_out_a_session_of_somebodys_own() -> None:
    environment = store_environment(StoreConfig(endpoint_url="http://127.0.0.1:9"), Credentials("key", "secret"))

    assert {name: environment[name] for name in environment if name.startswith("AWS_")} == {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": None,
        "AWS_PROFILE": None,
    }


def test_the_environment_is_as_it_was_after_the_store_was_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fsl.yaml").write_text("project: a\nstore: {endpoint_url: 'http://127.0.0.1:9', bucket: b}\n")
    monkeypatch.setenv("FSL_STORE__REGION", "eu-1")
    monkeypatch.delenv("FSL_STORE__BUCKET", raising=False)
    before = dict(os.environ)

    def use() -> None:
        with Workspace(tmp_path).open_store() as store:
            assert store == StoreConfig(endpoint_url="http://127.0.0.1:9", bucket="b", region="eu-1")
            assert os.environ["FSL_STORE__BUCKET"] == "b"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()
    assert dict(os.environ) == before


def test_the_first_use_needs_nothing_but_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody's day job")
    for name in ("FSL_STORE__ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    workspace = init_workspace(tmp_path / "p", "support-intents")
    before = dict(os.environ)

    with workspace.open() as project:
        project.store.put("inbox/note.jsonl", b"{}")
        # Another process knows the project's name and this environment, and no more.
        seen_by_worker = open_project("support-intents")
        assert seen_by_worker.store.get("inbox/note.jsonl") == b"{}"
        assert seen_by_worker.config.learning == workspace.config.learning
        assert seen_by_worker.config.store == project.config.store
        assert "AWS_SESSION_TOKEN" not in os.environ

    assert dict(os.environ) == before
