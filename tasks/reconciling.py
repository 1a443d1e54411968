"""The Prefect task that calls dead runs dead.

A worker that is killed with everything it started leaves its runs "Running" for ever. Each run of ours holds a claim
while it lives (`tasks.turns.sign_of_life`); one that was not heard of for longer than the expiry is marked Crashed.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import task

from fsl.project import Project
from fsl.store import layout
from tasks.resources import RETRIES, is_transient, project_of
from tasks.turns import RUN, expiry_of

MAX_RUNS = 200
# Between the start that Prefect sees and the first sign of life lies the start of a process.
STARTING = timedelta(minutes=10)


@task(name="reconcile dead runs", timeout_seconds=300, retry_condition_fn=is_transient, **RETRIES)
def reconcile_runs(project: str) -> list[str]:
    """Mark the runs of a project that died as Crashed; return their names."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    opened = project_of(project)
    live = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
    crashed = []
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(state=live), limit=MAX_RUNS):
            if run.parameters.get("project") != project or not _is_dead(opened, run):
                continue
            message = "its worker is gone: nothing was heard of it for longer than claims.expiry_seconds"
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
            crashed.append(str(run.name))
    return crashed


def _is_dead(opened: Project, run: Any) -> bool:
    silent = opened.store.age(layout.claim_sign(RUN, str(run.id), 1))
    if silent is None:
        silent = opened.store.age(layout.claim(RUN, str(run.id), 1))
    if silent is not None:
        return silent > expiry_of(opened) + timedelta(seconds=2)
    return bool(run.state and datetime.now(UTC) - run.state.timestamp > STARTING)
