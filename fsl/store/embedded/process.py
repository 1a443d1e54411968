"""The server's process: starting it, whether a pid is ours, ending it.

Which program it is, and with which flags, is `fsl.store.embedded.program`; when it is started and stopped is
`fsl.store.embedded.server`.
"""

import logging
import os
import subprocess
from pathlib import Path

import psutil

from fsl.store.embedded.files import LOG
from fsl.store.embedded.program import Program, is_ours

log = logging.getLogger(__name__)

STOP_SECONDS = 15.0  # a clean stop takes 3


def spawn(program: Program, folder: Path, base_port: int) -> subprocess.Popen[bytes]:
    """Start the server on the five ports from `base_port`, and on those plus 10,000, of the loopback alone."""
    # The user's own AWS keys would open this server too, and the folder's rights stay the owner's.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "WEED_", "S3_"))}
    with (folder / LOG).open("ab") as output:
        return subprocess.Popen(
            program.command(base_port),
            cwd=folder,
            env={**environment, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that Ctrl-C in the terminal does not end it in the middle of a write
            umask=0o077,
        )


def find_process(folder: Path, pid: int) -> psutil.Process | None:
    """Return the process when it lives and really is the server of this folder."""
    try:
        process = psutil.Process(pid)
        lives = process.status() != psutil.STATUS_ZOMBIE and is_ours(process.cmdline())
        return process if lives and Path(process.cwd()) == folder.resolve() else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def end(process: psutil.Process) -> None:
    """Ask the server to stop, wait, and kill it only when it does not."""
    try:
        process.terminate()
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        log.warning("the embedded server (pid %d) did not stop in %.0f s: killing it", process.pid, STOP_SECONDS)
        process.kill()
        process.wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        log.info("the embedded server (pid %d) had ended by itself", process.pid)
