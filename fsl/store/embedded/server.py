"""The S3 server that comes with the product: SeaweedFS as a child process, loopback only, keys of its own.

For a first run, for tests and for a machine of one's own: its inner gRPC ports ask no keys of other users of the same
machine. Its data outlives it, and `store.endpoint_url` names any other S3.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from fsl.config import StoreConfig
from fsl.store.clients import READ_TIMEOUT_SECONDS, Credentials
from fsl.store.embedded import process as processes
from fsl.store.embedded.errors import DiskFull, NoFreePorts, ServerNotReady
from fsl.store.embedded.files import (
    LOG,
    ServerRecord,
    log_tail,
    prepare_folder,
    read_credentials,
    read_record,
    write_record,
)
from fsl.store.embedded.ports import are_free, candidate_bases, is_listening, remove_sockets
from fsl.store.embedded.program import find_program
from fsl.store.errors import StoreError
from fsl.store.file_locks import SharedLock, exclusive
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

READY_SECONDS = 60.0  # 1 to 2 s on an idle machine
# A read that comes before the volumes are known is tried again by the server itself, for up to 20 s; one that is asked
# anew is answered at once. On a busy machine answers take longer, so whoever got none waits twice as long next time.
FIRST_PATIENCE_SECONDS = 1.5
N_PORT_TRIES = 20
MIN_FREE_MB = 256  # four volumes of 64 MB


@dataclass(frozen=True)
class Endpoint:
    """A running S3 server."""

    url: str
    credentials: Credentials
    pid: int


class EmbeddedServer:
    """The server of one folder. Any process may start, find and stop it."""

    def __init__(self, folder: Path, program: str | None = None) -> None:
        """Name the folder, and the program if it is not the packaged one (`store.embedded_program`)."""
        self.folder = folder.absolute()
        self.program = program

    def start(self, *, temporary: bool = False) -> Endpoint:
        """Start the server, or find it running, and return when a real write has worked.

        Args:
            temporary: the last `running` context ends it; otherwise it runs until `stop`.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(self.folder / "starting.lock"):
            record = self._record()
            if record is None:
                return self._start(temporary)
            if record.temporary and not temporary:
                write_record(self.folder, ServerRecord(record.pid, record.port, temporary=False))
        return Endpoint(record.url, read_credentials(self.folder), record.pid)

    def status(self) -> Endpoint | None:
        """Return the running server, or None."""
        record = self._record()
        return Endpoint(record.url, read_credentials(self.folder), record.pid) if record else None

    def stop(self) -> bool:
        """Stop the server, cleanly where it lets itself. Returns whether one was running."""
        if not self.folder.is_dir():
            return False
        with exclusive(self.folder / "starting.lock"):
            return self._stop()

    def _record(self) -> ServerRecord | None:
        record = read_record(self.folder)
        return record if record and processes.find_process(self.folder, record.pid) else None

    def _stop(self) -> bool:
        record = read_record(self.folder)
        process = processes.find_process(self.folder, record.pid) if record else None
        if record is not None and process is not None:
            processes.end(process)
            remove_sockets(record.port)
            log.info("stopped the embedded server of %s (pid %d)", self.folder, process.pid)
        write_record(self.folder, None)
        return process is not None

    def _start(self, temporary: bool) -> Endpoint:
        program = find_program(self.program)
        self._need_room()
        credentials = prepare_folder(self.folder)
        bases = (base for base in candidate_bases(self.folder, N_PORT_TRIES) if are_free(base))
        for base in bases:
            (self.folder / LOG).write_bytes(b"")
            remove_sockets(base)  # those of a server that was killed
            process = processes.spawn(program, self.folder, base)
            record = ServerRecord(process.pid, base, temporary)
            write_record(self.folder, record)  # before it is ready, so that a killed starter leaves no stray
            try:
                if self._wait(process, record, credentials):
                    log.info("embedded server of %s ready at %s (pid %d)", self.folder, record.url, record.pid)
                    return Endpoint(record.url, credentials, record.pid)
            except BaseException:
                self._stop()
                raise
        raise NoFreePorts(N_PORT_TRIES)

    def _wait(self, process: Popen[bytes], record: ServerRecord, credentials: Credentials) -> bool:
        """Wait for a write that works. Returns False when somebody took a port in between."""
        config, patience = StoreConfig(endpoint_url=record.url), FIRST_PATIENCE_SECONDS
        deadline = time.monotonic() + READY_SECONDS
        reason = f"no answer in {READY_SECONDS:.0f} s"
        while time.monotonic() < deadline:
            code = process.poll()
            if code is not None:
                tail = log_tail(self.folder)
                if "Port allocation failed" in tail or "address already in use" in tail:
                    log.info("a port from %d on was taken while the server started", record.port)
                    return False
                raise ServerNotReady(str(self.folder), f"it ended with status {code}", tail)
            asked = time.monotonic()
            try:
                if is_listening(record.port):
                    prove_ready(ObjectStore.connect(config, credentials=credentials, give_up_seconds=patience))
                    return True
            except StoreError as error:
                reason = error.reason
                if time.monotonic() - asked >= patience:
                    patience = min(2 * patience, READ_TIMEOUT_SECONDS)
            time.sleep(0.1)
        raise ServerNotReady(str(self.folder), reason, log_tail(self.folder))

    def _need_room(self) -> None:
        usage = shutil.disk_usage(self.folder)
        # SeaweedFS takes no writes on a disk with less than one per cent left.
        need = max(MIN_FREE_MB, usage.total // 100 >> 20)
        if usage.free >> 20 < need:
            raise DiskFull(str(self.folder), usage.free >> 20, need)


def prove_ready(store: ObjectStore) -> None:
    """Raise StoreError unless old bytes can be read and new ones written: HTTP answers well before either works.

    The object stays: after a kill, the old volumes are found some seconds later than new ones can be written.
    """
    store.ensure_bucket()
    store.find(".ready")
    store.put(".ready", b"ready")
    store.get(".ready")


@contextmanager
def running(folder: Path, program: str | None = None) -> Iterator[Endpoint]:
    """Lend the folder's server: the one that runs, or one for the time being, which its last user stops."""
    server = EmbeddedServer(folder, program)
    server.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    users = SharedLock(server.folder / "users.lock")
    try:
        yield server.start(temporary=True)
    finally:
        _leave(server, users)


def stop_unused(folder: Path) -> None:
    """Stop a server for the time being whose users are all gone without a word, as after a kill."""
    server = EmbeddedServer(folder)
    if server.folder.is_dir():
        _leave(server, SharedLock(server.folder / "users.lock"))


def _leave(server: EmbeddedServer, users: SharedLock) -> None:
    with users.leaving() as is_last:
        record = read_record(server.folder)
        if is_last and record is not None and record.temporary:
            server.stop()
