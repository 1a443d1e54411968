"""The command line as a person uses it: in a project's folder, on a real store."""

import functools
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fsl.cli import app
from fsl.project import Project
from fsl.store.embedded.server import Endpoint
from fsl.store.registry import publish_version
from fsl.workspace import Workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

Fsl = Callable[..., tuple[int, str, str]]
Publish = Callable[..., None]


@pytest.fixture(scope="session", autouse=True)
def descriptions_read_once() -> Iterator[None]:
    """A command opens a client of its own, and boto3 reads megabytes of JSON for each: here it reads them once."""
    from botocore.loaders import JSONFileLoader

    load = JSONFileLoader.load_file
    load_once = functools.cache(lambda path: load(JSONFileLoader(), path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda self, path: load_once(path))
        yield


@pytest.fixture
def fsl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fsl:
    """Run the command; returns exit status, output and errors, each in one line."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fsl", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            app()
        captured = capsys.readouterr()
        return int(str(ended.value.code or 0)), " ".join(captured.out.split()), " ".join(captured.err.split())

    return run


@pytest.fixture
def facts(fsl: Fsl) -> Callable[..., Any]:
    """Run the command with `--json`, and return what it says."""

    def run(*arguments: object) -> Any:
        _, out, _ = fsl(*arguments, "--json")
        return json.loads(out)

    return run


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that the store is probed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def new_workspace(
    s3: Endpoint, store_config: Any, cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Workspace]:
    """Make a project's folder that names the session's store."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.credentials.secret_key)
    monkeypatch.setenv("FSL_CACHE_DIR", str(cache_folder))
    monkeypatch.setenv("COLUMNS", "300")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "FSL_SIGNING_KEY", "FSL_SIGNING_KEY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)

    def make(folder: str, *, bucket: str = store_config.bucket, more: str = "", project: str = "") -> Workspace:
        path = tmp_path / folder
        path.mkdir()
        project = project or f"{folder}-{uuid.uuid4().hex[:12]}"
        text = f"project: {project}\nstore: {{endpoint_url: {s3.url}, bucket: {bucket}}}\n{more}"
        (path / "fsl.yaml").write_text(text, encoding="utf-8")
        return Workspace(path)

    return make


@pytest.fixture
def workspace(new_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project, entered."""
    made = new_workspace("tickets")
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def project(workspace: Workspace) -> Project:
    """The same, opened once; the environment is left as it was."""
    with workspace.open() as opened:
        return opened


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """Publish a small version with a verdict."""

    def run(project: Project, version: str, outcome: str = "promote") -> None:
        bundle = tmp_path / "bundles" / version
        bundle.mkdir(parents=True, exist_ok=True)
        (bundle / "encoder.onnx").write_bytes(b"weights" * 100)
        (bundle / "labels.json").write_text(f'["{version}", "退款"]', encoding="utf-8")
        facts = {"verdict": {"outcome": outcome, "champion": None, "reasons": ["47 of 50 right"]}, "snapshot": "5eed"}
        publish_version(project.registry, version, bundle, facts=facts, now=NOW)

    return run
