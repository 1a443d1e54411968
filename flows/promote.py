"""The promote flow: a person makes a version the champion, over the gate's head, signed and on record."""

from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flows.events import CHAMPION_MOVED, tell
from flows.parameters import Person, ProjectName, VersionName, Why
from tasks.promotion import promote_by_hand
from tasks.turns import sign_of_life


@flow(name="promote", flow_run_name="promote {project} {version}", persist_result=True, result_serializer="json")
def promote(
    project: ProjectName,
    version: VersionName,
    who: Person,
    why: Why,
    despite_rollback: Annotated[bool, Field(description="Also where a rollback left this version.")] = False,
) -> dict[str, Any]:
    """Make a version the champion, whatever the gate said of it.

    Args:
        project: the project's name, as in its fsl.yaml.
        version: as `fsl models ls` names it.
        who: who wants it; kept in the log.
        why: kept in the log.
        despite_rollback: also where somebody left this version because it was bad.
    """
    with sign_of_life(project):
        move = promote_by_hand(project, version, f"person:{who}", why, despite_rollback)
        tell(CHAMPION_MOVED, project, action="promoted", payload={"version": version, "reason": why})
        return {"version": move["version"], "move": move["seq"]}
