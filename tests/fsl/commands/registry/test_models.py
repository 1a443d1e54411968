"""`fsl models` as a person types it: what is said, what is done, and what wrong input leaves as it was."""

import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from fsl.config import StoreConfig
from fsl.project import Project
from fsl.promotion.promote import why_barred
from fsl.store import layout
from fsl.store.aliases import current_move, list_aliases, read_moves, rollback
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore
from fsl.store.registry import list_versions
from fsl.workspace import Workspace, open_both

Fsl = Callable[..., tuple[int, str, str]]
Publish = Callable[..., None]
Facts = Callable[..., Any]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def everything(project: Project) -> dict[str, bytes]:
    return {info.key: project.store.get(info.key) for info in project.store.list()}


def champion(project: Project) -> str | None:
    move = current_move(project.registry, "champion")
    return move.version if move else None


def test_a_new_project_says_what_to_do_first(fsl: Fsl, workspace: Workspace) -> None:
    assert fsl("models", "ls")[1] == "there is no version yet next: fsl retrain"
    assert "no version was ever the champion" in fsl("models", "log")[1]
    assert "read 0 versions" in fsl("models", "verify")[1]


def test_a_person_promotes_what_the_gate_refused_and_goes_back(
    fsl: Fsl, facts: Facts, project: Project, publish: Publish
) -> None:
    publish(project, "v1")
    publish(project, "v2", "reject")

    status, out, _ = fsl("models", "promote", "v1", "--reason", "the first")
    assert (status, out.split(" next: ")) == (0, ["the champion is v1 now (move 1)", "fsl models log"])
    status, out, _ = fsl("models", "promote", "v2", "--reason", "new fees, 中文")
    assert out.startswith("the champion is v2 now (move 2), in place of v1 the gate had said: reject")

    status, out, _ = fsl("models", "rollback", "--reason", "wrong on refunds")
    assert (status, out) == (0, "the champion is v1 again (move 3); v2 was left next: fsl models log")
    moves = read_moves(project.registry, "champion")
    assert [move.verdict for move in moves] == ["override", "override", "rollback"]
    assert moves[1].why == "new fees, 中文"
    assert moves[1].who.startswith("person:")
    assert [fact["champion"] for fact in facts("models", "ls")] == [True, False]
    assert "new fees, 中文" in fsl("models", "log")[1]


def test_what_a_rollback_left_is_promoted_only_when_that_is_said(fsl: Fsl, project: Project, publish: Publish) -> None:
    for version in ("v1", "v2"):
        publish(project, version)
        fsl("models", "promote", version, "--reason", "because")
    fsl("models", "rollback", "--reason", "wrong on refunds")

    status, _, err = fsl("models", "promote", "v2", "--reason", "again")

    assert status == 1
    assert "v2 was left by person:" in err
    assert "wrong on refunds" in err
    assert "nothing was moved" in err
    assert champion(project) == "v1"
    assert why_barred(project, "v2") is not None
    assert fsl("models", "promote", "v2", "--reason", "mended", "--despite-rollback")[0] == 0
    assert champion(project) == "v2"
    assert why_barred(project, "v2") is None


WRONG_MOVES = {
    ("promote", "v1"): "'champion' names v1 already (move 1), so nothing was moved",
    ("promote", "v9"): "there is no version 'v9'",
    ("promote", "../v1"): "'../v1' cannot be a version",
    ("tag", "v1", "champion"): "it serves, and `fsl models promote VERSION` moves it",
    ("tag", "v1", "challenger"): "every retrain moves it",
    ("tag", "v1", "../summer"): "'../summer' cannot be an alias",
    ("tag", "v9", "summer"): "there is no version 'v9'",
    ("rollback",): "'champion' has named no version but 'v1'",
    ("rollback", "--alias", "summer"): "the alias 'summer' names no version",
}


def test_wrong_input_to_a_move_is_a_sentence_and_moves_nothing(fsl: Fsl, project: Project, publish: Publish) -> None:
    publish(project, "v1")
    fsl("models", "promote", "v1", "--reason", "the first")
    before = everything(project)

    for arguments, words in WRONG_MOVES.items():
        status, out, err = fsl("models", *arguments, "--reason", "why not")

        assert (status, out) == (1, "")
        assert words in err
    assert everything(project) == before


def test_an_alias_of_ones_own_has_a_log_and_a_way_back(
    fsl: Fsl, facts: Facts, project: Project, publish: Publish
) -> None:
    for version in ("v1", "v2"):
        publish(project, version)
        assert fsl("models", "tag", version, "summer", "--reason", "for the fair")[0] == 0

    assert "'summer' is v1 again (move 3)" in fsl("models", "rollback", "--alias", "summer", "--reason", "x")[1]
    assert [fact["aliases"] for fact in facts("models", "ls")] == [["summer"], []]
    assert [fact["version"] for fact in facts("models", "log", "--alias", "summer")] == ["v1", "v2", "v1"]
    assert "the alias 'winter' names no version" in fsl("models", "log", "--alias", "winter")[2]
    assert champion(project) is None


