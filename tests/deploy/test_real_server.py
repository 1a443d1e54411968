"""On a real server with a real worker: schedules and events start the right flow with the right parameters, once."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from bench import orchestration_stage as stage
from flows.local_prefect import LocalPrefect, local_prefect
from fsl.config import StoreConfig
from fsl.project import Project
from fsl.promotion.promote import CHAMPION
from fsl.store.aliases import read_moves
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore
from fsl.workspace import store_environment

SCHEDULES = "schedule: {retrain: '0 3 * * *', timezone: Asia/Tokyo, cycle: null, housekeeping: '30 4 * * *'}\n"


@pytest.fixture(scope="module")
def served(
    s3: Endpoint, store_config: StoreConfig, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LocalPrefect, Project]]:
    """A server and a worker over a bucket of their own with one project, which says when it is to be retrained."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    own = store_config.model_copy(update={"bucket": f"served-{uuid.uuid4().hex[:8]}"})
    ObjectStore.connect(own, credentials=s3.credentials).ensure_bucket()
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FSL_CACHE_DIR", str(folder / "cache"))
        for key, value in store_environment(own, s3.credentials).items():
            patch.delenv(key, raising=False) if value is None else patch.setenv(key, value)
        encoder = stage.build_encoder(folder / "encoder", [row["text"] for row in stage.sample_rows()])
        project = stage.new_project("served", encoder, own, SCHEDULES)
        with local_prefect(folder) as prefect, temporary_settings({PREFECT_API_URL: prefect.api}):
            yield prefect, project


def runs_of(flow: str) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])))


def wait_for(flow: str, n: int) -> list[Any]:
    """Wait until so many runs of a flow that were not planned by a schedule have ended, and return them all."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        started = [run for run in runs_of(flow) if not run.auto_scheduled]
        if len([run for run in started if run.state.is_final()]) >= n:
            return started
        time.sleep(0.5)
    raise AssertionError(f"{flow}: {[(run.name, run.state) for run in runs_of(flow)]}")


def test_schedules_and_events_start_the_right_flow_with_the_right_parameters_once(
    served: tuple[LocalPrefect, Project],
) -> None:
    import httpx
    from prefect.events import Event

    from flows.arrival import start_ingest
    from flows.events import DRIFT_CHECKED, project_resource
    from fsl.scheduling.arrival import Arrival

    prefect, project = served
    stage.drop(project, stage.sample_rows())

    assert start_ingest(Arrival("served", "inbox/rows.jsonl"))
    (ingested,) = wait_for("ingest", 1)
    assert ingested.state.is_completed()
    (first,) = wait_for("retrain", 1)
    assert first.state.is_completed(), first.state.message
    assert first.parameters["project"] == "served"
    assert first.parameters["reason"].startswith("116 new rows and there is no champion yet")
    assert len(read_moves(project.registry, CHAMPION)) == 1

    for action in ("wait", "retrain"):  # what says wait starts nothing
        payload = {"project": "served", "reason": f"drift: {action}"}
        event = Event(event=DRIFT_CHECKED, resource=project_resource("served", action=action), payload=payload)
        # Straight to this server: `emit_event` goes to the one that this process first spoke to.
        httpx.post(f"{prefect.api}/events", json=[event.model_dump(mode="json")]).raise_for_status()
    after = wait_for("retrain", 2)
    assert sorted(run.parameters["reason"] for run in after) == [first.parameters["reason"], "drift: retrain"]

    planned = [run for run in runs_of("retrain") if run.auto_scheduled]
    assert planned
    assert {(run.parameters["project"], run.parameters["reason"]) for run in planned} == {("served", "the schedule")}
    assert {run.expected_start_time.strftime("%H:%M") for run in planned} == {"18:00"}  # three in the morning in Tokyo
    assert {run.parameters["project"] for run in runs_of("housekeeping")} == {"served"}
    assert runs_of("cycle") == []
