"""What runs beside the README's lines: other people's servers, and what the lines themselves leave running."""

import json
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from moto.server import ThreadedMotoServer

READY_SECONDS = 90


@contextmanager
def moto_server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def prefect_server(command: str, folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Run the README's own line on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    api, log = f"http://127.0.0.1:{port}/api", folder / "server.log"
    with background(command.replace("4200", port), folder, {**env, "PREFECT_API_URL": api}, log) as process:
        wait_until(lambda: answers(f"{api}/health"), process, log)
        yield api


@contextmanager
def background(command: str, folder: Path, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            shlex.split(command), cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop what was started here, and what that started in turn."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        family = []
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.terminate()
    for one in psutil.wait_procs(family, timeout=10)[1]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(timeout=10)


def wait_until(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready():
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-3000:]
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8", errors="replace")[-3000:]
        time.sleep(0.3)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def deployments(api: str) -> set[str]:
    """Return the names of what a Prefect server knows."""
    ask = urllib.request.Request(  # noqa: S310
        f"{api}/deployments/filter", data=b"{}", headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(ask, timeout=10) as response:  # noqa: S310
        return {found["name"] for found in json.load(response)}
