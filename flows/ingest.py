"""The ingest flow: everything dropped in the inbox becomes batches, pool and quarantine; then it says what came."""

import shlex
from dataclasses import dataclass
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.events import BATCH_ACCEPTED, tell
from flows.parameters import ProjectName
from flows.silence import say_silence
from fsl.errors import FslError
from fsl.store import layout
from tasks.intake import ask_for_retrain, ingest_file, ingest_files, list_inbox, show_batches
from tasks.turns import sign_of_life

MAX_SHOWN = 20  # refused files in one message; all have their reasons on their task's page


@dataclass(eq=False)
class FilesRefused(FslError):
    """Some files could not be taken in. They stay in the inbox; the others were."""

    reasons: dict[str, str]

    def __str__(self) -> str:
        shown = list(self.reasons.items())[:MAX_SHOWN]
        told = "\n".join(f"{key}: {why}" for key, why in shown)
        if len(self.reasons) > MAX_SHOWN:
            told += f"\n… and {len(self.reasons) - MAX_SHOWN} more files"
        name = next(iter(self.reasons)).removeprefix(layout.INBOX)
        return (
            f"{told}\nEvery other file was taken in. What was refused stays in the inbox, and is tried again; to move "
            f"it out: fsl data set-aside {shlex.quote(name)} --reason '…'"
        )


@flow(name="ingest", flow_run_name="ingest {project}", persist_result=True, result_serializer="json")
def ingest(
    project: ProjectName,
    follow: Annotated[bool, Field(description="Whether what came in may start a retrain.")] = True,
) -> dict[str, object]:
    """Take in every dropped file of a project. A file that another run is at is left to it.

    Args:
        project: the project's name, as in its fsl.yaml.
        follow: whether what came in may start a retrain.
    """
    with sign_of_life(project):
        if follow:  # else the cycle did
            say_silence(project)
        batches: list[int] = []
        elsewhere: list[str] = []
        refused: dict[str, str] = {}
        for keys in list_inbox(project):
            taken = _take(project, keys)
            batches += taken.batches
            elsewhere += taken.elsewhere
            refused |= taken.refused
        due = ask_for_retrain(project)
        if batches:
            show_batches(project, batches)
            action = ("retrain" if due.yes else "wait") if follow else "left to the cycle"
            tell(BATCH_ACCEPTED, project, action=action, payload={"batches": batches, "reason": due.reason})
        if refused:
            raise FilesRefused(refused)
        return {"batches": batches, "elsewhere": elsewhere, "retrain": due.yes, "reason": due.reason}


@dataclass(frozen=True)
class _Taken:
    batches: list[int]
    elsewhere: list[str]  # what is said of files that are in no new batch
    refused: dict[str, str]


def _take(project: str, keys: list[str]) -> _Taken:
    """Take one file in, or many together. One bad file must not keep the others out; the flow still ends as failed."""
    if len(keys) == 1:
        state = ingest_file(project, keys[0], return_state=True)
    else:
        state = ingest_files(project, keys, return_state=True)
    if not state.is_completed():
        return _Taken([], [], dict.fromkeys(keys, str(state.result(raise_on_failure=False))))
    found = state.result()
    if len(keys) == 1:
        return _Taken([], [str(found["said"])], {}) if found["batch"] is None else _Taken([found["batch"]], [], {})
    return _Taken(found["batches"], found["said"], found["refused"])
