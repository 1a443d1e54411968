"""Prefect tasks that take in dropped files. What is accepted and why is `fsl.data`'s."""

from datetime import UTC, datetime

from prefect import task
from prefect.artifacts import create_table_artifact
from pydantic import JsonValue

from fsl.data.batches import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.scheduling import trigger_facts
from fsl.scheduling.claims import Busy
from fsl.scheduling.triggers import Due
from tasks.memory import past_of
from tasks.resources import RETRIES, is_transient, project_of
from tasks.turns import file_turn


@task(name="list the inbox", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def list_inbox(project: str) -> list[str]:
    """Return the keys of dropped files that no batch has claimed."""
    return list(pending_objects(project_of(project).store))


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


@task(name="show the batches", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def show_batches(project: str, numbers: list[int]) -> None:
    """Put what came in on the run's page."""
    rows = [
        {
            "batch": record.seq,
            "file": record.source.name,
            "read": record.n_read,
            "accepted": record.rows.n,
            "to pool": record.pool.n,
            "refused": record.n_refused,
            "duplicates": record.n_duplicates,
        }
        for record in read_history(project_of(project).store)
        if record.seq in set(numbers)
    ]
    create_table_artifact(rows, key="batches", description=f"{project}: what came in")


@task(name="ask whether to retrain", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def ask_for_retrain(project: str) -> Due:
    """Gather what is known, and decide."""
    return trigger_facts.ask_for_retrain(project_of(project), now=datetime.now(UTC))
