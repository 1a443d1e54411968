"""The rollback flow: a person gives the champion's place back to the version before."""

from typing import Any

from prefect import flow

from flows.events import CHAMPION_MOVED, tell
from flows.parameters import Person, ProjectName, Why
from tasks.promotion import roll_back
from tasks.turns import sign_of_life


@flow(name="rollback", flow_run_name="rollback {project}", persist_result=True, result_serializer="json")
def rollback(project: ProjectName, who: Person, why: Why) -> dict[str, Any]:
    """Make the version before the champion once more; the one it leaves is not promoted again by itself.

    Args:
        project: the project's name, as in its fsl.yaml.
        who: who wants it; kept in the log.
        why: kept in the log.
    """
    with sign_of_life(project):
        move = roll_back(project, f"person:{who}", why)
        tell(CHAMPION_MOVED, project, action="rolled-back", payload={"version": move["version"], "reason": why})
        return {"version": move["version"], "move": move["seq"], "left": move["rolled_back"]}
