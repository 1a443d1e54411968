"""`fsl store start|stop|status`: the project's embedded server by hand, for days on which it should stay."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from fsl import console
from fsl.config import RunConfig
from fsl.console import Reply, line, show
from fsl.store.embedded.errors import NotEmbedded
from fsl.store.embedded.files import LOG, OWNER
from fsl.store.embedded.roles import write_credentials_file
from fsl.store.embedded.server import EmbeddedServer, Endpoint, prove_ready
from fsl.store.errors import StoreError
from fsl.store.objects import ObjectStore
from fsl.workspace import find_workspace


def start(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Start the embedded server, or find it running. It stays until `fsl store stop`."""
    place = _find_place()
    place.need_embedded()
    endpoint = place.server.start()
    place.connect(endpoint).ensure_bucket()
    facts = place.describe(endpoint)
    words = f"the embedded server runs at {endpoint.url} (pid {endpoint.pid})"
    show(Reply(facts, [line(words), _places(facts)], [_client(facts), "fsl store status"]), as_json=as_json)


def stop(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Stop the embedded server. Its data stays."""
    place = _find_place()
    was_running = place.server.stop()
    if not was_running:
        place.need_embedded()
    words = "the embedded server was stopped; its data stays" if was_running else "no embedded server was running"
    facts = {"stopped": was_running, "data": str(place.server.folder / "data")}
    show(Reply(facts, [line(words)], ["fsl store start"]), as_json=as_json)


def status(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Say whether the embedded server runs and takes writes; the exit status is 0 only when it does both."""
    place = _find_place()
    place.need_embedded()
    endpoint = place.server.status()
    if endpoint is None:
        facts: dict[str, Any] = {"running": False, "data": str(place.server.folder / "data")}
        words = "no embedded server runs; a command that needs one starts it, and stops it again"
        show(Reply(facts, [line(words)], ["fsl store start"]), as_json=as_json)
        raise typer.Exit(1)
    fault = _fault_of(place.connect(endpoint))
    facts = place.describe(endpoint) | {"writes": fault is None, "fault": fault}
    words = f"the embedded server runs at {endpoint.url} (pid {endpoint.pid}); "
    words += "a write works" if fault is None else f"no write works: {fault}"
    following = [_client(facts), "fsl store stop"] if fault is None else [f"tail {shlex.quote(facts['log'])}"]
    show(Reply(facts, [line(words), _places(facts)], following), as_json=as_json)
    if fault is not None:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Place:
    """Where the project's embedded server is, whether it runs or not."""

    config: RunConfig
    server: EmbeddedServer

    def need_embedded(self) -> None:
        if self.config.store.endpoint_url is not None:
            raise NotEmbedded(self.config.store.endpoint_url)

    def connect(self, endpoint: Endpoint) -> ObjectStore:
        config = self.config.store.model_copy(update={"endpoint_url": endpoint.url})
        return ObjectStore.connect(config, credentials=endpoint.credentials)

    def describe(self, endpoint: Endpoint) -> dict[str, Any]:
        """Return everything that a client needs but the secret, which is put into its file."""
        folder = self.server.folder
        return {
            "running": True,
            "endpoint_url": endpoint.url,
            "pid": endpoint.pid,
            "bucket": self.config.store.bucket,
            "prefix": f"{self.config.project}/",
            "data": str(folder / "data"),
            "log": str(folder / LOG),
            "credentials_file": str(write_credentials_file(folder)),
            "profile": OWNER,
        }


def _find_place() -> _Place:
    workspace = find_workspace(Path.cwd())
    config = workspace.config
    return _Place(config, EmbeddedServer(workspace.state / "store", config.store.embedded_program))


def _places(facts: dict[str, Any]) -> str:
    return line(f"data:        {facts['data']}\nlog:         {facts['log']}\ncredentials: {facts['credentials_file']}")


def _client(facts: dict[str, Any]) -> str:
    """Return a command that lists the project with another S3 client."""
    return (
        f"AWS_SHARED_CREDENTIALS_FILE={shlex.quote(facts['credentials_file'])} AWS_PROFILE={facts['profile']} "
        f"aws --endpoint-url {facts['endpoint_url']} s3 ls s3://{facts['bucket']}/{facts['prefix']}"
    )


def _fault_of(store: ObjectStore) -> str | None:
    """Return why no write works, or None where one just did."""
    try:
        prove_ready(store)
    except StoreError as error:
        return error.reason
    return None
