"""The table of what `fsl up` runs: one record for each part. How they are kept running is `flows.up.supervisor`'s.

A further part is one more record: what starts it, how one sees that it is well, and where people find it.
"""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from flows.server import prefect_server
from flows.server.settings import prefect_environment
from flows.up import processes
from flows.up.ports import choose_port
from fsl.config import RunConfig
from fsl.store.embedded.server import EmbeddedServer, prove_ready
from fsl.store.errors import StoreError
from fsl.store.objects import ObjectStore
from fsl.workspace import Workspace

STORE, PREFECT, WORKER, INBOX, ARRIVAL, DASHBOARD = "store", "prefect", "worker", "inbox", "arrival", "dashboard"
WORKER_SILENT_SECONDS, WATCHER_SILENT_SECONDS = 60.0, 30.0
HTTP_SECONDS = 5.0
SECRET = "FSL_ARRIVAL_SECRET"  # noqa: S105 - the name of a variable; where it is set, the endpoint is one of the parts


@dataclass(frozen=True)
class Part:
    """One process, or something of others that is only watched."""

    name: str
    check: Callable[[], str | None]  # what is wrong with it, in words; None: nothing
    start: Callable[[str], psutil.Process] | None = None  # takes the mark; None: others run it
    address: str = ""  # for people; "" where nothing listens
    log: str = ""
    needs: tuple[str, ...] = ()  # what must be healthy before it is started
    blames: tuple[str, ...] = ()  # whose fault it is while they are not healthy that it is not either
    is_ours_to_stop: bool = True


@dataclass(frozen=True)
class Site:
    """Where the parts of one folder are."""

    workspace: Workspace
    config: RunConfig
    prefect_port: int
    arrival_port: int
    dashboard_port: int

    @classmethod
    def choose(cls, workspace: Workspace, config: RunConfig) -> "Site":
        """Choose the ports. Raises PortTaken, NoSecret."""
        if os.environ.get(SECRET):
            from flows.arrival import check_secret  # here, since FastAPI takes its time, and most commands need none

            check_secret(os.environ[SECRET])
        named = {str(part): port for part, port in config.up.ports.items()}
        ports = (choose_port(part, workspace.folder, named) for part in (PREFECT, ARRIVAL, DASHBOARD))
        return cls(workspace, config, *ports)

    @property
    def folder(self) -> Path:
        return self.workspace.state / "up"

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.prefect_port}"

    @property
    def api(self) -> str:
        return f"{self.page}/api"

    @property
    def worker_name(self) -> str:
        return f"fsl up {self.config.project}"

    @property
    def beat(self) -> Path:
        return self.folder / "inbox.beat"


def parts_of(site: Site, store: ObjectStore) -> tuple[Part, ...]:
    """Return every part, in the order in which they start.

    Args:
        store: the project's, open.
    """
    python, program, config = sys.executable, str(Path(sys.executable).with_name("fsl")), site.config
    worker_environment = {"FSL_DEPLOY__POOL": config.deploy.pool, "FSL_WORKER_NAME": site.worker_name}
    every = [
        _store_part(site, store),
        Part(
            PREFECT,
            answers(f"{site.api}/health"),
            _run(site, PREFECT, prefect_server.command(site.prefect_port), knows_store=False),
            site.page,
            _log(site, PREFECT),
        ),
        Part(
            WORKER,
            lambda: worker_fault(site.api, config.deploy.pool, site.worker_name, _started(site, WORKER)),
            _run(site, WORKER, (python, "-m", "flows.worker"), worker_environment),
            log=_log(site, WORKER),
            needs=(STORE,),  # it waits for the server, while it imports what takes its time
            blames=(STORE, PREFECT),
        ),
        Part(
            INBOX,
            lambda: beat_fault(site.beat, _started(site, INBOX)),
            _run(site, INBOX, (python, "-m", "flows.inbox"), {"FSL_BEAT_FILE": str(site.beat)}),
            log=_log(site, INBOX),
            needs=(STORE, PREFECT),
        ),
        Part(
            ARRIVAL,
            answers(f"http://127.0.0.1:{site.arrival_port}/health"),
            _run(site, ARRIVAL, (python, "-m", "flows.arrival"), {"FSL_ARRIVAL_PORT": str(site.arrival_port)}),
            f"http://127.0.0.1:{site.arrival_port}/arrival",
            _log(site, ARRIVAL),
            needs=(STORE, PREFECT),
        ),
        Part(
            DASHBOARD,
            answers(f"http://127.0.0.1:{site.dashboard_port}/api/version"),
            _run(site, DASHBOARD, (program, "dashboard", "--port", str(site.dashboard_port))),
            f"http://127.0.0.1:{site.dashboard_port}",
            _log(site, DASHBOARD),
            needs=(STORE,),
        ),
    ]
    return tuple(part for part in every if part.name != ARRIVAL or os.environ.get(SECRET))


