"""Listening for silence: what a project's store and the Prefect server know, and the task that says it.

What counts as too silent is `fsl.scheduling.silence`'s. The same silence is told once a day, whoever notices it.
"""

import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import task

from fsl.data.intake import pending_objects
from fsl.project import Project
from fsl.scheduling.claims import Ticket, take, worker_name
from fsl.scheduling.silence import SCHEDULED, Alarm, Heard, find_alarms
from fsl.store import layout
from tasks.resources import RETRIES, is_transient, project_of

log = logging.getLogger("fsl.silence")

AGAIN_AFTER = timedelta(days=1)


@task(name="listen for silence", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def listen(project: str) -> list[dict[str, str]]:
    """Say what should have happened by now and did not; return what nobody told yet, as `kind` and `words`."""
    opened = project_of(project)
    alarms = find_silence(opened, now=datetime.now(UTC))
    for alarm in alarms:
        log.warning("silence: %s", alarm.words)
    return [{"kind": alarm.kind, "words": alarm.words} for alarm in untold(opened, alarms)]


def find_silence(opened: Project, *, now: datetime) -> tuple[Alarm, ...]:
    """Ask the store and the Prefect server that the settings name, and decide."""
    return find_alarms(hear(opened), opened.config, now=now)


def hear(opened: Project) -> Heard:
    """Gather what is known."""
    from prefect.client.orchestration import get_client

    config = opened.store.head(layout.CONFIG)
    pending = set(pending_objects(opened.store))
    waiting = sorted((info for info in opened.store.list(layout.INBOX) if info.key in pending), key=_written)
    with get_client(sync_client=True) as client:
        scheduled = [flow for flow in SCHEDULED if getattr(opened.config.schedule, flow) is not None]
        last_runs = {flow: when for flow in scheduled if (when := _last_start(client, flow, opened.name)) is not None}
        pools = {opened.config.deploy.pool, opened.config.deploy.training_pool} - {None}
        workers = {str(pool): _last_heard(client, str(pool)) for pool in sorted(map(str, pools))}
    return Heard(
        since=config.modified if config else datetime.now(UTC),
        last_runs=last_runs,
        n_waiting=len(waiting),
        oldest_drop=waiting[0].modified if waiting else None,
        oldest_name=waiting[0].key.removeprefix(layout.INBOX) if waiting else "",
        workers=workers,
    )


def untold(opened: Project, alarms: Iterable[Alarm]) -> list[Alarm]:
    """Return those that nobody told within a day; from now on they count as told."""
    found = []
    for alarm in alarms:
        key = hashlib.sha256(f"{alarm.kind} {alarm.what}".encode()).hexdigest()[:32]
        got = take(opened.store, "alarm", key, expiry=AGAIN_AFTER, subject=alarm.what[:200], holder=worker_name())
        if isinstance(got, Ticket):
            found.append(alarm)
    return found


def _written(info: Any) -> datetime:
    when: datetime = info.modified
    return when


def _last_start(client: Any, flow: str, project: str) -> datetime | None:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName, FlowRunFilterStartTime
    from prefect.client.schemas.sorting import FlowRunSort

    begun = FlowRunFilterStartTime(before_=datetime.now(UTC) + timedelta(days=1))
    # A retrain's name says the version, too, once that is known.
    names = (FlowRunFilterName(any_=[f"{flow} {project}"]), FlowRunFilterName(like_=f"{flow} {project} v-"))
    runs = [
        run
        for name in names
        for run in client.read_flow_runs(
            flow_run_filter=FlowRunFilter(name=name, start_time=begun), sort=FlowRunSort.START_TIME_DESC, limit=1
        )
    ]
    return max((run.start_time for run in runs if run.start_time is not None), default=None)


def _last_heard(client: Any, pool: str) -> datetime | None:
    from prefect.exceptions import ObjectNotFound

    try:
        client.read_work_pool(pool)  # of a pool that is not there, the list of workers is a bare HTTP error
        workers = client.read_workers_for_work_pool(pool)
    except ObjectNotFound:
        return None
    return max((one.last_heartbeat_time for one in workers if one.last_heartbeat_time), default=None)
