"""The command line on wrong input: one sentence, a next step, and the project as it was."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli import app
from fsl.store import layout
from fsl.store.embedded.server import running
from fsl.workspace import Workspace, init_workspace

Fsl = Callable[..., tuple[int, str, str]]

VERBS = [
    "init",
    "config",
    "demo",
    "ingest",
    "retrain",
    "tune",
    "predict",
    "explain",
    "models",
    "data",
    "drift",
    "dashboard",
    "store",
    "doctor",
    "up",
    "down",
    "status",
    "deploy",
]


@pytest.fixture
def fsl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Fsl:
    """Run the command in an empty folder; returns exit status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FSL_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fsl", *arguments])
        with pytest.raises(SystemExit) as ended:
            app()
        captured = capsys.readouterr()
        return int(str(ended.value.code or 0)), captured.out, " ".join(captured.err.split())

    return run


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project, entered."""
    made = init_workspace(tmp_path / "project", "support-intents")
    monkeypatch.chdir(made.folder)
    return made


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_help_lists_the_whole_product_and_nothing_else(fsl: Fsl) -> None:
    _, out, _ = fsl("--help")

    listed = [line.split()[1] for line in out.splitlines() if line.startswith("│ ") and line[2:3].isalpha()]
    assert sorted(listed) == sorted(VERBS)


def test_help_imports_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "prefect", "great_expectations", "evidently", "onnxruntime", "boto3", "pandas")
    asked = (*heavy, "pyarrow", "sklearn", "scipy.stats", "scipy.optimize")
    program = f"import sys; import flows.cli; print([name for name in {asked!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_an_unknown_template_names_those_there_are(fsl: Fsl, tmp_path: Path) -> None:
    status, _, err = fsl("init", "project", "--template", "weather")

    assert status == 1
    assert "no template 'weather'" in err
    assert "finance-entities, finance-sentiment, support-intents, support-topics" in err
    assert not (tmp_path / "project").exists()


def test_outside_a_project_the_way_in_is_named(fsl: Fsl) -> None:
    status, _, err = fsl("models", "ls")

    assert status == 1
    assert "fsl init my-project" in err


def test_init_never_writes_over_a_project(fsl: Fsl, workspace: Workspace) -> None:
    before = workspace.config_file.read_bytes()

    status, _, err = fsl("init", ".", "--template", "finance-sentiment")

    assert status == 1
    assert "nothing was changed" in err
    assert workspace.config_file.read_bytes() == before


def test_a_wrong_key_gets_its_line_and_the_nearest_right_one(fsl: Fsl, workspace: Workspace) -> None:
    workspace.config_file.write_text("project: p\ngate:\n  alpah: 0.1\n", encoding="utf-8")

    status, out, _ = fsl("config", "check", "--json")

    assert status == 1
    assert "line 3: gate.alpah: there is no such key; did you mean 'alpha'?" in json.loads(out)["message"]


def test_a_file_to_ingest_that_is_not_there_drops_nothing(fsl: Fsl, workspace: Workspace) -> None:
    before = _files(workspace.folder)

    status, _, err = fsl("ingest", "nowhere.jsonl")

    assert status == 1
    assert "no file nowhere.jsonl" in err
    assert _files(workspace.folder) == before


def test_a_folder_to_ingest_is_called_one_and_drops_nothing(fsl: Fsl, workspace: Workspace) -> None:
    before = _files(workspace.folder)

    status, _, err = fsl("ingest", "data/day-1/")

    assert status == 1
    assert "data/day-1/ is a folder" in err
    assert "fsl ingest data/day-1/*" in err
    assert _files(workspace.folder) == before


def test_an_empty_inbox_says_how_to_fill_it(fsl: Fsl, workspace: Workspace) -> None:
    status, _, err = fsl("ingest")

    assert status == 1
    assert "the inbox holds nothing new" in err


def test_an_inbox_of_only_bad_rows_is_named_with_reasons(fsl: Fsl, workspace: Workspace) -> None:
    (workspace.folder / "bad.jsonl").write_text('{"text": "", "label": "a"}\nnot json\n', encoding="utf-8")

    status, _, err = fsl("ingest", "bad.jsonl")

    assert status == 1
    assert "bad.jsonl" in err
    assert "2 of 2 rows" in err
    assert "Mend the file and drop it again" in err


def test_predicting_before_any_promotion_says_what_comes_first(fsl: Fsl, workspace: Workspace) -> None:
    status, _, err = fsl("predict", "where is my parcel")

    assert status == 1
    assert "has no champion yet" in err
    assert "fsl ingest" in err


def test_a_store_that_is_away_is_named_with_its_address(
    fsl: Fsl, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("FSL_STORE__ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")

    status, _, err = fsl("models", "ls")

    assert status == 1
    assert f"127.0.0.1:{port}" in err


def test_a_port_in_use_does_not_stop_the_embedded_store(workspace: Workspace) -> None:
    with running(workspace.state / "first") as first, socket.socket() as busy:
        port = int(first.url.rsplit(":", 1)[1])
        assert busy.connect_ex(("127.0.0.1", port)) == 0
        with running(workspace.state / "second") as second:
            assert second.url != first.url


def test_a_demo_leaves_somebodys_folder_alone(fsl: Fsl, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")

    status, _, err = fsl("demo", "--dir", "mine", "--fresh")

    assert status == 1
    assert "was not made by" in err
    assert _files(tmp_path / "mine") == {"thesis.txt"}


def test_doctor_finds_the_store_and_the_packaged_encoder(fsl: Fsl, workspace: Workspace) -> None:
    status, out, _ = fsl("doctor", "--json")

    found = {finding["what"]: finding["state"] for finding in json.loads(out)}
    assert status == 0
    assert found["packaged encoder"] == found["store"] == found["create-only writes"] == "ok"


def test_nothing_runs_on_after_a_command(fsl: Fsl, workspace: Workspace) -> None:
    import psutil

    fsl("models", "ls", "--json")

    running_here = [
        one.name()
        for one in psutil.Process(os.getpid()).children(recursive=True)
        if one.status() != psutil.STATUS_ZOMBIE and Path(one.cwd()).is_relative_to(workspace.state)
    ]
    assert running_here == []
    assert not (workspace.state / "store" / "server.json").exists()


def test_a_prefect_server_that_does_not_start_in_time_is_a_sentence_and_costs_no_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "0", "FSL_CACHE_DIR": str(tmp_path / "cache")}
    command = [str(Path(sys.executable).with_name("fsl")), "ingest", "data/day-1/unlabelled.jsonl"]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Prefect's server for this one run did not start: Timed out" in " ".join(done.stderr.split())
    with workspace.open() as project:
        assert len(list(project.store.list(layout.INBOX))) == 1
