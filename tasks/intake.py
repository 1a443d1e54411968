"""Prefect tasks that take in dropped files. What is accepted and why is `fsl.data`'s."""

from datetime import UTC, datetime

from prefect import task
from prefect.artifacts import create_table_artifact
from pydantic import JsonValue

from fsl.data.history import read_history
from fsl.data.intake import ingest_object
from fsl.data.together import ingest_together, pending_groups
from fsl.scheduling import trigger_facts
from fsl.scheduling.claims import Busy
from fsl.scheduling.triggers import Due
from tasks.memory import past_of
from tasks.resources import RETRIES, is_transient, project_of
from tasks.turns import file_turn, files_turn


@task(name="list the inbox", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def list_inbox(project: str) -> list[list[str]]:
    """Return the keys of dropped files that no batch has claimed, those together that come in together."""
    return [list(keys) for keys in pending_groups(project_of(project).store)]


@task(
    name="ingest a file", task_run_name="ingest {key}", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES
)
def ingest_file(project: str, key: str) -> dict[str, JsonValue]:
    """Validate one dropped file and commit what is good.

    Returns:
        `batch`, its number; or None with `said`, where another worker is at this very file, or was.
    """
    opened = project_of(project)
    with file_turn(opened, key) as turn:
        if isinstance(turn, Busy):
            return {"batch": None, "said": f"{key}: {turn}"}
        with past_of(opened) as past:
            past.refresh(opened.store)
            n_before = past.n
            batch = ingest_object(opened.store, opened.config, key, now=datetime.now(UTC), past=past).seq
        turn.outcome = f"batch {batch}"
        if batch <= n_before:
            return {"batch": None, "said": f"{key} is batch {batch} already"}
        return {"batch": batch, "said": turn.outcome}


@task(
    name="ingest files together",
    task_run_name="ingest {keys[0]} and others",
    timeout_seconds=3600,
    retry_condition_fn=is_transient,
    **RETRIES,
)
def ingest_files(project: str, keys: list[str]) -> dict[str, JsonValue]:
    """Validate many small dropped files, and commit what is good as one batch.

    Returns:
        `batches`, the numbers of new ones; `said`, what became of files that are in no new one; `refused`, why files
        stay in the inbox, by key.
    """
    opened = project_of(project)
    with files_turn(opened, keys) as turn:
        if isinstance(turn, Busy):
            return {"batches": [], "said": [f"{len(keys)} files from {keys[0]} on: {turn}"], "refused": {}}
        with past_of(opened) as past:
            taken = ingest_together(opened.store, opened.config, keys, now=datetime.now(UTC), past=past)
        turn.outcome = f"batches {', '.join(map(str, taken.new))}" if taken.new else "nothing new"
        said: list[JsonValue] = [
            f"{key} is batch {record.seq} already"
            for key, record in taken.batches.items()
            if record.seq not in taken.new
        ]
        refused: dict[str, JsonValue] = {key: str(error) for key, error in taken.faults.items()}
        return {"batches": [*taken.new], "said": said, "refused": refused}


@task(name="show the batches", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def show_batches(project: str, numbers: list[int]) -> None:
    """Put what came in on the run's page."""
    store = project_of(project).store
    rows = [
        {
            "batch": record.seq,
            "file": record.source.name,
            "read": record.n_read,
            "accepted": record.rows.n,
            "to pool": record.pool.n,
            "refused": record.n_refused,
            "duplicates": record.n_duplicates,
            "validation page": store.where(record.report),
        }
        for record in read_history(store)
        if record.seq in set(numbers)
    ]
    create_table_artifact(rows, key="batches", description=f"{project}: what came in")


@task(name="ask whether to retrain", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def ask_for_retrain(project: str) -> Due:
    """Gather what is known, and decide."""
    return trigger_facts.ask_for_retrain(project_of(project), now=datetime.now(UTC))
