"""Prefect tasks that take in dropped files. What is accepted and why is `fsl.data`'s."""

from datetime import UTC, datetime

from prefect import task

from fsl.data.batches import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.snapshots import SnapshotRef, load_snapshot
from fsl.promotion import champion_snapshot
from fsl.triggers import Due, is_retrain_due
from tasks.resources import RETRIES, is_transient, project_of


@task(name="list the inbox", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def list_inbox(project: str) -> list[str]:
    """Return the keys of dropped files that no batch has claimed."""
    return list(pending_objects(project_of(project).store))


@task(
    name="ingest a file", task_run_name="ingest {key}", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES
)
def ingest_file(project: str, key: str) -> int:
    """Validate one dropped file and commit what is good; return the batch's number."""
    opened = project_of(project)
    return ingest_object(opened.store, opened.config, key, now=datetime.now(UTC)).seq


@task(name="ask whether to retrain", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def ask_for_retrain(project: str) -> Due:
    """Count what came in since the champion was trained, and decide."""
    opened = project_of(project)
    digest = champion_snapshot(opened)
    seen = {batch.seq for batch in load_snapshot(opened.store, SnapshotRef(digest)).batches} if digest else set()
    n_new = sum(record.rows.n for record in read_history(opened.store) if record.seq not in seen)
    return is_retrain_due(n_new, has_champion=digest is not None, config=opened.config.triggers)