def answers(url: str) -> Callable[[], str | None]:
    """Return a check of a page of our own."""

    def check() -> str | None:
        try:
            with urllib.request.urlopen(url, timeout=HTTP_SECONDS) as response:  # noqa: S310 - loopback, our own
                return None if response.status == 200 else f"it answers with status {response.status}"
        except (urllib.error.URLError, OSError) as error:
            return f"no answer: {getattr(error, 'reason', error)}"

    return check


def worker_fault(api: str, pool: str, name: str, since: datetime) -> str | None:
    """Return why a worker does not take runs, or None where it was heard of just now.

    Args:
        since: when it was started; what was heard before was the one before it, of the same name.
    """
    headers = {"Content-Type": "application/json"}
    if login := os.environ.get("PREFECT_API_AUTH_STRING"):  # where the server asks for one
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    question = urllib.request.Request(  # noqa: S310 - loopback, our own
        f"{api}/work_pools/{pool}/workers/filter", data=b"{}", headers=headers
    )
    try:
        with urllib.request.urlopen(question, timeout=HTTP_SECONDS) as response:  # noqa: S310
            workers = json.load(response)
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"the Prefect server does not know it: {getattr(error, 'reason', error)}"
    heard = [one["last_heartbeat_time"] for one in workers if one["name"] == name and one["last_heartbeat_time"]]
    last = max(map(datetime.fromisoformat, heard), default=None)
    if last is None or last < since:
        return "it has not been heard of yet"
    silent = (datetime.now(UTC) - last).total_seconds()
    return None if silent <= WORKER_SILENT_SECONDS else f"nothing was heard of it for {silent:.0f} s"


def beat_fault(beat: Path, since: datetime) -> str | None:
    """Return why the inbox is not looked at, or None where it was just now."""
    last = beat.stat().st_mtime if beat.exists() else 0.0
    if last < since.timestamp():
        return "it has not looked yet"
    silent = time.time() - last
    return None if silent <= WATCHER_SILENT_SECONDS else f"it has not looked for {silent:.0f} s"


def _store_part(site: Site, store: ObjectStore) -> Part:
    def check() -> str | None:
        try:
            prove_ready(store)
        except StoreError as error:
            return error.reason
        return None

    if site.config.store.endpoint_url is not None:
        return Part(STORE, check, None, site.config.store.endpoint_url)
    server = EmbeddedServer(site.workspace.state / "store", site.config.store.embedded_program)

    def start(mark: str) -> psutil.Process:
        endpoint = server.start(temporary=True)
        os.environ["FSL_STORE__ENDPOINT_URL"] = endpoint.url  # for the parts that start after it
        return psutil.Process(endpoint.pid)

    address = os.environ.get("FSL_STORE__ENDPOINT_URL", "")
    # Whoever else has it open may need it longer: the last one stops it.
    return Part(STORE, check, start, address, str(server.folder / "server.log"), is_ours_to_stop=False)


def _run(
    site: Site, name: str, command: Sequence[str], more: Mapping[str, str] | None = None, *, knows_store: bool = True
) -> Callable[[str], psutil.Process]:
    def start(mark: str) -> psutil.Process:
        own = {key: value for key, value in os.environ.items() if knows_store or not key.startswith(("AWS_", "FSL_"))}
        environment = {
            **own,
            **prefect_environment(site.workspace.state),
            "PREFECT_API_URL": site.api,
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(site.prefect_port),
            **(more or {}),
        }
        _stamp(site, name).touch()
        return processes.start(command, environment, Path(_log(site, name)), mark=mark)

    return start


def _stamp(site: Site, name: str) -> Path:
    return site.folder / f"{name}.started"


def _started(site: Site, name: str) -> datetime:
    return datetime.fromtimestamp(_stamp(site, name).stat().st_mtime, UTC)


def _log(site: Site, name: str) -> str:
    return str(site.folder / f"{name}.log")
