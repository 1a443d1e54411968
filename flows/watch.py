"""The watch flow: does the new champion answer live traffic soundly? If not, the version before serves again."""

from typing import Any

from prefect import flow

from tasks.promotion import watch_champion


@flow(name="watch", flow_run_name="watch {project}", persist_result=True, result_serializer="json")
def watch(project: str) -> dict[str, Any]:
    """Compare what the champion served since its promotion with what the version before says of the same texts.

    Args:
        project: the project's name, as in its fsl.yaml.
    """
    return watch_champion(project)
