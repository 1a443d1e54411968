"""Processes of our own: started with a mark, known again by id and time of start, ended with all that they started.

Never by a name, which others may have too. The mark is a variable in the environment that every descendant inherits;
so what a killed parent left behind is found, whatever session it put itself into.
"""

import os
import secrets
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "FSL_STARTED_BY"
CLOCK_SLACK_SECONDS = 2.0  # the system tells a process's start from its own boot time, which it may correct
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """Enough to know a process again."""

    pid: int
    started: float  # seconds since 1970

    @classmethod
    def of(cls, process: psutil.Process) -> "ProcessRecord":
        return cls(process.pid, process.create_time())


def new_mark() -> str:
    """Return a mark that nobody else has."""
    return secrets.token_hex(8)


def start(command: Sequence[str], environment: Mapping[str, str], log_file: Path, *, mark: str) -> psutil.Process:
    """Start a command in a session of its own, so that Ctrl-C reaches only whoever stops it in order."""
    log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        return psutil.Popen(
            list(command),
            env={**environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def find(record: ProcessRecord) -> psutil.Process | None:
    """Return the process where it still lives, and not another one that was given its id."""
    with suppress(psutil.Error):
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) <= CLOCK_SLACK_SECONDS
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def find_marked(mark: str) -> list[psutil.Process]:
    """Return every living process of this user that carries a mark, or one that begins with it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get(MARK, "").startswith(mark):
                found.append(process)
    return found


def lives(process: psutil.Process) -> bool:
    """Return whether it runs: neither gone nor a zombie."""
    with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
        process.wait(timeout=0)  # takes note of a child's end, so that no zombie stays
        return False
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def end(processes: Iterable[psutil.Process], *, seconds: float = STOP_SECONDS) -> None:
    """Ask them to stop, wait, and kill those that do not."""
    left = list(processes)
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                ask(process)
        left = _wait(left, seconds)
        if not left:
            return


def _wait(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for their ends, and return those that still live.

    psutil's own waiting takes a zombie of somebody else's for living: one whose parent does not ask after it stays.
    """
    deadline = time.monotonic() + seconds
    left = list(processes)
    while (left := [process for process in left if lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
