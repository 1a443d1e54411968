"""`fsl up` as a person runs it: schedules and events start the right flow, what dies comes back, nothing stays.

One `fsl up` serves all tests of this file, which follow one another as the days of a project do.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bench.parts.orchestration import stage
from flows.server.settings import prefect_environment
from flows.up import processes
from flows.up.state import UpState
from flows.up.up import living_state, take_down
from fsl.project import Project, open_project
from fsl.store.aliases import CHAMPION, read_moves
from fsl.store.embedded.server import EmbeddedServer
from fsl.workspace import Workspace, store_environment

# A clock's minute, a drop and what each of them starts, one after the other: minutes where cores are busy.
pytestmark = pytest.mark.timeout(900)

SCHEDULES = """
schedule: {retrain: '0 3 * * *', timezone: Asia/Tokyo, cycle: null, housekeeping: '* * * * *'}
deploy: {training_pool: gpu}
"""
SECRET = "a secret that is long enough"
FSL = (sys.executable, "-c", "from flows.cli import app; app()")


@dataclass
class Up:
    """A folder in which `fsl up` runs."""

    workspace: Workspace
    process: subprocess.Popen[str]

    @property
    def state(self) -> UpState:
        state = living_state(self.workspace)
        assert state is not None
        return state

    @property
    def project(self) -> Project:
        return open_project("served")

    def start(self) -> None:
        self.process = start_up(self.workspace)
        wait_until(lambda: living_state(self.workspace) and self.state.is_healthy)

    def pids(self) -> dict[str, int]:
        return {part.name: part.process.pid for part in self.state.parts if part.process}


def environment() -> dict[str, str]:
    """What a person's shell holds: not the store's address and keys, which this process has for its own questions."""
    own = ("FSL_STORE__", "AWS_", "PREFECT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def start_up(workspace: Workspace) -> subprocess.Popen[str]:
    with (workspace.folder / "up.log").open("a") as log:
        return subprocess.Popen(
            [*FSL, "up"],
            cwd=workspace.folder,
            env=environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,  # no terminal lends it a group, and Ctrl-C reaches a group
        )


def wait_until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 200
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def training_worker(up: Up) -> Iterator[None]:
    """A worker of another pool, as a machine with a GPU would run it."""
    values = {**os.environ, **prefect_environment(up.workspace.state), "PREFECT_API_URL": up.state.api}
    command = (sys.executable, "-m", "flows.worker")
    own = {"FSL_WORKER_POOL": "gpu", "FSL_WORKER_NAME": "the GPU's"}
    mark = processes.new_mark()
    processes.start(command, {**values, **own}, up.workspace.folder / "gpu.log", mark=mark)
    try:
        yield
    finally:
        processes.end(processes.find_marked(mark))


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A project that says when it is to be retrained, in a folder of its own, where everything is up."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    workspace = Workspace(tmp_path_factory.mktemp("served"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FSL_CACHE_DIR", str(workspace.folder / "cache"))
        patch.setenv("FSL_ARRIVAL_SECRET", SECRET)
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        encoder = stage.build_encoder(workspace.folder / "encoder", [row["text"] for row in stage.sample_rows()])
        workspace.config_file.write_text(
            stage.CONFIG.format(name="served", encoder=encoder, expiry_seconds=1) + SCHEDULES
        )
        with workspace.open(split_key=stage.SPLIT_KEY):
            pass
        made = Up(workspace, start_up(workspace))
        try:
            wait_until(lambda: living_state(workspace) and made.state.is_healthy)
            endpoint = EmbeddedServer(workspace.state / "store").status()
            assert endpoint is not None
            store = workspace.config.store.model_copy(update={"endpoint_url": endpoint.url})
            for key, value in store_environment(store, endpoint.credentials).items():
                patch.delenv(key, raising=False) if value is None else patch.setenv(key, value)
            with temporary_settings({PREFECT_API_URL: made.state.api}), training_worker(made):
                yield made
        finally:
            take_down(workspace)
            with suppress(subprocess.TimeoutExpired):
                made.process.wait(timeout=60)


def runs_of(flow: str) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])))


def wait_for(flow: str, n: int) -> list[Any]:
    """Wait until so many runs of a flow that were not planned by a schedule have ended, and return them all."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        started = [run for run in runs_of(flow) if not run.auto_scheduled]
        if len([run for run in started if run.state.is_final()]) >= n:
            return started
        time.sleep(0.5)
    raise AssertionError(f"{flow}: {[(run.name, run.state) for run in runs_of(flow)]}")