def test_one_version_that_cannot_be_read_hides_no_other(
    fsl: Fsl, facts: Facts, project: Project, publish: Publish
) -> None:
    publish(project, "v1")
    publish(project, "v2")
    project.store.put(layout.manifest("v1"), b"{")
    project.store.put(layout.move("summer", 1), b"{")

    status, out, _ = fsl("models", "ls")

    assert status == 0
    assert "cannot be read" in out
    assert "v1/manifest.json is damaged" in out
    assert "the moves of alias 'summer' cannot be trusted" in out
    assert "fsl models verify" in out
    assert {fact["version"]: fact["verdict"] for fact in facts("models", "ls")} == {"v1": None, "v2": "promote"}


def test_verify_ends_with_a_status_that_a_script_can_see(fsl: Fsl, project: Project, publish: Publish) -> None:
    publish(project, "v1")
    publish(project, "v2")
    status, out, _ = fsl("models", "verify")
    assert (status, "read 2 versions (0 signed by a listed key), 3 files" in out) == (0, True)
    assert "everything holds" in out

    project.store.delete(next(info.key for info in project.store.list(layout.BLOBS) if info.size == 700))

    status, out, _ = fsl("models", "verify")
    assert status == 1
    assert "v1, v2 cannot be loaded" in out
    assert "what does not hold: 1 thing" in out
    assert fsl("models", "verify", "v2")[0] == 1
    assert "no version 'v9'" in fsl("models", "verify", "v9")[2]


def test_gc_keeps_to_the_config_and_a_dry_run_changes_nothing(
    fsl: Fsl, facts: Facts, project: Project, workspace: Workspace, publish: Publish
) -> None:
    for version in ("v1", "v2"):  # made long ago
        publish(project, version)
    fsl("models", "promote", "v1", "--reason", "the first")
    before = everything(project)

    dry = facts("models", "gc", "--dry-run")
    assert (dry["kept"], dry["marked"], dry["dry_run"]) == (["v1"], [layout.manifest("v2")], True)
    assert everything(project) == before

    assert facts("models", "gc")["marked"] == [layout.manifest("v2")]
    assert facts("models", "gc")["waiting"] == [layout.manifest("v2")]
    with workspace.config_file.open("a") as file:
        file.write("registry: {keep_days: 1000000}\n")
    kept = facts("models", "gc", "--alone", "--grace-hours", "0")
    assert (kept["kept"], kept["removed"]) == (["v1", "v2"], [])


def test_gc_removes_at_once_for_one_who_is_alone(fsl: Fsl, facts: Facts, project: Project, publish: Publish) -> None:
    publish(project, "v1")
    status, _, err = fsl("models", "gc", "--grace-hours", "0.5")
    assert (status, "Nothing was removed" in err) == (1, True)

    fsl("models", "gc", "--alone", "--grace-hours", "0")
    fsl("models", "gc", "--alone", "--grace-hours", "0")

    assert list_versions(project.registry) == ()


