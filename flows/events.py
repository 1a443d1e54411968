"""What flows say when they are done, and the triggers made of it. What follows is `fsl.scheduling.trigger_graph`'s.

An event says what happened to a project and, in the label `fsl.action`, what should follow; a trigger matches on
that label, so the decision is made once, in the library, and shows in the event feed even when it is "wait".
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from prefect.events import DeploymentEventTrigger, emit_event

from fsl.config import RunConfig
from fsl.scheduling.trigger_graph import BATCH_ACCEPTED, CHAMPION_MOVED, DRIFT_CHECKED, RETRAIN_FINISHED, STARTS

__all__ = ["BATCH_ACCEPTED", "CHAMPION_MOVED", "DRIFT_CHECKED", "RETRAIN_FINISHED"]


def project_resource(project: str, *, action: str) -> dict[str, str]:
    """Return the resource that an event of a project is about."""
    return {"prefect.resource.id": f"fsl.project.{project}", "prefect.resource.name": project, "fsl.action": action}


def tell(event: str, project: str, *, action: str, payload: Mapping[str, Any]) -> None:
    """Say what happened."""
    emit_event(event, resource=project_resource(project, action=action), payload={**payload, "project": project})


def triggers_of(flow: str, configs: Iterable[RunConfig] = ()) -> list[DeploymentEventTrigger]:
    """Return what starts a flow: for every project what the library decides, for each what its config adds."""
    built_in = [
        _trigger(f"{flow} on {event}", event, "fsl.project.*", flow) for event, started in STARTS if started == flow
    ]
    return built_in + [
        _trigger(
            f"{flow} of {config.project} on {rule.after} ({rule.action or 'any'})",
            rule.after,
            f"fsl.project.{config.project}",
            rule.action,
            with_reason=flow == "retrain",
        )
        for config in configs
        for rule in config.triggers.also
        if rule.run == flow
    ]


def retrain_triggers() -> list[DeploymentEventTrigger]:
    """Return what starts a retrain: an accepted batch or a drift check that asks for one."""
    return triggers_of("retrain")


def _trigger(
    name: str, event: str, resource: str, action: str | None, *, with_reason: bool = True
) -> DeploymentEventTrigger:
    match = {"prefect.resource.id": resource} | ({"fsl.action": action} if action else {})
    parameters = {"project": _from_event("project")} | ({"reason": _from_event("reason")} if with_reason else {})
    return DeploymentEventTrigger(
        name=name, expect={event}, match=match, threshold=1, within=timedelta(0), parameters=parameters
    )


def _from_event(key: str) -> dict[str, str]:
    return {"template": f"{{{{ event.payload.{key} }}}}", "__prefect_kind": "jinja"}
