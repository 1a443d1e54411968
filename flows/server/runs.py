"""Flow runs on a Prefect server: start one, find the one that an automation started, wait, and say how it went."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fsl.errors import FslError


@dataclass(eq=False)
class RunFailed(FslError):
    """A flow run did not end well."""

    flow: str
    state: str
    message: str
    page: str

    def __str__(self) -> str:
        return f"the run of {self.flow} ended as {self.state}: {self.message}\nIts page: {self.page}"


@dataclass(eq=False)
class NoRun(FslError):
    """Nothing was started, although something should have been."""

    flow: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"no run of {self.flow} was started within {self.seconds:.0f} s. Is the worker alive? Its log is "
            f".fsl/prefect/worker.log; the automations are on Prefect's page."
        )


@dataclass(frozen=True)
class RunState:
    """What a run is doing."""

    name: str  # of the state, such as Running
    step: str  # the task that runs, or ""
    share: float | None  # of that task, where it tells


Watch = Callable[[RunState], None]


def deployment_names(api: str) -> list[str]:
    """Return `flow/deployment` of everything a server knows."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        flows = {flow.id: flow.name for flow in client.read_flows()}
        return [f"{flows[deployment.flow_id]}/{deployment.name}" for deployment in client.read_deployments()]


def start_run(name: str, parameters: dict[str, Any]) -> UUID:
    """Start a deployment's run and return its id at once."""
    from prefect.deployments import run_deployment

    return run_deployment(f"{name}/{name}", parameters=parameters, timeout=0, as_subflow=False).id


def find_started_run(flow: str, *, since: datetime, within_seconds: float = 90.0) -> UUID:
    """Wait for a run of a flow that somebody else started after a time. Raises NoRun."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowFilter,
        FlowFilterName,
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
    )

    deadline = time.monotonic() + within_seconds
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            runs = client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])),
                flow_run_filter=FlowRunFilter(expected_start_time=FlowRunFilterExpectedStartTime(after_=since)),
            )
            if runs:
                return runs[0].id
            time.sleep(0.5)
    raise NoRun(flow, within_seconds)


def wait_for_run(run_id: UUID, flow: str, page: str, *, watch: Watch = lambda state: None) -> Any:
    """Wait until a run ends, telling `watch` what it does. Raises RunFailed with what the flow said."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        while True:
            run = client.read_flow_run(run_id)
            if run.state is not None and run.state.is_final():
                break
            watch(_state_of(client, run))
            time.sleep(0.7)
    if not run.state.is_completed():
        message = (run.state.message or "").removeprefix("Flow run encountered an exception: ")
        raise RunFailed(flow, run.state.name, message, f"{page}/runs/flow-run/{run_id}")
    return run


def _state_of(client: Any, run: Any) -> RunState:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    only = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    tasks = [task for task in client.read_task_runs(flow_run_filter=only) if task.state and task.state.is_running()]
    step = tasks[0].name.rsplit("-", 1)[0] if tasks else ""
    return RunState(run.state.name if run.state else "", step, _share_of(client, run) if tasks else None)


def _share_of(client: Any, run: Any) -> float | None:
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterType
    from prefect.client.schemas.sorting import ArtifactSort

    found = client.read_artifacts(
        artifact_filter=ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]), type=ArtifactFilterType(any_=["progress"])
        ),
        sort=ArtifactSort.CREATED_DESC,
        limit=1,
    )
    share = float(found[0].data) / 100 if found else 1.0
    return share if share < 1.0 else None
