"""The ingest flow: everything dropped in the inbox becomes batches, pool and quarantine; then it says what came."""

import shlex
from dataclasses import dataclass

from prefect import flow
from prefect.events import emit_event

from flows.events import BATCH_ACCEPTED, project_resource
from fsl.errors import FslError
from fsl.store import layout
from tasks.intake import ask_for_retrain, ingest_file, list_inbox


@dataclass(eq=False)
class FilesRefused(FslError):
    """Some files could not be taken in. They stay in the inbox; the others were."""

    reasons: dict[str, str]

    def __str__(self) -> str:
        told = "\n".join(f"{key}: {why}" for key, why in self.reasons.items())
        name = next(iter(self.reasons)).removeprefix(layout.INBOX)
        return (
            f"{told}\nEvery other file was taken in. What was refused stays in the inbox, and is tried again; to move "
            f"it out: fsl data set-aside {shlex.quote(name)} --reason '…'"
        )


@flow(name="ingest", flow_run_name="ingest {project}", persist_result=True, result_serializer="json")
def ingest(project: str) -> dict[str, object]:
    """Take in every dropped file of a project.

    Args:
        project: the project's name, as in its fsl.yaml.
    """
    batches, refused = [], {}
    for key in list_inbox(project):
        state = ingest_file(project, key, return_state=True)
        if state.is_completed():
            batches.append(state.result())
        else:
            # One bad file must not keep the others out; the flow still ends as failed, below.
            refused[key] = str(state.result(raise_on_failure=False))
    due = ask_for_retrain(project)
    if batches:
        payload = {"project": project, "batches": batches, "reason": due.reason}
        emit_event(
            BATCH_ACCEPTED, resource=project_resource(project, action="retrain" if due.yes else "wait"), payload=payload
        )
    if refused:
        raise FilesRefused(refused)
    return {"batches": batches, "retrain": due.yes, "reason": due.reason}
