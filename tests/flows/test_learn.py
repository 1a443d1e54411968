"""Training in another pool, where nobody is in it: the retrain says so, and what it asked for is taken back."""

import json

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.flow_engine import run_flow

from flows.ingest import ingest
from flows.learn import NobodyTrains
from flows.retrain import retrain
from flows.server.deployments import FLOWS
from flows.server.registering import register
from fsl.config import DeployConfig
from fsl.project import Project, push_config
from fsl.store import layout


def test_a_pool_that_nobody_serves_fails_the_retrain_with_a_sentence_and_its_run_is_cancelled(
    project: Project, sample_rows: list[dict[str, str]]
) -> None:
    deploy = DeployConfig(training_pool="gpu", training_wait_minutes=0.01)
    config = project.config.model_copy(update={"deploy": deploy})
    push_config(config, project.store)
    project.store.put(layout.inbox("a.jsonl"), "".join(json.dumps(row) + "\n" for row in sample_rows).encode())
    ingest(project.name, follow=False)
    register([config], pool="fsl")
    try:
        with get_client(sync_client=True) as client:
            mine = client.read_deployment_by_name("retrain/retrain")
            run = client.create_flow_run_from_deployment(mine.id, parameters={"project": project.name})
            state = run_flow(retrain, flow_run=run, parameters={"project": project.name}, return_type="state")

            error = state.result(raise_on_failure=False)
            assert isinstance(error, NobodyTrains)
            assert str(error).startswith("the work pool gpu (`deploy.training_pool`) did not train within 0.01 minutes")
            assert "Nothing was lost; the next retrain goes on from here." in str(error)
            (asked,) = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["learn"])))
            assert asked.state is not None
            assert asked.state.type.value in ("CANCELLING", "CANCELLED")
        with pytest.raises(NobodyTrains):
            state.result()
    finally:
        with get_client(sync_client=True) as client:
            for automation in client.read_automations():
                client.delete_automation(automation.id)
            for one in client.read_deployments():
                if one.name in (*FLOWS, "gpu"):
                    client.delete_deployment(one.id)
