"""A project in a folder of its own, on the session's store, and the command that a person would type there."""

import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fsl.cli import app
from fsl.config import StoreConfig
from fsl.store.embedded.server import Endpoint

Fsl = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def project_name(s3: Endpoint, store_config: StoreConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Enter the folder of a fresh project and return its name."""
    name = f"tickets-{uuid.uuid4().hex[:12]}"
    (tmp_path / "fsl.yaml").write_text(f"project: {name}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    environment = {
        "FSL_STORE__ENDPOINT_URL": s3.url,
        "FSL_STORE__BUCKET": store_config.bucket,
        "AWS_ACCESS_KEY_ID": s3.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.credentials.secret_key,
        "FSL_CACHE_DIR": str(tmp_path / "cache"),
    }
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    return name


@pytest.fixture
def fsl(project_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fsl:
    """Run a command; returns the exit status, what it printed (JSON as values), and its errors."""

    def run(*arguments: str) -> tuple[int, Any, str]:
        monkeypatch.setattr(sys, "argv", ["fsl", *arguments])
        with pytest.raises(SystemExit) as ended:
            app()
        captured = capsys.readouterr()
        out = json.loads(captured.out) if "--json" in arguments else captured.out
        return int(str(ended.value.code or 0)), out, " ".join(captured.err.split())

    return run
