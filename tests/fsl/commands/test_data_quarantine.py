"""`fsl data quarantine` and `set-aside`: what waits, what was mended since, and a file that is moved out of the way."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fsl.cli import app
from fsl.data.intake import ingest_object
from fsl.store import layout
from fsl.store.embedded.server import Endpoint
from fsl.workspace import Workspace, init_workspace

Fsl = Callable[..., Any]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path, s3: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project on the session's server, entered."""
    made = init_workspace(tmp_path / "project", "support-intents")
    for name, value in {
        "FSL_STORE__ENDPOINT_URL": s3.url,
        "FSL_STORE__BUCKET": "fsl-tests",
        "FSL_PROJECT": f"quarantine-{abs(hash(tmp_path))}",
        "FSL_DATA__NEW_LABEL_MIN_ROWS": "2",
        "FSL_CACHE_DIR": str(tmp_path / "cache"),
        "AWS_ACCESS_KEY_ID": s3.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.credentials.secret_key,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def fsl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fsl:
    """Run the command with --json; returns what it says."""

    def run(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["fsl", *arguments, "--json"])
        with pytest.raises(SystemExit):
            app()
        return json.loads(capsys.readouterr().out)

    return run


def _take_in(workspace: Workspace, name: str, data: bytes) -> None:
    with workspace.open() as project:
        project.store.put(layout.inbox(name), data)
        ingest_object(project.store, project.config, layout.inbox(name), now=NOW)


def test_an_exported_row_that_is_mended_and_dropped_again_waits_no_longer(fsl: Fsl, workspace: Workspace) -> None:
    good = [{"text": f"{label} number {index}", "label": label} for label in ("refund", "track") for index in range(3)]
    bad = {"text": "pay me back", "label": "refnd"}
    _take_in(workspace, "a.jsonl", "".join(json.dumps(row) + "\n" for row in [*good, bad]).encode())

    before = fsl("data", "quarantine", "--export", "mend.jsonl")
    _take_in(workspace, "mended.jsonl", Path("mend.jsonl").read_bytes().replace(b"refnd", b"refund"))
    after = fsl("data", "quarantine")

    assert (before["rows"], before["cleared"], before["reasons"]) == (1, 0, {"label_unknown": 1})
    assert (after["rows"], after["cleared"], after["reasons"]) == (0, 1, {})


def test_a_file_set_aside_is_listed_with_its_reason(fsl: Fsl, workspace: Workspace) -> None:
    with workspace.open() as project:
        project.store.put(layout.inbox("junk.jsonl"), b"no\n")

    moved = fsl("data", "set-aside", "junk.jsonl", "--reason", "a [red]shopping list\x1b[31m")
    again = fsl("data", "set-aside", "junk.jsonl", "--reason", "twice")

    assert moved["where"].endswith("/junk.jsonl")
    assert again["error"] == "NotInInbox"
    (file,) = fsl("data", "quarantine")["files"]
    assert (file["name"], file["size"], file["reason"]) == ("junk.jsonl", 3, "a [red]shopping list\x1b[31m")
