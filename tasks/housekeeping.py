"""Prefect tasks that clean. What may go, and when, is `fsl.store.cleaning`'s and `fsl.housekeeping`'s."""

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from pydantic import JsonValue

from fsl import housekeeping
from fsl.data import compaction, retention
from fsl.store.cleaning import clean
from tasks.resources import RETRIES, is_transient, project_of
from tasks.turns import run_name


@task(name="clean the registry", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES)
def clean_registry(project: str) -> dict[str, JsonValue]:
    """Mark what no alias needs, and remove what an earlier cleaning marked a grace period ago."""
    opened = project_of(project)
    config = opened.config.registry
    done = clean(
        opened.registry,
        now=datetime.now(UTC),
        keep=timedelta(days=config.keep_days),
        grace=timedelta(hours=config.grace_hours),
    )
    return {"kept": len(done.kept), "marked": len(done.marked), "removed": len(done.removed)}


@task(name="remove old runs' files", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES)
def remove_old_steps(project: str) -> dict[str, JsonValue]:
    """Remove the files that old retrains left on their way, while no retrain runs."""
    done = housekeeping.remove_old_steps(project_of(project), now=datetime.now(UTC), holder=run_name())
    return {"removed": done.n_removed, "said": done.said}


@task(name="apply retention", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES)
def apply_retention(project: str) -> dict[str, JsonValue]:
    """Retire and remove unlabelled texts, served texts and dropped files that are kept no longer."""
    done = retention.apply_retention(project_of(project), datetime.now(UTC))
    return {"retired": len(done.retired), "removed": len(done.removed), "waiting": len(done.waiting)}


@task(name="merge the prediction log", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES)
def compact_predictions(project: str) -> dict[str, JsonValue]:
    """Make one file of the many that an hour of traffic left; the small ones then go with what retention removes."""
    done = compaction.compact_predictions(project_of(project), now=datetime.now(UTC), holder=run_name())
    return {"hours": done.n_hours, "files": done.n_files, "said": done.said}


@task(name="prune old claims", timeout_seconds=600, retry_condition_fn=is_transient, **RETRIES)
def prune_claims(project: str) -> int:
    """Remove the numbers of old claims."""
    return housekeeping.prune_claims(project_of(project).store, now=datetime.now(UTC))


@task(name="show what was done", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def show_housekeeping(project: str, done: dict[str, Any]) -> None:
    """Put it on the run's page."""
    rows = [{"what": name, "done": str(value)} for name, value in done.items()]
    create_table_artifact(rows, key="housekeeping", description=f"{project}: what was cleaned")
