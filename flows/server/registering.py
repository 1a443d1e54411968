"""Putting deployments, schedules and automations on a Prefect server: any of version 3, or Prefect's cloud.

All of it is put there anew each time, so doing it twice is doing it once, and what a config no longer says goes. What
a worker at home registers for itself and what `fsl deploy` registers elsewhere is the same.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.server.deployments import DEPLOYMENTS, build_deployments, pools_to_train_in, version_of
from flows.silence import register_notifications
from fsl.config import RunConfig
from fsl.errors import FslError

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.deployments.runner import RunnerDeployment


@dataclass(eq=False)
class OtherPrefect(FslError):
    """The server speaks another language."""

    api: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        wanted = ".".join(self.ours.split(".")[:2])
        return (
            f"the Prefect server at {self.api} is version {self.theirs}, and this fsl speaks to {wanted} and later "
            f"3.x. Nothing was registered. Update the server: pip install 'prefect=={wanted}.*'; or start one of this "
            f"project's own: fsl up"
        )


@dataclass(eq=False)
class NoServer(FslError):
    """Nobody said which server."""

    def __str__(self) -> str:
        return (
            "no Prefect server is named, and nothing was registered. Name yours: export PREFECT_API_URL=http://HOST:4200/"
            "api; or start one of this project's own: fsl up"
        )


@dataclass(eq=False)
class PrefectAway(FslError):
    """No answer from a Prefect server."""

    api: str
    why: str

    def __str__(self) -> str:
        return (
            f"the Prefect server at {self.api} does not answer ({self.why}). Nothing was registered. Is the address "
            f"right? `fsl up` starts a server of this project's own; PREFECT_API_URL names another."
        )


@dataclass(frozen=True)
class Registered:
    """What a server has now."""

    api: str
    pools: tuple[str, ...]
    deployments: tuple[str, ...]
    schedules: tuple[str, ...]
    projects: tuple[str, ...]
    missing_blocks: tuple[str, ...]  # that `silence.notify` names


def register(configs: Sequence[RunConfig], *, pool: str) -> Registered:
    """Register everything with the server that Prefect's settings name.

    Args:
        configs: of all projects that the deployments serve.
        pool: runs the flows; made where it is not there.
    """
    from prefect.client.orchestration import get_client

    api = check_server()
    pools = tuple(sorted({pool, *pools_to_train_in(configs)}))
    for name in pools:
        _ensure_pool(name)
    deployments = build_deployments(configs, pool=pool)
    with get_client(sync_client=True) as client:
        for deployment in deployments:
            _remove_old_schedules(client, deployment.apply(), deployment)
        missing = register_notifications(client, configs)
    return Registered(
        api,
        pools,
        tuple(deployment.full_name for deployment in deployments),
        tuple(sorted(str(one.slug) for deployment in deployments for one in deployment.schedules or ())),
        tuple(sorted(config.project for config in configs)),
        missing,
    )


def _remove_old_schedules(client: "SyncPrefectClient", deployment_id: "UUID", deployment: "RunnerDeployment") -> None:
    """Remove ours that no config asks for any more: Prefect updates those with a slug, and leaves the others there.

    What a person added on Prefect's page has no slug of ours, and stays.
    """
    wanted = {one.slug for one in deployment.schedules or ()}
    for schedule in client.read_deployment(deployment_id).schedules:
        if str(schedule.slug).endswith(f"-{deployment.name}") and schedule.slug not in wanted:
            client.delete_deployment_schedule(deployment_id, schedule.id)


def is_registered(configs: Sequence[RunConfig], *, pool: str) -> bool:
    """Return whether a server has all of it already, so that a worker that starts again need not wait for it."""
    from prefect.client.orchestration import get_client

    wanted = {*DEPLOYMENTS, *(f"learn/{name}" for name in pools_to_train_in(configs))}
    with get_client(sync_client=True) as client:
        flows = {flow.id: flow.name for flow in client.read_flows()}
        found = [one for one in client.read_deployments() if f"{flows.get(one.flow_id)}/{one.name}" in wanted]
    return len(found) == len(wanted) and {one.version for one in found} == {version_of(configs, pool)}


def check_server() -> str:
    """Return the server's address. Raises NoServer, PrefectAway, OtherPrefect."""
    import httpx
    import prefect
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, PREFECT_CLOUD_API_URL

    api = (PREFECT_API_URL.value() or "").rstrip("/")
    if not api:
        raise NoServer()
    if api.startswith(PREFECT_CLOUD_API_URL.value()):  # always of today, and it tells no version
        return api
    user, _, password = str(PREFECT_API_AUTH_STRING.value() or "").partition(":")
    login = (user, password) if user else None
    try:
        answer = httpx.get(f"{api}/admin/version", auth=login, timeout=10.0)
        answer.raise_for_status()
        theirs = str(answer.json())
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise PrefectAway(api, str(error) or type(error).__name__) from error
    if not is_spoken_to(theirs, prefect.__version__):
        raise OtherPrefect(api, theirs[:50], prefect.__version__)
    return api


def is_spoken_to(theirs: str, ours: str) -> bool:
    """Return whether a server of that version understands a client of ours: the same major, and no older minor."""
    found = [re.match(r"(\d+)\.(\d+)", version) for version in (theirs, ours)]
    (their_major, their_minor), (our_major, our_minor) = (map(int, one.groups()) if one else (0, 0) for one in found)
    return their_major == our_major and their_minor >= our_minor


def _ensure_pool(name: str) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(name)  # whatever its type: a pool of Kubernetes or Docker is as good
        except ObjectNotFound:
            with suppress(ObjectAlreadyExists):
                client.create_work_pool(
                    WorkPoolCreate(name=name, type="process", description="fsl runs its flows here")
                )
