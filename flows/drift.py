"""The drift flow: has served traffic changed, and what is to be done? It says so in an event, and a trigger acts."""

from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flows.events import CHAMPION_MOVED, DRIFT_CHECKED, tell
from flows.parameters import ProjectName
from fsl.promotion.watch import Watch
from tasks.alerts import alert_surges
from tasks.drift import check_window
from tasks.intake import ask_for_retrain
from tasks.promotion import watch_champion
from tasks.turns import sign_of_life


@flow(name="drift", flow_run_name="drift {project}", persist_result=True, result_serializer="json")
def drift(
    project: ProjectName,
    follow: Annotated[bool, Field(description="Whether what is found may start a retrain.")] = True,
) -> dict[str, Any]:
    """Compare the latest served window with the champion's first traffic.

    Surges of one label are told to whoever `surges.block` reaches.

    A champion that answers oddly gives its place back first: what it served is then no reference for anything.

    Args:
        project: the project's name, as in its fsl.yaml.
        follow: whether what is found may start a retrain.
    """
    with sign_of_life(project):
        watched = watch_champion(project)
        if watched["state"] == Watch.ROLLED_BACK:
            found: dict[str, Any] = {"window": None, "action": "rolled-back", "reason": "; ".join(watched["reasons"])}
            tell(CHAMPION_MOVED, project, action="rolled-back", payload={"reason": found["reason"]})
        else:
            found = check_window(project)
            found["surges"] = alert_surges(project)
        if found["action"] == "retrain":
            due = ask_for_retrain(project)
            if not due.yes:
                found |= {"action": "wait", "reason": due.reason}
        action = found["action"] if follow else "left to the cycle"
        tell(DRIFT_CHECKED, project, action=action, payload={**found, "reason": f"drift: {found['reason']}"})
        return found
