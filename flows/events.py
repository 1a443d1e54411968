"""The names by which flows start each other through Prefect's events, and the triggers made of them.

An event says what happened to a project and, in the label `fsl.action`, what should follow; a trigger matches on
that label, so the decision is made once, in the library, and shows in the event feed even when it is "wait".
"""

from datetime import timedelta

from prefect.events import DeploymentEventTrigger

BATCH_ACCEPTED = "fsl.batch.accepted"
DRIFT_CHECKED = "fsl.drift.checked"


def project_resource(project: str, *, action: str) -> dict[str, str]:
    """Return the resource that an event of a project is about."""
    return {"prefect.resource.id": f"fsl.project.{project}", "prefect.resource.name": project, "fsl.action": action}


def retrain_triggers() -> list[DeploymentEventTrigger]:
    """Return what starts a retrain: an accepted batch or a drift check that asks for one."""
    return [
        DeploymentEventTrigger(
            name=f"retrain on {event}",
            expect={event},
            match={"prefect.resource.id": "fsl.project.*", "fsl.action": "retrain"},
            threshold=1,
            within=timedelta(0),
            parameters={
                "project": {"template": "{{ event.payload.project }}", "__prefect_kind": "jinja"},
                "reason": {"template": "{{ event.payload.reason }}", "__prefect_kind": "jinja"},
            },
        )
        for event in (BATCH_ACCEPTED, DRIFT_CHECKED)
    ]
