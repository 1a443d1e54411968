"""The drift flow: has served traffic changed, and what is to be done? It says so in an event, and a trigger acts."""

from typing import Any

from prefect import flow
from prefect.events import emit_event

from flows.events import DRIFT_CHECKED, project_resource
from fsl.watch import Watch
from tasks.drift import check_window
from tasks.promotion import watch_champion


@flow(name="drift", flow_run_name="drift {project}", persist_result=True, result_serializer="json")
def drift(project: str) -> dict[str, Any]:
    """Compare the latest served window with the champion's first traffic.

    A champion that answers oddly gives its place back first: what it served is then no reference for anything.

    Args:
        project: the project's name, as in its fsl.yaml.
    """
    watched = watch_champion(project)
    if watched["state"] == Watch.ROLLED_BACK:
        found: dict[str, Any] = {"window": None, "action": "rolled-back", "reason": "; ".join(watched["reasons"])}
    else:
        found = check_window(project)
    emit_event(
        DRIFT_CHECKED,
        resource=project_resource(project, action=found["action"]),
        payload={"project": project, **found, "reason": f"drift: {found['reason']}"},
    )
    return found
