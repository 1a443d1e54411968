"""What a cycle does while the Prefect server, the store, or the network to both is away; and `fsl up` whose parts die.

The servers are real; between them and the worker lies a wire (`bench.parts.network.wire`). The worker is one of `stage`
beside this, so what must hold afterwards is what must hold after a kill (`kills`).
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from bench.cells import Facts
from bench.parts.network.wire import Wire
from bench.parts.orchestration import kills, stage
from fsl.workspace import Workspace

if TYPE_CHECKING:
    from bench.orchestration import Trial

FSL = (sys.executable, "-c", "from flows.cli import app; app()")
MARK = "adapt_teacher began"  # in the middle: rows are in, and nothing is trained yet


def measure_outages(trial: "Trial", seconds: float) -> Facts:
    """Take each thing away for some seconds in the middle of a cycle; start it again where it failed."""
    api, store = urlparse(trial.environment["PREFECT_API_URL"]), urlparse(str(trial.store_config.endpoint_url))
    found: dict[str, Any] = {}
    for name, hurt, wires in (
        ("Prefect server gone", Wire.cut, "api"),
        ("store gone", Wire.cut, "store"),
        ("network to both frozen", Wire.freeze, "api store"),
    ):
        to_api, to_store = Wire(int(api.port or 0)), Wire(int(store.port or 0))
        environment = {
            **trial.environment,
            "PREFECT_API_URL": f"http://127.0.0.1:{to_api.port}/api",
            "FSL_STORE__ENDPOINT_URL": f"http://127.0.0.1:{to_store.port}",
        }
        hurting = [wire for wire, kind in ((to_api, "api"), (to_store, "store")) if kind in wires]
        found[name] = _one(trial, environment, hurting, hurt, seconds)
    return {"seconds": seconds, "found": found}


def _one(
    trial: "Trial", environment: dict[str, str], wires: list[Wire], hurt: Callable[[Wire], None], seconds: float
) -> dict[str, Any]:
    project, journal, rows = trial.project(), trial.journal(), stage.sample_rows()
    stage.drop(project, rows)
    worker = stage.start_worker("cycle", {"project": project.name}, journal, environment)
    moment = kills.Moment(MARK, 0.0)
    while worker.is_alive() and not moment.is_there(stage.read_journal(journal)):
        time.sleep(0.05)
    before = kills.standing_of(project)
    for wire in wires:
        hurt(wire)
    time.sleep(seconds)
    for wire in wires:
        wire.mend()
    worker.join(600)
    ended_itself = any("end" in line for line in stage.read_journal(journal))
    n_written = 0 if ended_itself else len(stage.read_journal(journal))
    if not ended_itself:
        worker.kill()
        again = stage.start_worker("cycle", {"project": project.name}, journal, trial.environment)
        again.join(600)
    lines = stage.read_journal(journal)[n_written:]
    faults = kills.find_faults(before, kills.standing_of(project), lines, len(rows))
    return {"ended_itself": ended_itself, "faults": faults}


def measure_up(n: int) -> Facts:
    """Time `fsl up` from nothing and again; kill each part in turn; stop it, and look for what is left."""
    import psutil

    from flows.up import processes
    from flows.up.up import living_state

    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name))
        workspace.config_file.write_text("project: measured\n", encoding="utf-8")
        own = ("FSL_STORE__", "AWS_", "PREFECT_")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(own)}
        first, later, back, left = [], [], {}, 0

        @contextmanager
        def is_up(times: list[float]) -> Any:
            began = time.monotonic()
            with (Path(name) / "up.log").open("a") as log:
                process = subprocess.Popen(
                    [*FSL, "up"], cwd=name, env=environment, stdout=log, stderr=log, start_new_session=True
                )
            try:
                _until(lambda: (state := living_state(workspace)) is not None and state.is_healthy)
                times.append(time.monotonic() - began)
                yield
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(120)

        with is_up(first):
            pass
        for _ in range(n):
            with is_up(later):
                state = living_state(workspace)
                assert state is not None
                for part in state.parts if not back else ():
                    assert part.process is not None
                    began = time.monotonic()
                    os.kill(part.process.pid, signal.SIGKILL)
                    _until(lambda part=part: _is_back(workspace, part.name, part.process.pid))
                    back[part.name] = time.monotonic() - began
            left += len(processes.find_marked(state.mark))
            for process in psutil.process_iter():
                with suppress(psutil.Error, OSError):
                    left += Path(process.cwd()).is_relative_to(name)
        return {"first": first, "later": later, "back": back, "left": left}


def _is_back(workspace: Workspace, name: str, old: int) -> bool:
    from flows.up.up import living_state

    state = living_state(workspace)
    part = next((one for one in state.parts if one.name == name), None) if state else None
    return bool(state and part and part.process and part.process.pid != old and state.is_healthy)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in five minutes"
        time.sleep(0.1)
