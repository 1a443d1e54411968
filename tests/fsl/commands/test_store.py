"""`fsl store` as a person runs it, in a project of its own."""

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fsl.cli import app
from fsl.config import StoreConfig
from fsl.store.errors import AccessRefused
from fsl.store.objects import ObjectStore
from fsl.store.roles import build_policy, find_role
from fsl.workspace import Workspace, init_workspace

Fsl = Callable[..., tuple[int, str, str]]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project, entered."""
    made = init_workspace(tmp_path / "project", "support-intents")
    monkeypatch.chdir(made.folder)
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


def secret_of(workspace: Workspace, name: str) -> str:
    identities = json.loads((workspace.state / "store" / "s3.json").read_text())["identities"]
    secret: str = next(each for each in identities if each["name"] == name)["credentials"][0]["secretKey"]
    return secret


def test_policy_prints_what_a_role_may_do_in_this_project(fsl: Fsl, workspace: Workspace) -> None:
    status, out, _ = fsl("store", "policy", "trainer", "--json")
    _, shown, _ = fsl("store", "policy", "trainer")

    assert status == 0
    assert json.loads(out) == build_policy(find_role("trainer"), "fsl", workspace.config.project)
    # What is shown is sound JSON too, whatever the width of the terminal.
    assert json.loads(shown[shown.index("{") : shown.rindex("}") + 1]) == json.loads(out)
    assert "fsl store policy trainer --json > trainer.json" in shown


def test_policy_for_a_principal_is_a_bucket_policy(fsl: Fsl, workspace: Workspace) -> None:
    arn = "arn:aws:iam::111122223333:role/serving"

    _, out, _ = fsl("store", "policy", "server", "--principal", arn, "--json")

    assert {statement["Principal"]["AWS"] for statement in json.loads(out)["Statement"]} == {arn}


def test_an_unknown_role_is_told_which_there_are(fsl: Fsl, workspace: Workspace) -> None:
    for verb in ("policy", "grant"):
        status, _, err = fsl("store", verb, "admin")

        assert status == 1
        assert "there is no role 'admin'. There are: dropper, trainer, promoter, server" in err
    assert not workspace.state.exists()


def test_grant_keeps_the_secret_in_a_file_of_the_owner_alone(fsl: Fsl, workspace: Workspace) -> None:
    _, first, _ = fsl("store", "grant", "dropper", "--json")
    secret = secret_of(workspace, "dropper")
    _, again, _ = fsl("store", "grant", "dropper")

    file = Path(json.loads(first)["credentials_file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "[dropper]\naws_access_key_id = fsl" in file.read_text()
    assert secret in file.read_text()
    assert secret == secret_of(workspace, "dropper")
    assert secret not in first + again
    assert "profile dropper" in again.replace("\n", " ")


def test_grant_leaves_other_roles_and_the_owner_as_they_were(fsl: Fsl, workspace: Workspace) -> None:
    fsl("store", "grant", "dropper")
    before = {name: secret_of(workspace, name) for name in ("fsl", "dropper")}

    fsl("store", "grant", "server")

    assert {name: secret_of(workspace, name) for name in before} == before
    identities = json.loads((workspace.state / "store" / "s3.json").read_text())
    assert [each["name"] for each in identities["identities"]] == ["fsl", "dropper", "server"]
    assert [each["name"] for each in identities["policies"]] == ["dropper", "server"]


def test_where_another_store_is_named_nothing_is_granted(
    fsl: Fsl, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSL_STORE__ENDPOINT_URL", "https://s3.example.org")

    status, _, err = fsl("store", "grant", "dropper")

    assert status == 1
    assert "this project's store is https://s3.example.org" in err
    assert "nothing was done" in err
    assert not workspace.state.exists()


def test_the_server_by_hand_from_start_to_stop(fsl: Fsl, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fsl("store", "grant", "server")
    _, started, _ = fsl("store", "start", "--json")
    facts = json.loads(started)
    try:
        status, shown, _ = fsl("store", "status")
        config = StoreConfig(endpoint_url=facts["endpoint_url"], bucket=facts["bucket"])
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", facts["credentials_file"])
        monkeypatch.setenv("AWS_PROFILE", facts["profile"])
        owner = ObjectStore.connect(config, prefix=facts["prefix"])  # by the AWS chain, as any client does
        owner.put("models/blobs/a", b"1")
        monkeypatch.setenv("AWS_PROFILE", "server")
        server = ObjectStore.connect(config, prefix=facts["prefix"])

        assert status == 0
        assert f"{facts['endpoint_url']} (pid {facts['pid']}); a write works" in " ".join(shown.split())
        assert f"AWS_SHARED_CREDENTIALS_FILE={facts['credentials_file']} AWS_PROFILE=fsl aws" in shown
        assert Path(facts["log"]).is_file()
        assert Path(facts["data"]).is_dir()
        for name in ("fsl", "server"):
            assert secret_of(workspace, name) not in started + shown
        assert server.get("models/blobs/a") == b"1"
        with pytest.raises(AccessRefused):
            server.put("models/blobs/a", b"2")

        with workspace.open_store():  # another command comes and goes; what was started by hand stays
            pass
        again = json.loads(fsl("store", "start", "--json")[1])
        assert again == facts

        identities = workspace.state / "store" / "s3.json"
        identities.write_text(identities.read_text().replace(secret_of(workspace, "fsl"), "another-secret"))
        status, shown, _ = fsl("store", "status")
        assert status == 1
        assert "no write works: " in shown
        assert f"tail {facts['log']}" in shown
    finally:
        stopped = fsl("store", "stop", "--json")

    assert json.loads(stopped[1])["stopped"] is True
    assert not psutil.pid_exists(facts["pid"])
    assert fsl("store", "status")[0] == 1
    assert "no embedded server was running" in fsl("store", "stop")[1]


@pytest.mark.parametrize("verb", ["start", "status", "stop"])
def test_where_another_store_is_named_there_is_no_server_to_handle(
    fsl: Fsl, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("FSL_STORE__ENDPOINT_URL", "https://s3.example.org")

    status, _, err = fsl("store", verb)

    assert status == 1
    assert "this project's store is https://s3.example.org (`store.endpoint_url`), not an embedded server" in err
    assert not workspace.state.exists()


def test_a_program_that_cannot_be_the_server_is_a_sentence(
    fsl: Fsl, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSL_STORE__EMBEDDED_PROGRAM", "minio")

    status, _, err = fsl("store", "start")

    assert status == 1
    assert "'minio' (`store.embedded_program`) cannot be the embedded server" in err
    assert "Nothing was started" in err
