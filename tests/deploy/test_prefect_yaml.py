"""Each entry of deploy/prefect.yaml names a flow that exists, with triggers that give what it takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.exceptions import ParameterTypeError
from prefect.flows import Flow, load_flow_from_entrypoint

from flows.events import retrain_triggers
from flows.server.deployments import DEPLOYMENTS

FILE = Path(__file__).parents[2] / "deploy" / "prefect.yaml"
ENTRIES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_the_entrypoint_is_a_flow_whose_parameters_the_triggers_give(entry: dict[str, Any]) -> None:
    path, name = entry["entrypoint"].split(":")
    flow: Flow[Any, Any] = load_flow_from_entrypoint(f"{FILE.parents[1] / path}:{name}")

    given = [set(trigger["parameters"]) for trigger in entry.get("triggers", [])]

    assert flow.name == entry["name"]
    assert all(flow.validate_parameters(dict.fromkeys(names, "text")) for names in given)
    needed = dict.fromkeys(flow.parameters.required, "text")
    assert flow.validate_parameters(needed | {"project": "support-intents"})["project"] == "support-intents"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_every_parameter_is_described_and_a_project_is_a_name(entry: dict[str, Any]) -> None:
    path, name = entry["entrypoint"].split(":")
    flow: Flow[Any, Any] = load_flow_from_entrypoint(f"{FILE.parents[1] / path}:{name}")

    assert all(parameter.get("description") for parameter in flow.parameters.properties.values())
    with pytest.raises(ParameterTypeError, match="project"):
        flow.validate_parameters(dict.fromkeys(flow.parameters.required, "text") | {"project": "../other"})


def test_the_file_and_the_served_worker_have_the_same_deployments() -> None:
    assert {f"{entry['name']}/{entry['name']}" for entry in ENTRIES} == set(DEPLOYMENTS)


def test_the_file_and_the_served_worker_have_the_same_triggers() -> None:
    written = {
        (trigger["name"], tuple(trigger["expect"]), tuple(sorted(trigger["match"].items())))
        for entry in ENTRIES
        for trigger in entry.get("triggers", [])
    }
    served = {
        (trigger.name, tuple(trigger.expect), tuple(sorted(trigger.match.root.items())))
        for trigger in retrain_triggers()
    }

    assert written == served
