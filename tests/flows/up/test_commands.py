"""`fsl up`, `down` and `status` where they cannot do what they are asked: a sentence, a next step, nothing started."""

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli import app
from flows.up.parts import Site
from flows.up.ports import choose_port
from fsl.workspace import Workspace, init_workspace

Fsl = Callable[..., tuple[int, str, str]]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project, entered."""
    made = init_workspace(tmp_path / "project", "support-intents")
    monkeypatch.chdir(made.folder)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return made


@pytest.fixture
def fsl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fsl:
    """Run the command; returns exit status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fsl", *arguments])
        with pytest.raises(SystemExit) as ended:
            app()
        captured = capsys.readouterr()
        return int(str(ended.value.code or 0)), captured.out, " ".join(captured.err.split())

    return run


def test_a_port_of_the_config_that_is_taken_is_named_and_nothing_is_started(fsl: Fsl, workspace: Workspace) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with workspace.config_file.open("a") as file:
            file.write(f"\nup: {{ports: {{prefect: {port}}}}}\n")

        status, _, err = fsl("up")

    assert status == 1
    assert f"port {port} of 127.0.0.1 is taken, and `up.ports.prefect` names it. Nothing was started." in err
    assert not (workspace.state / "store").exists()
    assert not (workspace.state / "up" / "state.json").exists()


def test_without_a_named_port_a_taken_one_is_passed_over_and_a_free_one_is_kept(tmp_path: Path) -> None:
    first = choose_port("prefect", tmp_path, {})
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", first))
        busy.listen()
        other = choose_port("prefect", tmp_path, {})

    assert first != other
    assert choose_port("prefect", tmp_path, {}) == first


def test_a_secret_that_is_too_short_starts_nothing(
    fsl: Fsl, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSL_ARRIVAL_SECRET", "hunter2")

    status, _, err = fsl("up")

    assert status == 1
    assert "FSL_ARRIVAL_SECRET has 7 characters, and 16 are the least" in err
    assert not (workspace.state / "store").exists()


def test_where_nothing_is_up_status_says_what_does_not_run_and_how_it_would(fsl: Fsl, workspace: Workspace) -> None:
    status, out, _ = fsl("status", "--json")

    facts = json.loads(out)
    assert (status, facts["up"]) == (1, False)
    assert facts["faults"] == [
        "nothing is up here, so nothing runs by itself: cycle (0 * * * *), housekeeping (30 4 * * *), in UTC"
    ]


def test_down_where_nothing_is_up_says_so_and_changes_nothing(fsl: Fsl, workspace: Workspace) -> None:
    before = sorted(workspace.folder.rglob("*"))

    status, out, _ = fsl("down")

    assert status == 0
    assert "nothing was up here" in out
    assert sorted(workspace.folder.rglob("*")) == before


def test_deploy_without_any_server_says_how_to_name_or_start_one(fsl: Fsl, workspace: Workspace) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: None}):
        status, _, err = fsl("deploy")

    assert status == 1
    assert "no Prefect server is named, and nothing was registered" in err
    assert "or start one of this project's own: fsl up" in err


def test_a_site_keeps_its_ports_apart(workspace: Workspace) -> None:
    site = Site.choose(workspace, workspace.config)

    assert len({site.prefect_port, site.arrival_port, site.dashboard_port}) == 3
    assert site.api == f"http://127.0.0.1:{site.prefect_port}/api"
