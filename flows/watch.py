"""The watch flow: does the new champion answer live traffic soundly? If not, the version before serves again."""

from typing import Any

from prefect import flow

from flows.events import CHAMPION_MOVED, tell
from flows.parameters import ProjectName
from fsl.promotion.watch import Watch
from tasks.promotion import watch_champion
from tasks.turns import sign_of_life


@flow(name="watch", flow_run_name="watch {project}", persist_result=True, result_serializer="json")
def watch(project: ProjectName) -> dict[str, Any]:
    """Compare what the champion served since its promotion with what the version before says of the same texts.

    Args:
        project: the project's name, as in its fsl.yaml.
    """
    with sign_of_life(project):
        watched = watch_champion(project)
        if watched["state"] == Watch.ROLLED_BACK:
            tell(CHAMPION_MOVED, project, action="rolled-back", payload={"reason": "; ".join(watched["reasons"])})
        return watched