def test_schedules_and_events_start_the_right_flow_with_the_right_parameters_once(up: Up) -> None:
    from prefect.events import Event

    from flows.events import DRIFT_CHECKED, project_resource

    project = up.project
    stage.drop(project, stage.sample_rows())  # the watcher sees it

    ingested = wait_for("ingest", 1)[0]
    assert ingested.state.is_completed()
    (first,) = wait_for("retrain", 1)
    assert first.state.is_completed(), first.state.message
    assert first.parameters["project"] == "served"
    assert first.parameters["reason"].startswith("116 new rows and there is no champion yet")
    assert len(read_moves(project.registry, CHAMPION)) == 1
    (trained,) = runs_of("learn")  # the slow step, in the pool that the config names
    assert (trained.work_pool_name, trained.state.is_completed()) == ("gpu", True)

    for action in ("wait", "retrain"):  # what says wait starts nothing
        payload = {"project": "served", "reason": f"drift: {action}"}
        event = Event(event=DRIFT_CHECKED, resource=project_resource("served", action=action), payload=payload)
        # Straight to this server: `emit_event` goes to the one that this process first spoke to.
        httpx.post(f"{up.state.api}/events", json=[event.model_dump(mode="json")]).raise_for_status()
    after = wait_for("retrain", 2)
    assert sorted(run.parameters["reason"] for run in after) == [first.parameters["reason"], "drift: retrain"]

    planned = [run for run in runs_of("retrain") if run.auto_scheduled]
    assert planned
    assert {(run.parameters["project"], run.parameters["reason"]) for run in planned} == {("served", "the schedule")}
    assert {run.expected_start_time.strftime("%H:%M") for run in planned} == {"18:00"}  # three in the morning in Tokyo
    assert runs_of("cycle") == []
    # Every minute has one run, which its schedule alone started, and no other.
    began = [run for run in runs_of("housekeeping") if run.start_time is not None]
    wait_until(lambda: any(run.state.is_final() for run in runs_of("housekeeping")))
    began = [run for run in runs_of("housekeeping") if run.start_time is not None]
    assert all(run.auto_scheduled for run in began)
    assert {run.parameters["project"] for run in began} == {"served"}
    assert len({run.expected_start_time for run in began}) == len(began)
    assert [run.state.message for run in began if run.state.is_final() and not run.state.is_completed()] == []


def test_what_is_killed_comes_back_and_a_drop_is_taken_up_again(up: Up) -> None:
    before = up.pids()

    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: all(part.n_restarts for part in up.state.parts) and up.state.is_healthy)

    after = up.pids()
    assert sorted(before) == sorted(after) == ["arrival", "dashboard", "inbox", "prefect", "store", "worker"]
    assert not set(before.values()) & set(after.values())
    stage.drop(up.project, [{"text": "Parcel parcel parcel: one more?", "label": "track_order"}], "more.jsonl")
    n_before = len([run for run in runs_of("ingest") if not run.auto_scheduled])
    assert wait_for("ingest", n_before + 1)
    (address,) = [part.address for part in up.state.parts if part.name == "arrival"]
    told = {"key": "/buckets/fsl/served/inbox/more.jsonl", "message": {"new_entry": {"name": "more.jsonl"}}}
    answer = httpx.post(address, json=told, headers={"Authorization": f"Bearer {SECRET}"})
    assert (answer.status_code, len(answer.json()["started"])) == (202, 1)
    assert httpx.post(address, json=told).status_code == 401
    asked = subprocess.run(
        [*FSL, "status", "--json"], cwd=up.workspace.folder, env=environment(), capture_output=True, check=False
    )
    facts = json.loads(asked.stdout)
    assert (asked.returncode, facts["healthy"], facts["faults"]) == (0, True, [])
    assert [part["n_restarts"] for part in facts["parts"]] == [1] * len(before)


def test_a_killed_one_leaves_nothing_to_the_next_and_ctrl_c_leaves_nothing_at_all(up: Up) -> None:
    killed, here = up.state, os.getpid()
    strays = processes.find_marked(killed.mark)
    up.process.kill()
    up.process.wait()
    assert any(one.is_running() for one in strays)

    up.start()
    assert [one for one in processes.find_marked(killed.mark) if "weed" not in one.name()] == []
    assert "that an earlier fsl up had left behind" in (up.workspace.folder / "up.log").read_text()
    mark = up.state.mark

    os.killpg(up.process.pid, signal.SIGINT)
    assert up.process.wait(timeout=120) == 130
    assert processes.find_marked(mark) == processes.find_marked(killed.mark) == []
    assert [one for one in psutil.process_iter() if one.pid != here and is_here(one, up.workspace.folder)] == []
    assert living_state(up.workspace) is None


def is_here(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error, OSError):
        return Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE
    return False
