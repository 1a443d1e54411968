"""Registering with a real Prefect server: twice is once, what no config says goes; Prefect's own command can, too."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server.deployments import DEPLOYMENTS, FLOWS
from flows.server.prefect_file import render
from flows.server.registering import (
    NoServer,
    OtherPrefect,
    PrefectAway,
    check_server,
    is_registered,
    is_spoken_to,
    register,
)
from fsl.config import RunConfig
from fsl.config.file import parse_config
from fsl.project import NoSuchProject, Project, open_project

DEPLOY_FILE = Path(__file__).parents[2] / "deploy" / "prefect.yaml"
TICKETS = """
project: tickets
schedule: {cycle: '15 * * * *', housekeeping: null, retrain: '0 3 * * *', timezone: Asia/Tokyo}
triggers: {also: [{after: fsl.champion.moved, action: promoted, run: housekeeping}]}
"""
NEWS = "project: news\nschedule: {cycle: '0 6 * * *', housekeeping: null}\n"

Known = dict[str, set[str]]


def config(text: str) -> RunConfig:
    return parse_config(text, where="test")


@pytest.fixture
def known() -> Iterator[Callable[[], Known]]:
    """What the server knows of ours; all of it is removed afterwards, since the session's other tests share it."""

    def read() -> Known:
        with get_client(sync_client=True) as client:
            deployments = [one for one in client.read_deployments() if one.name in FLOWS]
            return {
                "deployments": {one.name for one in deployments},
                "pools": {str(one.work_pool_name) for one in deployments},
                "entrypoints": {str(one.entrypoint) for one in deployments},
                "schedules": {
                    f"{one.name} {schedule.schedule.cron} {schedule.schedule.timezone} {schedule.parameters}"
                    for one in deployments
                    for schedule in one.schedules
                },
                "automations": {describe(one) for one in client.read_automations()},
                "n_automations": {str(len(client.read_automations()))},
            }

    yield read
    with get_client(sync_client=True) as client:
        for automation in client.read_automations():
            client.delete_automation(automation.id)
        for one in client.read_deployments():
            if one.name in FLOWS:
                client.delete_deployment(one.id)


def describe(automation: Any) -> str:
    trigger = automation.trigger
    return f"{automation.name}: {sorted(trigger.expect)} {trigger.match.root} {automation.actions[0].parameters}"


def test_registering_twice_is_registering_once_and_what_no_config_says_any_more_goes(
    known: Callable[[], Known],
) -> None:
    assert not is_registered([config(TICKETS), config(NEWS)], pool="fsl")
    register([config(TICKETS), config(NEWS)], pool="fsl")
    assert is_registered([config(NEWS), config(TICKETS)], pool="fsl")  # a worker that starts again asks no more
    assert not is_registered([config(NEWS)], pool="fsl")
    assert not is_registered([config(TICKETS), config(NEWS)], pool="other")
    first = known()
    done = register([config(TICKETS), config(NEWS)], pool="fsl")

    assert known() == first
    assert {f"{name}/{name}" for name in first["deployments"]} == set(DEPLOYMENTS) == set(done.deployments)
    assert first["pools"] == {"fsl"}
    assert first["schedules"] == {
        "cycle 15 * * * * Asia/Tokyo {'project': 'tickets'}",
        "retrain 0 3 * * * Asia/Tokyo {'project': 'tickets', 'reason': 'the schedule'}",
        "cycle 0 6 * * * UTC {'project': 'news'}",
    }
    assert first["n_automations"] == {"3"}

    register([config(NEWS)], pool="other")  # tickets was removed, and everything moves to another pool

    after = known()
    assert after["schedules"] == {"cycle 0 6 * * * UTC {'project': 'news'}"}
    assert after["n_automations"] == {"2"}
    assert after["pools"] == {"other"}


def test_prefects_own_command_makes_the_same_of_the_written_file(known: Callable[[], Known], tmp_path: Path) -> None:
    register([config(TICKETS), config(NEWS)], pool="fsl")
    ours = known()
    file = tmp_path / "prefect.yaml"
    file.write_text(render([config(TICKETS), config(NEWS)], pool="fsl", file="prefect.yaml"), encoding="utf-8")

    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    environment["PYTHONPATH"] = str(DEPLOY_FILE.parents[1])
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert known() == ours


def test_the_file_that_is_written_by_hand_is_the_one_of_no_project() -> None:
    rendered, by_hand = (yaml.safe_load(text) for text in (render([], pool="fsl", file="f"), DEPLOY_FILE.read_text()))

    def essence(document: dict[str, Any]) -> dict[str, Any]:
        keys = ("tags", "work_pool", "triggers", "schedules", "entrypoint")
        return {
            entry["name"]: {key: entry.get(key) or [] for key in keys}
            | {"entrypoint": entry["entrypoint"].replace(".py:", ".").replace("/", ".")}
            for entry in document["deployments"]
        }

    assert essence(rendered) == essence(by_hand)


def test_no_server_and_one_that_is_away_are_answered_with_how_to_get_one() -> None:
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(NoServer, match=r"PREFECT_API_URL=.*fsl up"):
        check_server()
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(PrefectAway, match=r"127\.0\.0\.1:9/api does not answer .*fsl up"),
    ):
        register([], pool="fsl")


@pytest.mark.parametrize(
    ("theirs", "answer"),
    [("3.8.8", True), ("3.8.1", True), ("3.14.0", True), ("3.7.9", False), ("2.20.9", False), ("4.0.0", False)],
)
def test_a_server_understands_clients_of_its_major_that_are_not_newer(theirs: str, answer: bool) -> None:
    assert is_spoken_to(theirs, "3.8.8") is answer
    assert not is_spoken_to("<html>", "3.8.8")


def test_a_server_of_another_version_is_refused_with_both_versions_and_nothing_is_registered() -> None:
    asked: list[str] = []

    class Old(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'"2.20.9"')

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Old)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = r"version 2\.20\.9, and this fsl speaks to 3\.8 .*pip install"
    with (
        temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}/api"}),
        pytest.raises(OtherPrefect, match=said),
    ):
        register([config(NEWS)], pool="fsl")
    server.shutdown()
    server.server_close()

    assert asked == ["/api/admin/version"]


def test_a_run_of_a_project_that_was_removed_says_how_its_schedules_go(project: Project) -> None:
    from flows.housekeeping import housekeeping

    with pytest.raises(NoSuchProject, match=r"no project 'was-removed' in .*`fsl deploy` takes its schedules away"):
        housekeeping("was-removed")
    assert open_project(project.name).name == project.name
