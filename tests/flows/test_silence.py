"""Silence on a real Prefect server: noticed, told once, and it reaches a webhook through a block that config names."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.states import Running

from flows.inbox import Watcher
from flows.retrain import retrain
from flows.silence import register_notifications, tell_silence
from fsl.config import ScheduleConfig, SilenceConfig
from fsl.project import Project, push_config
from fsl.store import layout
from tasks.silence import find_silence, hear, untold

Letters = list[dict[str, Any]]


@pytest.fixture
def webhook() -> Iterator[tuple[str, Letters]]:
    """A receiver as a chat would run it: its address, and what came."""
    letters: Letters = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            letters.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", letters
    server.shutdown()
    thread.join()
    server.server_close()


def test_silence_reaches_the_webhook_that_the_config_names_once_with_its_reason(
    project: Project, webhook: tuple[str, Letters]
) -> None:
    url, letters = webhook
    block = CustomWebhookNotificationBlock(
        name="team", url=url, method="POST", json_data={"title": "{{subject}}", "text": "{{body}}"}
    )
    block.save("team", overwrite=True)
    kind = block.get_block_type_slug()
    notify = (f"{kind}/team", "slack-webhook/nobody")
    config = project.config.model_copy(
        update={
            "silence": SilenceConfig(notify=notify),
            "schedule": ScheduleConfig(cycle="0 * * * *", housekeeping=None, timezone="UTC"),
        }
    )
    project = push_config(config, project.store)
    project.store.put(layout.inbox("rows.jsonl"), b'{"text": "hello"}\n')
    later = datetime.now(UTC) + timedelta(hours=3)

    with get_client(sync_client=True) as client:
        assert register_notifications(client, [config]) == ("slack-webhook/nobody",)
        assert register_notifications(client, [config]) == ("slack-webhook/nobody",)
        names = [one.name for one in client.read_automations() if project.name in one.name]
    assert names == [f"fsl tells {kind}/team of silence in {project.name}"]

    alarms = find_silence(project, now=later)
    assert [alarm.kind for alarm in alarms] == ["worker", "schedule", "inbox"]
    told = untold(project, alarms)
    assert told == list(alarms)
    assert untold(project, find_silence(project, now=later)) == []  # whoever notices it next

    tell_silence(project.name, [{"kind": one.kind, "words": one.words} for one in told])
    deadline = time.monotonic() + 60
    while len(letters) < 3:
        assert time.monotonic() < deadline, letters
        time.sleep(0.1)
    assert {letter["title"] for letter in letters} == {f"fsl: {project.name} is too silent"}
    assert sorted(letter["text"] for letter in letters) == sorted(alarm.words for alarm in alarms)

    with get_client(sync_client=True) as client:
        assert register_notifications(client, [config.model_copy(update={"silence": SilenceConfig()})]) == ()
        assert [one.name for one in client.read_automations() if project.name in one.name] == []


def test_the_watcher_gives_what_starts_beside_it_its_time_before_it_calls_it_silent(project: Project) -> None:
    heard: list[str] = []
    watcher = Watcher(project.config.store, lambda arrival: "a run", lambda one: heard.append(one.name))

    for now in (1000.0, 1170.0):  # worker_minutes are 3
        watcher.look(now)
        assert project.name not in heard
    watcher.look(1240.0)

    assert project.name in heard


def test_a_retrain_whose_name_says_its_version_has_run_and_that_of_another_project_has_not(project: Project) -> None:
    schedule = ScheduleConfig(cycle=None, housekeeping=None, retrain="0 3 * * *")
    project = push_config(project.config.model_copy(update={"schedule": schedule}), project.store)

    def began(name: str) -> datetime | None:
        with get_client(sync_client=True) as client:
            run = client.create_flow_run(retrain, name=name, parameters={"project": "any"}, state=Running())
            return client.read_flow_run(run.id).start_time

    began(f"retrain {project.name}-2 v-1")
    began(f"housekeeping {project.name}")
    assert hear(project).last_runs == {}

    first = began(f"retrain {project.name}")
    assert hear(project).last_runs == {"retrain": first}
    named = began(f"retrain {project.name} v-b6770d3d4955")
    assert hear(project).last_runs == {"retrain": named}
