"""Telling people of silence: an event on the Prefect server, and the automations that send it to their blocks.

What is too silent is `fsl.scheduling.silence`'s. A work pool without a worker is told by the server itself too, since
then nothing else may be left that runs.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from prefect.context import FlowRunContext
from prefect.events import EventTrigger, Posture
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore

from flows.events import tell
from fsl.config import RunConfig
from fsl.scheduling.trigger_graph import SILENCE_FOUND
from tasks.silence import listen

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

PREFIX = "fsl tells "
SUBJECT = "fsl: {{ event.payload.project }} is too silent"
BODY = "{{ event.payload.reason }}"
POOL_SUBJECT = "fsl: a work pool has no worker"
POOL_BODY = (
    "No worker takes runs from {{ event.resource.name }}. Start one: fsl up, or prefect worker start --pool NAME"
)


def say_silence(project: str) -> list[str]:
    """Notice what should have happened by now and did not, and tell it; return it in words. Fails no run.

    Only a deployment's runs listen: a run at the command line has a person who looks, and maybe no worker at all.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow_run.deployment_id is None:
        return []
    state = listen(project, return_state=True)
    if not state.is_completed():
        return []
    found = state.result()
    tell_silence(project, found)
    return [alarm["words"] for alarm in found]


def tell_silence(project: str, found: Iterable[dict[str, str]]) -> None:
    """Send one event for each alarm."""
    for alarm in found:
        tell(SILENCE_FOUND, project, action=alarm["kind"], payload={"reason": alarm["words"]})


def register_notifications(client: "SyncPrefectClient", configs: Sequence[RunConfig]) -> tuple[str, ...]:
    """Make the automations that tell people, and remove those that no config asks for any more.

    Returns:
        The blocks that configs name and the server does not have.
    """
    missing = []
    wanted: dict[str, AutomationCore] = {}
    for config in configs:
        for name in config.silence.notify:
            block = find_block(client, name)
            if block is None:
                missing.append(name)
            else:
                wanted |= {automation.name: automation for automation in _automations(config, name, block)}
    for old in client.read_automations():
        if old.name.startswith(PREFIX):
            client.delete_automation(old.id)
    for automation in wanted.values():
        client.create_automation(automation)
    return tuple(dict.fromkeys(missing))


def find_block(client: "SyncPrefectClient", name: str) -> "UUID | None":
    """Return the id of a block that is named by its type and its name, or None."""
    from prefect.exceptions import ObjectNotFound

    kind, _, document = name.partition("/")
    try:
        found: Any = client.read_block_document_by_name(document, kind)
    except ObjectNotFound:
        return None
    block: UUID = found.id
    return block


def _automations(config: RunConfig, name: str, block: "UUID") -> Iterator[AutomationCore]:
    project = {"prefect.resource.id": f"fsl.project.{config.project}"}
    yield _automation(f"{PREFIX}{name} of silence in {config.project}", SILENCE_FOUND, project, block, SUBJECT, BODY)
    pools = {"prefect.resource.id": "prefect.work-pool.*", "prefect.resource.name": config.deploy.pool}
    event = "prefect.work-pool.not-ready"
    yield _automation(
        f"{PREFIX}{name} of {config.deploy.pool} without a worker", event, pools, block, POOL_SUBJECT, POOL_BODY
    )


def _automation(name: str, event: str, match: dict[str, str], block: "UUID", subject: str, body: str) -> AutomationCore:
    trigger = EventTrigger(
        expect={event},
        match=match,
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    action = SendNotification(block_document_id=block, subject=subject, body=body)
    return AutomationCore(name=name, trigger=trigger, actions=[action])