def test_a_new_key_is_listed_signs_and_is_seen(
    fsl: Fsl, facts: Facts, workspace: Workspace, publish: Publish, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    status, out, _ = fsl("models", "keygen", tmp_path / "key.pem", "--name", "Zoë 退款")
    assert status == 0
    assert "PRIVATE" not in out
    assert f"export FSL_SIGNING_KEY={tmp_path / 'key.pem'}" in out
    made = facts("models", "keygen", tmp_path / "other.pem", "--name", "ops", "--may", "promote")
    assert made["key"]["may"] == ["promote"]
    assert "it cannot be made: File exists" in fsl("models", "keygen", tmp_path / "key.pem", "--name", "x")[2]

    lines = yaml.safe_dump(
        {"registry": {"require_signature": True, "keys": [made["key"] | {"may": ["publish", "promote"]}]}}
    )
    with workspace.config_file.open("a", encoding="utf-8") as file:
        file.write(lines)
    monkeypatch.setenv("FSL_SIGNING_KEY", str(tmp_path / "other.pem"))
    with workspace.open() as project:
        publish(project, "v1")
    fsl("models", "promote", "v1", "--reason", "signed")

    assert facts("models", "ls")[0]["signed_by"] == "ops"
    assert facts("models", "log")[0]["signed_by"] == "ops"
    assert "1 move (1 signed)" in fsl("models", "verify")[1]
    monkeypatch.delenv("FSL_SIGNING_KEY")
    status, _, err = fsl("models", "rollback", "--reason", "x")
    assert status == 1
    status, _, err = fsl("models", "tag", "v1", "summer", "--reason", "x")
    assert "is not trusted: it is not signed" in err


def test_a_version_goes_out_in_a_folder_and_comes_in_elsewhere(
    fsl: Fsl,
    facts: Facts,
    project: Project,
    publish: Publish,
    new_workspace: Callable[..., Workspace],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    publish(project, "v1")
    status, out, _ = fsl("models", "export", "v1", tmp_path / "v1")
    assert (status, "2 files" in out) == (0, True)
    assert "never writes over anything" in fsl("models", "export", "v1", tmp_path / "v1")[2]
    other = new_workspace("other")
    monkeypatch.chdir(other.folder)

    status, out, _ = fsl("models", "import", tmp_path / "v1")

    assert status == 0
    assert "imported v1: 2 files, each proven by its digest; 2 of them sent" in out
    assert 'next: fsl models show v1 fsl models promote v1 --reason "…"' in out
    assert facts("models", "import", tmp_path / "v1")["was_there"] is True
    assert "Nothing was imported" in fsl("models", "import", tmp_path)[2]
    assert "there is no such folder" in fsl("models", "import", tmp_path / "nowhere")[2]


@pytest.fixture(scope="module")
def other_bucket(s3: Endpoint, store_config: StoreConfig) -> str:
    name = f"{store_config.bucket}-other"
    config = store_config.model_copy(update={"bucket": name})
    ObjectStore.connect(config, credentials=s3.credentials).ensure_bucket()
    return name


def test_a_version_is_copied_into_another_bucket_and_promoted_there(
    fsl: Fsl,
    facts: Facts,
    workspace: Workspace,
    project: Project,
    publish: Publish,
    new_workspace: Callable[..., Workspace],
    other_bucket: str,
) -> None:
    publish(project, "v1")
    production = new_workspace("production", bucket=other_bucket)
    with open_both(workspace, production) as (_, there):
        pass

    status, out, _ = fsl("models", "copy", "v1", "--to", production.folder)
    assert status == 0
    assert "copied v1: 2 files, each proven by its digest; 2 of them sent" in out
    assert list_aliases(there.registry) == ()
    assert (
        "'summer' is v1 now (move 1)" in fsl("models", "copy", "v1", "--to", production.folder, "--alias", "summer")[1]
    )

    copied = facts("models", "copy", "v1", "--to", production.config_file, "--promote")

    assert (copied["was_there"], copied["files_sent"]) == (True, 0)
    (move,) = read_moves(there.registry, "champion")
    assert (move.version, move.why) == ("v1", f"copied from {project.store.where()}")
    assert facts("models", "copy", "v1", "--to", production.folder, "--promote")["moves"] == []
    assert champion(project) is None
    assert "FSL_STORE__BUCKET" not in os.environ


def test_a_copy_that_cannot_be_is_a_sentence(
    fsl: Fsl,
    project: Project,
    publish: Publish,
    workspace: Workspace,
    new_workspace: Callable[..., Workspace],
    tmp_path: Path,
) -> None:
    publish(project, "v1")
    production = new_workspace("production", more="registry: {max_version_gb: 0.0000001}\n")

    assert "there is nothing to copy" in fsl("models", "copy", "v1", "--to", ".")[2]
    assert f"there is no fsl.yaml in {tmp_path}" in fsl("models", "copy", "v1", "--to", tmp_path)[2]
    assert "no version 'v9'" in fsl("models", "copy", "v9", "--to", production.folder)[2]
    assert "`registry.max_version_gb` allows 1e-07 GB" in fsl("models", "copy", "v1", "--to", production.folder)[2]
    status, _, err = fsl("models", "copy", "v1", "--to", production.folder, "--profile", f"none-{uuid.uuid4().hex}")
    assert status == 1
    assert "profile" in err
    with production.open() as there:
        assert list_versions(there.registry) == ()


def test_what_was_left_there_is_neither_copied_nor_promoted_unasked(
    fsl: Fsl, project: Project, publish: Publish, new_workspace: Callable[..., Workspace]
) -> None:
    production = new_workspace("production")
    with production.open() as there:
        for version in ("v1", "v2"):
            publish(project, version)
            fsl("models", "copy", version, "--to", production.folder, "--promote")
        rollback(there.registry, "champion", who="mei", why="wrong on refunds", now=NOW)

        status, _, err = fsl("models", "copy", "v2", "--to", production.folder, "--promote")

        assert (status, "v2 was left by mei in move 3" in err) == (1, True)
        assert champion(there) == "v1"
        fsl("models", "copy", "v2", "--to", production.folder, "--promote", "--despite-rollback")
        assert champion(there) == "v2"
