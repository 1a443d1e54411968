"""A Prefect server and a worker of this project's own, on loopback, without telemetry, stopped when they are left.

For the demo, the benchmarks and tests; what stays, and is started again when it dies, is `fsl up` (`flows.up`).
"""

import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from flows.server import prefect_server
from flows.server.settings import prefect_environment
from flows.up import processes
from fsl.errors import FslError

READY_SECONDS = 90.0


@dataclass(eq=False)
class PrefectNotReady(FslError):
    """The local server or worker did not come up."""

    what: str
    log_file: str
    tail: str

    def __str__(self) -> str:
        return f"the Prefect {self.what} did not come up. Its log, {self.log_file}, ends:\n{self.tail}"


@dataclass(frozen=True)
class LocalPrefect:
    """A running server with a worker."""

    url: str  # of the page for people

    @property
    def api(self) -> str:
        return f"{self.url}/api"


@dataclass(frozen=True)
class StartedServer:
    """A server that may not answer yet."""

    prefect: LocalPrefect
    folder: Path  # of its database and its log
    process: psutil.Process
    environment: Mapping[str, str]  # of whoever asks it


@contextmanager
def local_prefect(state: Path) -> Iterator[LocalPrefect]:
    """Lend a server with all deployments served. The store must be in the environment already."""
    with local_server(state) as server, local_worker(server) as prefect:
        yield prefect


@contextmanager
def local_server(state: Path) -> Iterator[StartedServer]:
    """Start a server, and lend it at once: making its database takes it seconds, in which others may start."""
    folder = state / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    prefect = LocalPrefect(f"http://127.0.0.1:{port}")
    environment = {
        **prefect_environment(state),
        "PREFECT_API_URL": prefect.api,
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
    }
    with _child(prefect_server.command(port), {**os.environ, **environment}, folder / "server.log") as process:
        yield StartedServer(prefect, folder, process, environment)


@contextmanager
def local_worker(server: StartedServer) -> Iterator[LocalPrefect]:
    """Lend a worker of a server that was started. The store must be in the environment already."""
    command, log_file = [sys.executable, "-m", "flows.worker"], server.folder / "worker.log"
    # Here, the stage tells what happens; the library's own lines are on the runs' pages.
    ours = {**server.environment, "PREFECT_LOGGING_LOGGERS_FSL_LEVEL": "WARNING"}
    before = {name: os.environ.get(name) for name in ours}
    with _child(command, {**os.environ, **server.environment}, log_file) as worker:
        _wait(server.process, "server", server.folder / "server.log", lambda: _answers(f"{server.prefect.api}/health"))
        os.environ.update(ours)
        try:
            _wait(worker, "worker", log_file, lambda: _serves_all(server.prefect))
            yield server.prefect
        finally:
            _restore(before)


@contextmanager
def _child(command: Sequence[str], environment: dict[str, str], log_file: Path) -> Iterator[psutil.Process]:
    log_file.unlink(missing_ok=True)
    mark = processes.new_mark()
    process = processes.start(command, environment, log_file, mark=mark)
    try:
        yield process
    finally:
        processes.end([process])
        processes.end(processes.find_marked(mark))  # what it started: the runs of a worker


def _wait(process: psutil.Process, what: str, log_file: Path, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and processes.lives(process):
        if is_ready():
            return
        time.sleep(0.3)
    tail = "\n".join(log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    raise PrefectNotReady(what, str(log_file), tail)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - loopback, our own server
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _serves_all(prefect: LocalPrefect) -> bool:
    from flows.server.deployments import DEPLOYMENTS
    from flows.server.runs import deployment_names

    return set(DEPLOYMENTS) <= set(deployment_names(prefect.api))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
